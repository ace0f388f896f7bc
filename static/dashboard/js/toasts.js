/* Short notices. They come from answers (the HX-Trigger header), from live messages and from us. */

const STAY = 7000;
const STAY_TO_UNDO = 20_000;
const ICONS = { ok: "#done", bad: "#alert" };

function hold() {
    return document.getElementById("toasts");
}

// Addresses about which the last word was said.
const settled = new Set();

/**
 * Show a notice; `undo` is the address that takes back what was done; `tone` is ok, bad or empty. A bad one stays until it is dismissed. What `isFinal`
 * about an address takes the place of what was said about it before, and of what comes late.
 */
export function toast({ text, tone = "", url = "", link = "Show", isFinal = false, undo = "" }) {
    if (url && !isFinal && settled.has(url)) {
        return;
    }
    if (isFinal) {
        settled.add(url);
        hold().querySelectorAll(`a[href="${CSS.escape(url)}"]`).forEach((told) => told.closest(".toast").remove());
    }
    const element = document.getElementById("toast-form").content.firstElementChild.cloneNode(true);
    if (tone) {
        element.classList.add(tone);
        const use = element.querySelector("use");
        use.setAttribute("href", use.getAttribute("href").replace("#info", ICONS[tone]));
    }
    element.querySelector("p").textContent = text;
    const anchor = element.querySelector("a");
    if (url && new URL(url, location.href).origin === location.origin) {
        anchor.setAttribute("href", url);
        anchor.textContent = link;
    } else {
        anchor.remove();
    }
    const taking = element.querySelector("[data-undo]");
    if (undo) {
        taking.addEventListener("click", () => {
            element.remove();
            window.htmx.ajax("POST", undo, { source: document.body, swap: "none" });
        });
    } else {
        taking.remove();
    }
    hold().append(element);
    raise();
    if (tone !== "bad") {
        setTimeout(() => element.matches(":hover, :focus-within") || element.remove(), undo ? STAY_TO_UNDO : STAY);
    }
}

// An open dialog covers everything that is not in the top layer, so the notices go there too.
function raise() {
    const box = hold();
    if (box.matches(":popover-open")) {
        box.hidePopover();
    }
    box.showPopover();
}

const FAILURES = {
    0: "The dashboard did not answer. Is it still running?",
    403: "Your role does not allow this. Ask an admin of your team.",
    404: "That is gone: somebody removed it meanwhile.",
    429: "Too many requests. Wait a moment and try again.",
};

export function watchToasts() {
    document.addEventListener("click", (event) => {
        event.target.closest("[data-dismiss]")?.closest(".toast, .notice")?.remove();
    });
    document.body.addEventListener("toast", (event) => toast(event.detail));
    document.body.addEventListener("htmx:responseError", (event) => {
        const { status } = event.detail.xhr;
        toast({ tone: "bad", text: FAILURES[status] || `The dashboard answered with an error (${status}).` });
    });
    document.body.addEventListener("htmx:sendError", () => toast({ tone: "bad", text: FAILURES[0] }));
}
