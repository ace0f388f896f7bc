/* Ctrl-K: pages, commands and objects by name. The server finds; this only asks and chooses. */

const PAUSE = 110;

const dialog = () => document.getElementById("palette");
const list = () => document.getElementById("palette-list");
const items = () => [...list().querySelectorAll(".palette-item")];

let timer = 0;
let asked = 0;

async function ask(text) {
    const mine = ++asked;
    const url = new URL(dialog().dataset.url, location.href);
    url.searchParams.set("q", text);
    const response = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok || mine !== asked) {
        return;
    }
    list().innerHTML = await response.text();
    choose(0);
}

function choose(index) {
    const all = items();
    all.forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    const chosen = all[index];
    chosen?.scrollIntoView({ block: "nearest" });
    dialog().querySelector("input").setAttribute("aria-activedescendant", chosen?.id || "");
}

function open() {
    const box = dialog();
    if (!box || box.open) {
        return;
    }
    box.showModal();
    box.querySelector("input").value = "";
    ask("");
}

function press(event) {
    const all = items();
    const at = all.findIndex((item) => item.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        choose((at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length);
    } else if (event.key === "Escape") {
        // A search field would only empty itself.
        event.preventDefault();
        dialog().close();
    } else if (event.key === "Enter") {
        event.preventDefault();
        dialog().close();
        all[Math.max(at, 0)]?.click();
    }
}

export function watchPalette() {
    if (!dialog()) {
        return;
    }
    document.addEventListener("keydown", (event) => {
        if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
            event.preventDefault();
            open();
        }
    });
    document.addEventListener("click", (event) => {
        if (event.target.closest("[data-palette]")) {
            event.preventDefault();
            open();
        }
        if (event.target.closest(".palette-item")) {
            dialog().close();
        }
    });
    const input = dialog().querySelector("input");
    input.addEventListener("keydown", press);
    input.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(ask, PAUSE, input.value);
    });
}
