/*
 * An editor for a short text: line numbers beside it, and a Tab key that indents.
 *
 * Esc gives the Tab key back for one press, so that nobody who uses the keyboard is caught inside.
 */

const INDENT = "    ";
const leaving = new WeakSet();

function number(area) {
    const lines = area.parentElement.querySelector(".editor-lines");
    const count = area.value.split("\n").length;
    if (lines && Number(lines.dataset.count) !== count) {
        lines.dataset.count = count;
        lines.textContent = Array.from({ length: count }, (_, index) => index + 1).join("\n");
    }
    follow(area);
}

function follow(area) {
    const lines = area.parentElement.querySelector(".editor-lines");
    if (lines) {
        lines.scrollTop = area.scrollTop;
    }
}

// The browser's own way of typing, because that can be undone.
function type(area, text) {
    if (!document.execCommand("insertText", false, text)) {
        area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
        area.dispatchEvent(new Event("input", { bubbles: true }));
    }
}

function outdent(area) {
    const begin = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
    const blank = area.value.slice(begin).match(/^ {1,4}|^\t/)?.[0].length ?? 0;
    if (blank) {
        const at = Math.max(begin, area.selectionStart - blank);
        area.setSelectionRange(begin, begin + blank);
        document.execCommand("delete");
        area.setSelectionRange(at, at);
    }
}

function press(event) {
    const area = event.target.closest?.("textarea[data-editor]");
    if (!area) {
        return;
    }
    if (event.key === "Escape" && !leaving.has(area)) {
        // The first one is about the editor, the second about the dialog around it.
        leaving.add(area);
        event.preventDefault();
        event.stopPropagation();
    } else if (event.key === "Tab" && !leaving.has(area)) {
        event.preventDefault();
        if (event.shiftKey) {
            outdent(area);
        } else {
            type(area, INDENT);
        }
    } else if (event.key !== "Shift" && event.key !== "Escape") {
        leaving.delete(area);
    }
}

const numberAll = () => document.querySelectorAll("textarea[data-editor]").forEach(number);

export function watchEditors() {
    document.addEventListener("keydown", press, true);
    document.addEventListener("input", (event) => {
        if (event.target.matches?.("textarea[data-editor]")) {
            number(event.target);
        }
    });
    document.addEventListener("scroll", (event) => event.target.matches?.("textarea[data-editor]") && follow(event.target), true);
    document.body.addEventListener("htmx:afterSettle", numberAll);
    numberAll();
}
