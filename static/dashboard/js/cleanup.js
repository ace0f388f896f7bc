/*
 * Ticking what is to be cleaned up. What it would free is the host's word, never added up here; so
 * whatever changes the ticks has the sum asked for again.
 */

const form = () => document.getElementById("cleanup");
const boxes = () => [...document.querySelectorAll('input[form="cleanup"][type=checkbox]')];

// What is held by containers can be ticked once all of them are.
function freeTheHeld(all) {
    const ticked = new Set(all.filter((box) => box.checked).map((box) => box.value));
    const isMeant = (value) => ticked.has(value);
    for (const box of all.filter((each) => each.dataset.behind)) {
        box.disabled = !box.dataset.behind.split(" ").every(isMeant);
        box.checked &&= !box.disabled;
    }
}

function refreshHeads() {
    for (const section of document.querySelectorAll("[data-cleanup-section]")) {
        const head = section.querySelector("[data-cleanup-all]");
        const own = [...section.querySelectorAll('input[name="ids"]:not(:disabled)')];
        const count = own.filter((box) => box.checked).length;
        if (head) {
            head.checked = own.length > 0 && count === own.length;
            head.indeterminate = count > 0 && count < own.length;
        }
    }
}

/** Make heads, bar and sum agree with what is ticked. */
export function refreshCleanup() {
    if (!form()) {
        return;
    }
    const all = boxes();
    freeTheHeld(all);
    refreshHeads();
    const bar = document.querySelector("[data-cleanup-bar]");
    bar.hidden = !all.some((box) => box.checked);
    if (!bar.hidden) {
        window.htmx.trigger("#cleanup-sum", "weigh");
    }
}

export function watchCleanup() {
    document.addEventListener("change", (event) => {
        const head = event.target.closest("[data-cleanup-all]");
        if (head) {
            const own = head.closest("[data-cleanup-section]").querySelectorAll('input[name="ids"]:not(:disabled)');
            own.forEach((box) => (box.checked = head.checked));
        }
        if (head || event.target.form === form()) {
            refreshCleanup();
        }
    });
    document.addEventListener("click", (event) => {
        if (event.target.closest("[data-cleanup-clear]")) {
            boxes().forEach((box) => (box.checked = false));
            refreshCleanup();
        } else if (event.shiftKey && event.target.form === form()) {
            refreshCleanup();
        }
    });
    document.body.addEventListener("htmx:afterSettle", (event) => event.target.id === "page" && refreshCleanup());
    document.addEventListener("refreshed", refreshCleanup);
}
