/* What this person is told: in the bell's list, on the page of all of it, and as a short notice. */

import { applyRow } from "./rows.js";
import { toast } from "./toasts.js";

let pushed = 0;

/**
 * Show what was told before this page listened. *load* fetches the bell's list; what is pushed
 * meanwhile may not be in what comes, so it is asked for again.
 */
export async function refreshInbox(load) {
    const before = pushed;
    const fresh = (await load(document.getElementById("inbox").dataset.url)).querySelector("[data-unread-count]");
    if (pushed !== before) {
        await refreshInbox(load);
    } else if (fresh) {
        const rows = [...fresh.querySelectorAll("[data-row]")].reverse();
        rows.forEach((row) => applyRow({ noun: "notification", key: row.dataset.row, html: row.outerHTML }));
        showCount(Number(fresh.dataset.unreadCount));
    }
}

/** Show one notification that is new or was read, or (without one) that all were read. */
export function applyNotification({ key, html, title, link, tone, unread, is_new: isNew }) {
    pushed += 1;
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
