/*
 * The live connection: what changes on the hosts changes on the page, in place.
 *
 * Messages: row, stats, job, host, notification, toast. After a break the page's main part is fetched again, so
 * nothing that was pushed meanwhile is missing.
 */

import { withoutEscapes } from "./ansi.js";
import { applyRow, applyStats } from "./rows.js";
import { morph } from "./morph.js";
import { applyNotification, refreshInbox } from "./notifications.js";
import { refreshTimes } from "./times.js";
import { toast } from "./toasts.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const POLL_WHILE_LOST = 10_000;
const REFRESH_AFTER = 300;
// A host that reports is heard every few seconds; after this long the server calls it offline.
const SILENT_AFTER = 32_000;
const ENDED_KEPT = 100;
const LINES_KEPT = 2000;
const AT_END = 40;

let wait = FIRST_WAIT;
let wasLost = false;
let refreshTimer = 0;
let silenceTimer = 0;

/** Connect to *path*, and again whenever the connection breaks, ever more patiently. */
export function connectLive(path) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${path}`);
    socket.addEventListener("open", () => {
        wait = FIRST_WAIT;
        show("live", "Live");
        waitForSilence();
        // Whatever changed between the page's making and this moment was pushed to nobody here.
        refreshPage();
        refreshInbox(fetchFragment);
        if (wasLost || document.querySelector("#centre [data-active]")) {
            refreshCentre();
        }
        wasLost = false;
    });
    socket.addEventListener("message", (event) => receive(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => {
        wasLost = true;
        show("lost", "Reconnecting");
        // 44xx: we are not welcome (any more); the sign-in page will say why.
        if (event.code >= 4400 && event.code < 4500) {
            refreshPage();
        }
        setTimeout(() => connectLive(path), wait * (0.7 + Math.random() * 0.6));
        wait = Math.min(wait * 2, LONGEST_WAIT);
    });
}

function show(state, word) {
    const element = document.getElementById("live-state");
    if (element) {
        element.dataset.state = state;
        element.querySelector("span").textContent = word;
    }
}

function receive(message) {
    switch (message.type) {
        case "row":
            applyPushed(message);
            refreshIfAbout(message);
            break;
        case "host":
            waitForSilence();
            applyPushed({ ...message, noun: "host" });
            refreshIfCounted(message);
            break;
        case "job":
            applyJob(message);
            break;
        case "stats":
            applyStats(message);
            document.dispatchEvent(new CustomEvent("stats", { detail: message }));
            break;
        case "job-log":
            appendJobLog(message);
            break;
        case "notification":
            applyNotification(message);
            break;
        case "toast":
            toast({ text: message.text, tone: { success: "ok", error: "bad" }[message.level] || "" });
            break;
        default:
    }
}

// A page about one thing shows more of it than a row does.
function refreshIfAbout({ key, html, noun }) {
    if (document.getElementById("page")?.dataset.about !== key) {
        return;
    }
    if (html) {
        refreshSoon();
    } else {
        toast({ text: `This ${noun} was removed.`, tone: "ok" });
    }
}

const counts = new Map();

// Who went away cannot tell; so the page asks, and again when the first report is back.
function waitForSilence() {
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(() => {
        counts.clear();
        refreshPage();
        waitForSilence();
    }, SILENT_AFTER);
}

// Totals stand on some pages; they are asked for again when a host counted otherwise than before.
function refreshIfCounted({ host, counts: told, is_online: isOnline }) {
    const fresh = JSON.stringify([told, isOnline]);
    const known = counts.get(host);
    counts.set(host, fresh);
    if (known !== fresh && "totals" in (document.getElementById("page")?.dataset ?? {})) {
        refreshSoon();
    }
}

document.addEventListener("stale", refreshSoon);

function refreshSoon() {
    refreshTimer ||= setTimeout(() => {
        refreshTimer = 0;
        refreshPage();
    }, REFRESH_AFTER);
}

function applyJob(message) {
    if (isEnd(message.state)) {
        ended.set(message.key, message);
        if (ended.size > ENDED_KEPT) {
            ended.delete(ended.keys().next().value);
        }
    }
    const changed = applyRow({ noun: "job", ...message });
    showActiveJobs();
    const awaited = document.getElementById("page")?.dataset.jobs?.split(" ") ?? [];
    if (isEnd(message.state) && awaited.some((name) => message.name.startsWith(name))) {
        refreshSoon();
    }
    if (isEnd(message.state) && document.querySelector(`[data-job-log="${message.id}"]`)) {
        refreshPage();
    }
    const row = changed[0];
    if (row && isEnd(message.state) && row.dataset.user === document.body.dataset.user) {
        announce(row, message);
    }
}

// A quick job may end before the answer that shows it as asked for has reached the page.
const ended = new Map();

document.body.addEventListener("htmx:afterSettle", () => {
    for (const row of document.querySelectorAll("[data-row][data-active]")) {
        const message = ended.get(row.dataset.row);
        if (message) {
            applyRow({ noun: "job", ...message });
        }
    }
});

const isEnd = (state) => ["succeeded", "failed", "cancelled"].includes(state);
const announced = new Set();

// Whoever asked is told once, unless the job's progress is what they are looking at.
function announce(row, { id, state }) {
    const inSight = [...document.querySelectorAll(`[data-row="${row.dataset.row}"]`)].some(
        (other) => !other.closest("#centre") && other.checkVisibility(),
    );
    const { undo } = row.dataset;
    if (announced.has(id) || (inSight && !undo)) {
        return;
    }
    announced.add(id);
    const title = row.querySelector(".job-title").textContent.trim();
    const words = row.querySelector(".job-message")?.textContent.trim();
    const tone = { succeeded: "ok", failed: "bad" }[state] || "";
    const text = words && !undo ? `${title}: ${words}` : words || title;
    toast({ tone, text, url: row.dataset.url, link: "Job", isFinal: true, undo });
}

function appendJobLog({ id, lines }) {
    const log = document.querySelector(`[data-job-log="${id}"]`);
    const only = log?.dataset.only;
    const fresh = lines.filter(({ number, step }) => log && number > Number(log.dataset.last) && (!only || step === only));
    if (!fresh.length) {
        return;
    }
    if (log.dataset.last === "0") {
        log.textContent = "";
        log.classList.remove("faint");
    }
    // Whoever scrolled up is reading, and stays there.
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < AT_END;
    log.append(...fresh.map(log.matches(".build-output") ? outputLine : ({ text }) => `${text}\n`));
    log.dataset.last = fresh.at(-1).number;
    while (log.childNodes.length > LINES_KEPT) {
        log.firstChild.remove();
    }
    if (isAtEnd || !log.matches(".build-output")) {
        log.scrollTop = log.scrollHeight;
    }
}

// As `builds/_detail.html` writes a line.
function outputLine({ step, text }) {
    const line = document.createElement("div");
    line.className = "log-line";
    for (const [className, content] of [["log-step", step], ["log-text", withoutEscapes(text)]]) {
        const part = document.createElement("span");
        part.className = className;
        part.textContent = content;
        line.append(part);
    }
    return line;
}

function showActiveJobs() {
    const active = document.querySelectorAll("#centre [data-row][data-active]").length;
    const count = document.getElementById("centre-count");
    if (count) {
        count.textContent = active;
        count.hidden = active === 0;
    }
}

async function fetchFragment(url) {
    const response = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (response?.status === 401) {
        location.reload();
    }
    const holder = document.createElement("template");
    holder.innerHTML = response?.ok ? await response.text() : "";
    return holder.content;
}

// The activity centre stands outside the page's main part; the list of jobs has the same rows.
async function refreshCentre() {
    const fragment = await fetchFragment(document.querySelector("#activity-centre header a").href);
    const limit = Number(document.getElementById("centre").dataset.limit);
    const rows = [...fragment.querySelectorAll(".job[data-row]")].slice(0, limit).reverse();
    rows.forEach((row) => applyRow({ noun: "job", key: row.dataset.row, html: row.outerHTML }));
    showActiveJobs();
}

// What somebody is filling in is theirs until they send it.
// What was refused stands only in this very answer; its address may not even be one to fetch.
const isRefused = (page) => page.querySelector("form [aria-invalid], form .refused") !== null;

const isBusy = (page) => page.querySelector("form.form-host, form .input:focus:not([data-filter])") !== null;

// What is pushed while the page is being fetched may not be in what comes, and is applied to it too.
let fetching = 0;
let pushedMeanwhile = [];

function applyPushed(row) {
    applyRow(row);
    if (fetching) {
        pushedMeanwhile.push(row);
    }
}

// What moves within the page loses the focus, though it is still there.
function keepFocus(act) {
    const focused = document.activeElement;
    act();
    if (focused?.isConnected && document.activeElement !== focused) {
        focused.focus({ preventScroll: true });
    }
}

/** Fetch the page's main part again and change what changed. */
export async function refreshPage() {
    const page = document.getElementById("page");
    const url = location.href;
    fetching += 1;
    page?.setAttribute("aria-busy", "true");
    const fresh = page && !isRefused(page) && (await fetchFragment(url)).querySelector("#page");
    if (fresh && page.isConnected && location.href === url && !isBusy(page)) {
        keepFocus(() => window.htmx.process(morph(page, fresh)));
        pushedMeanwhile.forEach(applyRow);
        document.dispatchEvent(new CustomEvent("refreshed"));
        refreshTimes();
    }
    fetching -= 1;
    if (!fetching) {
        pushedMeanwhile = [];
        page?.removeAttribute("aria-busy");
    }
}

setInterval(() => {
    if (wasLost && !document.hidden) {
        refreshPage();
    }
}, POLL_WHILE_LOST);
