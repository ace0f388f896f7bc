/* Links that ask something open in the dialog; without a script they are pages of their own. */

const FIRST = [
    ".has-error :is(.input, :checked)",
    "[autofocus]",
    ".input:not([type=hidden])",
    ".button.primary",
    ".dialog-foot .button",
];

const dialog = () => document.getElementById("dialog");

export function openDialog(url) {
    window.htmx.ajax("GET", url, { target: "#dialog-content", swap: "innerHTML" }).then(() => {
        if (!dialog().open && dialog().querySelector(".dialog-head")) {
            dialog().showModal();
        }
        focusFirst();
    });
}

// What stands in a closed fold can take no focus, and leaves it to what closes the dialog.
function focusFirst() {
    const fields = FIRST.flatMap((each) => [...dialog().querySelectorAll(each)]);
    fields.find((each) => each.checkVisibility())?.focus();
}

function plainClick(event) {
    return event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
}

export function watchDialogs() {
    document.addEventListener("click", (event) => {
        const link = event.target.closest("a[data-dialog]");
        if (link && plainClick(event)) {
            event.preventDefault();
            // As it is written: links in a drawing have an href of another kind.
            openDialog(link.getAttribute("href"));
            return;
        }
        const closer = event.target.closest("[data-close]");
        const box = event.target.closest("dialog");
        if (box?.open && (closer || event.target === box)) {
            event.preventDefault();
            box.close();
        }
    });
    document.addEventListener("click", (event) => {
        for (const menu of document.querySelectorAll("details.menu[open]")) {
            if (!menu.contains(event.target)) {
                menu.open = false;
            }
        }
    });
    document.addEventListener("keydown", (event) => {
        const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
        if (menu) {
            menu.open = false;
            menu.querySelector("summary").focus();
        }
    });
    document.addEventListener("change", (event) => event.target.closest("[data-submit]")?.form.requestSubmit());
    document.body.addEventListener("close-dialog", () => dialog().close());
    document.body.addEventListener("htmx:afterSettle", (event) => {
        if (event.target.id === "dialog-content" && !dialog().open && dialog().querySelector(".dialog-head")) {
            dialog().showModal();
        }
        // What was focused may have gone with the form that was answered.
        const isAtNothing = document.activeElement === document.body;
        if (dialog().open && dialog().contains(event.target) && (isAtNothing || dialog().querySelector(".has-error"))) {
            focusFirst();
        }
    });
}
