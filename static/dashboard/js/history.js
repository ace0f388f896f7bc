/*
 * What this tab has seen the containers use during the last minutes.
 *
 * It outlives the page, so that a container's charts do not begin anew whenever somebody looks.
 */

export const KEPT_SECONDS = 300;

const STORE = "shipshape.stats";
const MOST_SAMPLES = 30_000;

// By row key, oldest first: [seconds, CPU in percent, memory in bytes].
const seen = load();

const now = () => Date.now() / 1000;

/** Keep one measurement of the container with the row *key*. */
export function remember(key, stats) {
    const samples = seen.get(key) || [];
    samples.push([now(), stats.cpu_percent ?? null, stats.memory ?? null]);
    seen.set(key, recent(samples));
}

/** Return what was measured of the container with the row *key* lately, oldest first. */
export const samplesOf = (key) => recent(seen.get(key) || []);

/** Drop everything: whoever signs in next at this browser starts with nothing. */
export function forget() {
    seen.clear();
    sessionStorage.removeItem(STORE);
}

const recent = (samples) => samples.filter(([at]) => at > now() - KEPT_SECONDS);

function load() {
    try {
        return new Map(JSON.parse(sessionStorage.getItem(STORE) || "[]"));
    } catch {
        return new Map();
    }
}

function save() {
    const fresh = [...seen].map(([key, samples]) => [key, recent(samples)]).filter(([, samples]) => samples.length);
    const most = Math.ceil(MOST_SAMPLES / Math.max(1, fresh.length));
    try {
        sessionStorage.setItem(STORE, JSON.stringify(fresh.map(([key, samples]) => [key, samples.slice(-most)])));
    } catch {
        // A full or forbidden store only means that the charts begin anew.
    }
}

addEventListener("pagehide", save);
