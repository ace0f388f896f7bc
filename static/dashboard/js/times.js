/* Times that go on: "3 minutes ago" becomes 4, and exact times are told in the reader's zone. */

import { span } from "./words.js";

const EVERY = 10_000;

export function refreshTimes(root = document) {
    const now = Date.now();
    for (const element of root.querySelectorAll("time[data-ago], time[data-since]")) {
        const passed = span(now - Date.parse(element.dateTime));
        const text = "ago" in element.dataset ? `${passed} ago` : passed;
        if (element.textContent !== text) {
            element.textContent = text;
        }
    }
    for (const element of root.querySelectorAll("time[data-exact]")) {
        element.textContent = new Date(element.dateTime).toLocaleString();
        delete element.dataset.exact;
    }
}

export function watchTimes() {
    refreshTimes();
    setInterval(refreshTimes, EVERY);
    document.body.addEventListener("htmx:afterSettle", () => refreshTimes());
}
