/* Which lines are shown, and which parts of them stand out. */

import { readable } from "./log-line.js";

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export class LogFilter {
    constructor() {
        this.text = "";
        this.mode = "filter";
        this.isRegex = false;
        this.stream = "";
        this.pattern = null;
        this.flaw = "";
    }

    /** Take new choices; `flaw` then says what is wrong with a pattern, and nothing is hidden by it. */
    set(choices) {
        Object.assign(this, choices);
        this.flaw = "";
        this.pattern = null;
        if (!this.text) {
            return;
        }
        try {
            this.pattern = new RegExp(this.isRegex ? this.text : escape(this.text), "gi");
        } catch (error) {
            this.flaw = error.message;
        }
    }

    matches(line) {
        if (line.note) {
            return true;
        }
        if (this.stream && line.s !== this.stream) {
            return false;
        }
        if (!this.pattern || this.mode === "highlight") {
            return true;
        }
        return this.finds(line) === (this.mode === "filter");
    }

    // By what was printed and by what is read of it.
    finds(line) {
        line.readable ??= readable(line);
        return [line.m, line.readable].some((text) => {
            this.pattern.lastIndex = 0;
            return this.pattern.test(text);
        });
    }

    /** Return pairs of text and whether it stands out. */
    pieces(text) {
        if (!this.pattern || this.mode === "exclude") {
            return [[text, false]];
        }
        const pieces = [];
        let at = 0;
        for (const match of text.matchAll(this.pattern)) {
            if (match[0]) {
                pieces.push([text.slice(at, match.index), false], [match[0], true]);
                at = match.index + match[0].length;
            }
        }
        return [...pieces, [text.slice(at), false]].filter(([piece]) => piece);
    }
}
