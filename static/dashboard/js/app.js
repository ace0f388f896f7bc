/* The one entry: every module watches the page for what it serves, so fragments need no wiring. */

import { watchCopies } from "./copy.js";
import { watchDialogs } from "./dialogs.js";
import { watchKeyboard } from "./keyboard.js";
import { connectLive } from "./live.js";
import { watchPalette } from "./palette.js";
import { watchSelections } from "./selection.js";
import { watchTheme } from "./theme.js";
import { watchTimes } from "./times.js";
import { watchToasts } from "./toasts.js";
import { watchUploads } from "./upload.js";

watchTheme();
watchToasts();
watchDialogs();
watchCopies();
watchTimes();
watchSelections();
watchKeyboard();
watchPalette();
watchUploads();

if (document.body.dataset.live) {
    connectLive(document.body.dataset.live);
}

// Charts and logs are loaded by the pages that show them.
async function startViewers() {
    const log = document.querySelector("[data-log]:not([data-started])");
    if (log) {
        (await import("./logs.js")).startLog(log);
    }
    const terminal = document.querySelector("[data-console]:not([data-started])");
    if (terminal) {
        (await import("./console.js")).startConsole(terminal);
    }
    const charts = document.querySelector("[data-charts]:not([data-started])");
    if (charts) {
        (await import("./stats.js")).startCharts(charts);
    }
}

startViewers();
document.body.addEventListener("htmx:afterSettle", startViewers);
