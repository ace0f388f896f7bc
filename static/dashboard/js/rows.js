/* Rows that change, appear and go while somebody reads the list they stand in. */

import { remember } from "./history.js";
import { morph } from "./morph.js";
import { markOthers } from "./owners.js";
import { refreshSelections } from "./selection.js";
import { refreshTimes } from "./times.js";
import { bytes, counted, memory, percent } from "./words.js";

const lastStats = new Map();

/** Apply one pushed row wherever it stands; return the elements that show it now. */
export function applyRow({ noun, key, html, host }) {
    const shown = [...document.querySelectorAll(`[data-row="${CSS.escape(key)}"]`)];
    if (!html) {
        const about = document.querySelectorAll(`tr[data-about="${CSS.escape(key)}"]`);
        [...shown, ...about].forEach((element) => element.remove());
        refreshSelections();
        return [];
    }
    if (noun === "job") {
        return [...shown.map((element) => change(element, html)), ...insertMissing(noun, key, html, host)];
    }
    return shown.length ? shown.map((element) => change(element, html)) : insertMissing(noun, key, html, host);
}

function parse(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    return holder.content.firstElementChild;
}

function change(element, html) {
    const wanted = parse(html);
    if (element.nodeName !== wanted.nodeName) {
        // It is drawn in another form than as a row of a table, which only the page itself knows.
        document.dispatchEvent(new CustomEvent("stale"));
        return element;
    }
    const fresh = morph(element, wanted);
    settle(fresh);
    return fresh;
}

function settle(row) {
    window.htmx.process(row);
    markOthers(row);
    refreshTimes(row);
    const stats = lastStats.get(row.dataset.row);
    if (stats) {
        fill(row, stats);
    }
}

// A list says where new rows belong: on top, nowhere but counted, or (another host) not at all.
function insertMissing(noun, key, html, host) {
    const added = [];
    for (const list of document.querySelectorAll(`[data-rows="${noun}"]`)) {
        const isOther = list.dataset.host && host && list.dataset.host !== host;
        if (isOther || list.querySelector(`[data-row="${CSS.escape(key)}"]`)) {
            continue;
        }
        if (list.dataset.insert === "top") {
            added.push(insert(list, html));
        } else if (list.dataset.insert === "count") {
            countNew(list, key);
        }
    }
    return added;
}

function insert(list, html) {
    const row = parse(html);
    row.classList.add("is-new");
    list.prepend(row);
    settle(row);
    document.querySelector(`[data-empty="${list.dataset.rows}"]`)?.remove();
    const limit = Number(list.dataset.limit || 0);
    while (limit && list.children.length > limit) {
        list.lastElementChild.remove();
    }
    return row;
}

function countNew(list, key) {
    const seen = new Set((list.dataset.newKeys || "").split(" ").filter(Boolean)).add(key);
    list.dataset.newKeys = [...seen].join(" ");
    const button = list.closest(".table-card")?.querySelector("[data-new-rows]");
    if (button) {
        button.hidden = false;
        button.textContent = `${counted(seen.size, "new row")} · show`;
    }
}

/** Write what was measured into the rows of the containers it was measured on. */
export function applyStats({ host, rows }) {
    for (const [id, stats] of Object.entries(rows)) {
        const key = `container-${host}-${id}`;
        lastStats.set(key, stats);
        remember(key, stats);
        document.querySelectorAll(`[data-row="${CSS.escape(key)}"]`).forEach((row) => fill(row, stats));
    }
}

const CELLS = {
    cpu: (stats) => percent(stats.cpu_percent),
    memory: (stats) => memory(stats.memory),
    limit: (stats) => (stats.memory_limit ? `of ${memory(stats.memory_limit)}` : "no limit"),
    size: (stats) => bytes(stats.size),
    virtual: (stats) => bytes(stats.virtual_size),
};

function fill(row, stats) {
    for (const cell of row.querySelectorAll("[data-stat]")) {
        const known = cell.dataset.stat === "size" || cell.dataset.stat === "virtual";
        if (known && (stats.size === undefined || stats.size === null)) {
            continue;
        }
        const text = CELLS[cell.dataset.stat](stats);
        if (cell.textContent !== text) {
            cell.textContent = text;
        }
    }
}

document.addEventListener("click", (event) => {
    if (event.target.closest("[data-new-rows]")) {
        location.assign(location.pathname + location.search);
    }
});
