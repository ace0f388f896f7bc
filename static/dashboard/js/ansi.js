/* Text with terminal colours as spans with classes; every other escape sequence is dropped. */

// eslint-disable-next-line no-control-regex
const SEQUENCE = /\u001b\[([0-9;]*)m|\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g;
const STYLES = { 1: "bold", 2: "dim", 3: "italic", 4: "underline" };

function step(classes, codes) {
    for (const code of (codes || "0").split(";").map(Number)) {
        if (code === 0) {
            classes.clear();
        } else if (STYLES[code]) {
            classes.add(`ansi-${STYLES[code]}`);
        } else if (code === 22) {
            classes.delete("ansi-bold");
            classes.delete("ansi-dim");
        } else if (code === 39 || (code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
            for (const name of [...classes]) {
                if (/^ansi-\d/.test(name)) {
                    classes.delete(name);
                }
            }
            if (code !== 39) {
                classes.add(`ansi-${code >= 90 ? code - 60 : code}`);
            }
        }
    }
}

/** Return *text* without any escape sequence. */
export const withoutEscapes = (text) => text.replace(SEQUENCE, "");

/** Return pairs of text and class names, in order. */
export function parseAnsi(text) {
    if (!text.includes("\u001b")) {
        return [[text, ""]];
    }
    const parts = [];
    const classes = new Set();
    let at = 0;
    for (const match of text.matchAll(SEQUENCE)) {
        if (match.index > at) {
            parts.push([text.slice(at, match.index), [...classes].join(" ")]);
        }
        at = match.index + match[0].length;
        if (match[1] !== undefined) {
            step(classes, match[1]);
        }
    }
    if (at < text.length) {
        parts.push([text.slice(at), [...classes].join(" ")]);
    }
    return parts;
}
