/*
 * Ticking rows: one by one, with Shift a range, with the head's box all. What the button promises
 * follows.
 */

import { bytes, counted } from "./words.js";

let lastTicked = null;

const boxesOf = (form) => [...document.querySelectorAll(`input[name="ids"][form="${form.id}"]:not(:disabled)`)];

function tickRange(form, box) {
    const boxes = boxesOf(form);
    const [from, to] = [boxes.indexOf(lastTicked), boxes.indexOf(box)].sort((a, b) => a - b);
    boxes.slice(from, to + 1).forEach((other) => (other.checked = box.checked));
}

// What is said only where the rows know what they hold, each alone.
function freed(ticked) {
    const sum = ticked.reduce((total, box) => total + Number(box.dataset.bytes || 0), 0);
    return ticked.some((box) => "bytes" in box.dataset) ? ` (${bytes(sum)})` : "";
}

// A list's bar of actions stands there while something is ticked, and offers the rest of the list.
function refreshBar(form, boxes, ticked) {
    const bar = document.querySelector(`[data-bulk-bar="${form.id}"]`);
    if (!bar) {
        return;
    }
    const wide = form.elements.matching;
    if (wide && ticked.length < boxes.length) {
        wide.disabled = true;
    }
    bar.hidden = ticked.length === 0;
    const isAll = Boolean(wide && !wide.disabled);
    bar.querySelector("[data-bulk-count]").textContent =
        `${(isAll ? Number(bar.dataset.total) : ticked.length).toLocaleString("en")} selected`;
    const offer = bar.querySelector("[data-bulk-all]");
    if (offer) {
        offer.hidden = isAll || ticked.length < boxes.length || Number(bar.dataset.total) <= boxes.length;
    }
}

function clear(form) {
    boxesOf(form).forEach((box) => (box.checked = false));
    refreshSelections();
}

function refreshSelection(form) {
    const boxes = boxesOf(form);
    const ticked = boxes.filter((box) => box.checked);
    const button = document.querySelector(`button[form="${form.id}"][data-promise]`);
    if (button) {
        const { promise, where } = button.dataset;
        const [verb, rest] = where ? ["Move", ` ${where}`] : ["Remove", freed(ticked)];
        button.disabled = ticked.length === 0;
        button.querySelector("span").textContent = ticked.length
            ? `${verb} ${counted(ticked.length, promise)}${rest}`
            : `Select ${promise}s to ${verb.toLowerCase()}`;
    }
    refreshBar(form, boxes, ticked);
    const all = document.querySelector(`[data-select-all="${form.id}"]`);
    if (all) {
        all.checked = boxes.length > 0 && ticked.length === boxes.length;
        all.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
    }
}

/** Make every button say again what its ticked rows would free. */
export function refreshSelections() {
    document.querySelectorAll("form[data-selection]").forEach(refreshSelection);
}

export function watchSelections() {
    document.addEventListener("click", (event) => {
        const bar = event.target.closest("[data-bulk-bar]");
        const form = bar && document.getElementById(bar.dataset.bulkBar);
        if (form && event.target.closest("[data-bulk-clear]")) {
            clear(form);
        } else if (form && event.target.closest("[data-bulk-logs]")) {
            const url = new URL(event.target.closest("[data-bulk-logs]").dataset.bulkLogs, location.href);
            boxesOf(form).filter((each) => each.checked).forEach((each) => url.searchParams.append("c", each.value));
            location.assign(url);
        } else if (form && event.target.closest("[data-bulk-all]")) {
            form.elements.matching.disabled = false;
            refreshSelections();
        }
        const box = event.target.closest('input[name="ids"][form]');
        if (box && event.shiftKey && lastTicked?.isConnected) {
            tickRange(box.form, box);
        }
        lastTicked = box || lastTicked;
    });
    document.addEventListener("change", (event) => {
        const all = event.target.closest("[data-select-all]");
        if (all) {
            const form = document.getElementById(all.dataset.selectAll);
            boxesOf(form).forEach((box) => (box.checked = all.checked));
        }
        refreshSelections();
    });
    document.body.addEventListener("bulk-done", () => document.querySelectorAll("form[data-selection]").forEach(clear));
    document.body.addEventListener("htmx:afterSettle", refreshSelections);
    // The server does not know what is ticked, and draws the bar as it is without.
    document.addEventListener("refreshed", refreshSelections);
    refreshSelections();
}
