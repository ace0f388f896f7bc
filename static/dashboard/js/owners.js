/*
 * Whose things are. Pushed rows are the same for everybody, so each page marks those of others:
 * an operator stops, changes and removes only what is their own.
 */

/** Mark what in *root* belongs to somebody else; what `data-needs="owner"` there is out of reach. */
export function markOthers(root = document) {
    const { role, user } = document.body.dataset;
    if (role !== "operator") {
        return;
    }
    for (const element of [root, ...root.querySelectorAll("[data-owner]")]) {
        if (element.dataset && "owner" in element.dataset) {
            const isOthers = element.dataset.owner !== user;
            element.toggleAttribute("data-others", isOthers);
            element.querySelectorAll('input[data-needs="owner"]').forEach((box) => close(box, isOthers));
        }
    }
}

function close(box, isOthers) {
    if (isOthers) {
        box.disabled = true;
        box.checked = false;
        box.title = box.dataset.whose;
    }
}
