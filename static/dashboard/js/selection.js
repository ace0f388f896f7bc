/*
 * Ticking rows: one by one, with Shift a range, with the head's box all. What the button promises
 * follows: a layer's bytes count only when every image that holds it is ticked.
 */

import { bytes, counted } from "./words.js";

let lastTicked = null;

const boxesOf = (form) => [...document.querySelectorAll(`input[name="ids"][form="${form.id}"]:not(:disabled)`)];

function tickRange(form, box) {
    const boxes = boxesOf(form);
    const [from, to] = [boxes.indexOf(lastTicked), boxes.indexOf(box)].sort((a, b) => a - b);
    boxes.slice(from, to + 1).forEach((other) => (other.checked = box.checked));
}

function exactBytes(form, ticked) {
    const own = ticked.reduce((sum, box) => sum + Number(box.dataset.bytes || 0), 0);
    const ledger = JSON.parse(form.dataset.ledger || "{}");
    const holders = new Map();
    for (const box of ticked) {
        for (const layer of (box.dataset.layers || "").split(" ").filter(Boolean)) {
            holders.set(layer, (holders.get(layer) || 0) + 1);
        }
    }
    let shared = 0;
    for (const [layer, count] of holders) {
        const [size, all] = ledger[layer] || [0, Infinity];
        shared += count >= all ? size : 0;
    }
    return own + shared;
}

function refreshSelection(form) {
    const boxes = boxesOf(form);
    const ticked = boxes.filter((box) => box.checked);
    const button = document.querySelector(`button[form="${form.id}"][data-promise]`);
    if (button) {
        button.disabled = ticked.length === 0;
        button.querySelector("span").textContent = ticked.length
            ? `Remove ${counted(ticked.length, button.dataset.promise)} (${bytes(exactBytes(form, ticked))})`
            : `Select ${button.dataset.promise}s to remove`;
    }
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
    document.body.addEventListener("htmx:afterSettle", refreshSelections);
    refreshSelections();
}
