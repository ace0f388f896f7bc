/* Everything by keyboard. `?` shows this list; single keys do nothing while somebody types. */

const GO = {
    o: "overview",
    c: "containers",
    i: "images",
    l: "layers",
    b: "builds",
    v: "volumes",
    n: "networks",
    r: "registries",
    u: "cleanup",
    j: "jobs",
    a: "activity",
    h: "hosts",
    t: "team",
};
const PREFIX_LASTS = 1200;

let prefixUntil = 0;

const isTyping = (target) =>
    target.isContentEditable || target.matches("input:not([type=checkbox], [type=radio]), textarea, select");

const rows = () => [...document.querySelectorAll("#page [data-row]")].filter((row) => row.checkVisibility());

function move(step) {
    const all = rows();
    if (!all.length) {
        return;
    }
    const at = all.findIndex((row) => row.classList.contains("is-current"));
    const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
    all[at]?.classList.remove("is-current");
    next.classList.add("is-current");
    next.scrollIntoView({ block: "nearest" });
    (next.querySelector("[data-open]") || next.querySelector("a"))?.focus({ preventScroll: true });
}

function onCurrent(selector, act) {
    const found = document.querySelector(`#page .is-current ${selector}`);
    if (found) {
        act(found);
    }
    return Boolean(found);
}

function go(key) {
    const link = document.querySelector(`[data-go="${GO[key]}"]`);
    if (link) {
        location.assign(link.href);
    }
}

const KEYS = {
    "/": () => document.querySelector("[data-filter]")?.focus(),
    "?": () => document.getElementById("shortcuts")?.showModal(),
    j: () => move(1),
    k: () => move(-1),
    x: () => onCurrent("input[type=checkbox]:not(:disabled)", (box) => box.click()),
    n: () => document.querySelector("[data-new]")?.click(),
    g: () => {
        prefixUntil = performance.now() + PREFIX_LASTS;
    },
};

function press(event) {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) {
        return;
    }
    if (isTyping(event.target)) {
        if (event.key === "Escape" && event.target.matches("[data-filter]")) {
            event.target.blur();
        }
        return;
    }
    if (document.querySelector("dialog[open]")) {
        return;
    }
    if (performance.now() < prefixUntil && GO[event.key]) {
        prefixUntil = 0;
        go(event.key);
    } else if (KEYS[event.key]) {
        event.preventDefault();
        KEYS[event.key]();
    } else if (event.key === "Enter" && event.target === document.body) {
        onCurrent("[data-open]", (link) => link.click());
    }
}

export function watchKeyboard() {
    document.addEventListener("keydown", press);
}
