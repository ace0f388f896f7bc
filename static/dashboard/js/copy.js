/* Buttons that copy an ID or a command. */

const SHOWN = 1400;

async function put(text) {
    if (navigator.clipboard) {
        await navigator.clipboard.writeText(text);
        return;
    }
    // Plain http from another machine has no clipboard API.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
}

export function watchCopies() {
    document.addEventListener("click", async (event) => {
        const button = event.target.closest("[data-copy]");
        if (!button) {
            return;
        }
        event.preventDefault();
        await put(button.dataset.copy);
        button.dataset.done = "";
        setTimeout(() => delete button.dataset.done, SHOWN);
    });
}
