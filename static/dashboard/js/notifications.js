/* What this person is told: in the bell's list, on the page of all of it, and as a short notice. */

import { applyRow } from "./rows.js";
import { toast } from "./toasts.js";

/** Show one notification that is new or was read, or (without one) that all were read. */
export function applyNotification({ key, html, title, link, tone, unread, is_new: isNew }) {
    if (key) {
        applyRow({ noun: "notification", key, html });
    } else {
        document.querySelectorAll("[data-unread]").forEach(showRead);
    }
    showCount(unread);
    if (isNew) {
        toast({ text: title, tone: tone === "bad" ? tone : "", url: link });
    }
}

function showRead(row) {
    delete row.dataset.unread;
    row.querySelector("[data-mark-read]")?.remove();
}

function showCount(unread) {
    const count = document.getElementById("unread-count");
    count.textContent = unread;
    count.hidden = unread === 0;
}
