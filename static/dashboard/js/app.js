/* The one entry: every module watches the page for what it serves, so fragments need no wiring. */

import { watchCleanup } from "./cleanup.js";
import { watchCopies } from "./copy.js";
import { watchDialogs } from "./dialogs.js";
import { watchKeyboard } from "./keyboard.js";
import { watchEditors } from "./editor.js";
import { connectLive } from "./live.js";
import { watchPalette } from "./palette.js";
import { watchSelections } from "./selection.js";
import { watchTheme } from "./theme.js";
import { watchTimes } from "./times.js";
import { watchToasts } from "./toasts.js";
import { watchTreemaps } from "./treemap.js";
import { watchUploads } from "./upload.js";

watchTheme();
watchToasts();
watchDialogs();
watchCopies();
watchTimes();
watchSelections();
watchCleanup();
watchKeyboard();
watchPalette();
watchTreemaps();
watchUploads();
watchEditors();

if (document.body.dataset.live) {
    connectLive(document.body.dataset.live);
}

// What is large is loaded by the pages that show it; each place is started once.
const VIEWERS = {
    "[data-log]": async (root) => (await import("./logs.js")).startLog(root),
    "[data-charts]": async (root) => (await import("./stats.js")).startCharts(root),
    "[data-console]": async (root) => (await import("./console.js")).startConsole(root),
};

function startViewers() {
    for (const [selector, start] of Object.entries(VIEWERS)) {
        for (const root of document.querySelectorAll(`${selector}:not([data-started])`)) {
            root.dataset.started = "";
            start(root);
        }
    }
}

startViewers();
document.body.addEventListener("htmx:afterSettle", startViewers);
