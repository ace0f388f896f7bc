/* One line of a log as an element: time, where it is from, text with its colours, JSON folded. */

import { parseAnsi, withoutEscapes } from "./ansi.js";

const FIRST_KEYS = ["msg", "message", "event"];
const LEVELS = { error: "bad", fatal: "bad", critical: "bad", warn: "warn", warning: "warn" };

const two = (number) => String(number).padStart(2, "0");

export function clockOf(text) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) {
        return "";
    }
    const milliseconds = String(at.getMilliseconds()).padStart(3, "0");
    return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`;
}

function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
}

function append(to, text, classes, filter) {
    for (const [piece, isFound] of filter.pieces(text)) {
        to.append(isFound ? element("mark", "", piece) : classes ? element("span", classes, piece) : piece);
    }
}

/** Return the object that *text* is, or null where it is no JSON object. */
export function parseObject(text) {
    const trimmed = text.trim();
    if (!trimmed.startsWith("{") || !trimmed.endsWith("}")) {
        return null;
    }
    try {
        const value = JSON.parse(trimmed);
        return value && !Array.isArray(value) ? value : null;
    } catch {
        return null;
    }
}

const said = (value) => (typeof value === "string" ? value : JSON.stringify(value));

const firstKey = (object) => FIRST_KEYS.find((key) => typeof object[key] === "string");

/** Return what of *line* can be read once it is drawn: JSON as keys and values, and no escapes. */
export function readable(line) {
    const object = parseObject(line.m);
    if (!object) {
        return withoutEscapes(line.m);
    }
    const first = firstKey(object);
    const others = Object.entries(object).filter(([key]) => key !== first);
    return [first ? [object[first]] : [], ...others.map(([key, value]) => `${key}=${said(value)}`)].flat().join(" ");
}

function folded(to, object, filter) {
    const first = firstKey(object);
    const tone = LEVELS[said(object.level ?? object.severity ?? "").toLowerCase()];
    if (first) {
        append(to, object[first], tone ? `tone-${tone}` : "", filter);
    }
    for (const [key, value] of Object.entries(object)) {
        if (key !== first) {
            to.append(" ", element("span", "log-key", `${key}=`));
            append(to, said(value), tone && /^(level|severity)$/.test(key) ? `tone-${tone}` : "log-value", filter);
        }
    }
}

/** Return the element of *line*; *sources* names where lines are from when there are several. */
export function lineElement(line, { filter, sources, foldsJson }) {
    if (line.note) {
        const note = element("div", "log-note", line.note);
        note.line = line;
        return note;
    }
    const row = element("div", `log-line ${line.s === "stderr" ? "stderr" : ""}`, "");
    row.line = line;
    row.title = line.s;
    const time = element("button", "log-time", clockOf(line.t));
    time.type = "button";
    time.dataset.at = line.t;
    time.title = "Link to this line";
    row.append(time);
    if (sources.length > 1) {
        row.append(element("span", `log-tag tag-${line.c}`, sources[line.c].name));
    }
    const text = element("span", "log-text", "");
    const message = line.m.replace(/\r?\n$/, "");
    const object = foldsJson ? parseObject(message) : null;
    if (object) {
        folded(text, object, filter);
        row.title = message;
    } else {
        for (const [part, classes] of parseAnsi(message)) {
            append(text, part, classes, filter);
        }
    }
    row.append(text);
    return row;
}
