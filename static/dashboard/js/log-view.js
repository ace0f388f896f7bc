/*
 * A bounded window of lines.
 *
 * The browser keeps the last lines (or, when the reader went back, those around), and draws a part
 * of them a few times a second, so the speed of a container never is the speed of the page.
 */

import { lineElement } from "./log-line.js";
import { counted } from "./words.js";

const KEPT = 20_000;
const DRAWN = 1500;
const AT_ONCE = 400;
const EVERY = 80;
const NEAR = 40;
const OUT_OF_ORDER = 2000;

const byTime = (a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : 0);
const keyOf = (line) => `${line.c}|${line.t}|${line.s}|${line.m}`;

export class LogView {
    /** *sources* are those whose lines come; *onTop* and *onEnd* are asked for lines beyond. */
    constructor(root, { sources, filter, onTop, onEnd, onLive }) {
        this.log = root.querySelector(".log");
        this.more = root.querySelector(".log-more");
        this.placeholder = this.log.querySelector(".empty");
        this.back = root.querySelector(".log-back");
        this.back.remove();
        this.sources = sources;
        this.filter = filter;
        this.ask = { onTop, onEnd, onLive };
        this.foldsJson = true;
        this.lines = [];
        this.fresh = [];
        this.drawn = [];
        this.unread = 0;
        this.isFollowing = true;
        // Whether what is kept reaches to what comes now.
        this.isLive = true;
        // Whether what is kept reaches to the first line that there is.
        this.isWhole = false;
        this.timer = 0;
        this.log.addEventListener("scroll", () => this.scrolled(), { passive: true });
        this.more.addEventListener("click", () => this.follow());
        this.back.querySelector("button").addEventListener("click", () => this.ask.onTop());
    }

    get first() {
        return this.lines.find((line) => !line.note);
    }

    get last() {
        return this.lines.findLast((line) => !line.note);
    }

    /** Take lines that were printed just now; *drawn* is called when they count as shown. */
    receive(lines, drawn) {
        this.fresh.push(...lines);
        this.drawn.push(drawn);
        this.timer ||= setTimeout(() => this.draw(), EVERY);
    }

    draw() {
        this.timer = 0;
        const fresh = this.fresh;
        this.fresh = [];
        const isInOrder = this.isLive ? this.keep(fresh) : true;
        if (!this.isFollowing || !this.isLive) {
            this.countUnread(fresh);
        } else if (fresh.length > AT_ONCE || !isInOrder) {
            this.redraw();
        } else {
            this.append(fresh.filter((line) => this.filter.matches(line)));
        }
        this.drawn.splice(0).forEach((tell) => tell());
    }

    // Lines of several containers come in batches of each; by time they are one log.
    keep(fresh) {
        const isMerged = this.sources.length > 1;
        if (isMerged) {
            fresh.sort(byTime);
        }
        const floor = Math.max(0, this.lines.length - OUT_OF_ORDER);
        let at = this.lines.length;
        while (isMerged && fresh.length && at > floor && byTime(this.lines[at - 1], fresh[0]) > 0) {
            at -= 1;
        }
        const isInOrder = at === this.lines.length;
        if (isInOrder) {
            this.lines.push(...fresh);
        } else {
            this.lines.push(...[...this.lines.splice(at), ...fresh].sort(byTime));
        }
        if (this.lines.length > KEPT) {
            this.lines.splice(0, this.lines.length - KEPT);
        }
        return isInOrder;
    }

    /** Put *lines*, which are older than all that is kept, before it. */
    prepend(lines) {
        const known = new Set(this.lines.slice(0, AT_ONCE * 4).map(keyOf));
        const older = lines.filter((line) => !known.has(keyOf(line))).sort(byTime);
        this.lines.unshift(...older);
        if (this.lines.length > KEPT) {
            this.lines.splice(KEPT);
            this.isLive = false;
        }
        this.isWhole = older.length === 0;
        this.drawOlder();
        this.offerBack();
        return older.length;
    }

    /** Put *lines*, which are newer than all that is kept, after it. */
    extend(lines) {
        const known = new Set(this.lines.slice(-AT_ONCE * 4).map(keyOf));
        const newer = lines.filter((line) => !known.has(keyOf(line))).sort(byTime);
        this.lines.push(...newer);
        if (this.lines.length > KEPT) {
            this.lines.splice(0, this.lines.length - KEPT);
        }
        this.add(newer.filter((line) => this.filter.matches(line)));
        return newer.length;
    }

    /** Show *lines* and nothing else; they are not what comes now. */
    replace(lines, at = "") {
        this.lines = [...lines].sort(byTime);
        this.isLive = false;
        this.isFollowing = false;
        const shown = this.lines.filter((line) => this.filter.matches(line));
        const marked = Math.max(0, shown.findIndex((line) => line.t === at));
        const from = Math.max(0, marked - AT_ONCE / 2);
        this.log.replaceChildren(...this.elements(shown.slice(from, from + DRAWN)));
        const row = at && [...this.log.children].find((each) => each.line.t === at);
        if (row) {
            row.classList.add("is-marked");
            row.scrollIntoView({ block: "center" });
        }
        this.offerLive();
        this.offerBack();
    }

    /** Forget everything; what comes from now on is shown as it comes. */
    reset() {
        this.lines = [];
        this.fresh = [];
        this.unread = 0;
        this.isLive = true;
        this.isWhole = false;
        this.isFollowing = true;
        this.more.hidden = true;
        this.log.replaceChildren(this.placeholder);
    }

    countUnread(fresh) {
        this.unread += fresh.filter((line) => this.filter.matches(line)).length;
        if (this.unread) {
            this.offer(`${this.unread.toLocaleString("en")} new line${this.unread === 1 ? "" : "s"}`);
        }
    }

    offerLive() {
        this.offer("Go to what comes now");
    }

    offer(words) {
        this.more.hidden = false;
        this.more.querySelector("span").textContent = words;
    }

    append(lines) {
        this.add(lines);
        while (this.log.childElementCount > DRAWN) {
            this.log.firstElementChild.remove();
        }
        if (this.back.isConnected) {
            this.offerBack();
        }
        this.stickToEnd();
    }

    // Where a filter leaves too little to scroll, nobody can reach what is further back.
    offerBack() {
        this.back.remove();
        if (this.filter.pattern && this.lines.length && this.log.scrollHeight <= this.log.clientHeight) {
            const found = this.log.querySelectorAll(".log-line").length;
            this.back.querySelector("p").textContent =
                `${found ? found.toLocaleString("en") : "None"} of the ${counted(this.lines.length, "line")} looked at.`;
            this.back.querySelector("button").hidden = this.isWhole;
            this.log.prepend(this.back);
        }
    }

    add(lines) {
        if (lines.length) {
            this.log.querySelector(".empty")?.remove();
            this.log.append(...this.elements(lines));
        }
    }

    redraw() {
        if (!this.isLive) {
            this.replace(this.lines);
            return;
        }
        const wanted = [];
        for (let at = this.lines.length - 1; at >= 0 && wanted.length < AT_ONCE; at -= 1) {
            if (this.filter.matches(this.lines[at])) {
                wanted.push(this.lines[at]);
            }
        }
        this.log.replaceChildren(...this.elements(wanted.reverse()));
        this.isFollowing = true;
        this.unread = 0;
        this.more.hidden = true;
        this.offerBack();
        this.stickToEnd();
    }

    // Older lines that are kept but not drawn come back when the reader reaches the top.
    drawOlder() {
        const top = this.log.querySelector(".log-line, .log-note")?.line;
        const at = top ? this.lines.indexOf(top) : this.lines.length;
        if (at <= 0 || this.log.childElementCount >= KEPT) {
            return false;
        }
        const older = [];
        for (let place = at - 1; place >= 0 && older.length < AT_ONCE; place -= 1) {
            if (this.filter.matches(this.lines[place])) {
                older.unshift(this.lines[place]);
            }
        }
        const before = this.log.scrollHeight;
        this.log.prepend(...this.elements(older));
        this.log.scrollTop += this.log.scrollHeight - before;
        return older.length > 0;
    }

    scrolled() {
        const rest = this.log.scrollHeight - this.log.clientHeight - this.log.scrollTop;
        this.isFollowing = this.isLive && rest < NEAR;
        if (this.isFollowing && this.unread) {
            this.follow();
        } else if (!this.isFollowing && this.log.scrollTop < NEAR && !this.drawOlder()) {
            this.ask.onTop();
        } else if (!this.isLive && rest < NEAR) {
            this.ask.onEnd();
        }
    }

    follow() {
        if (this.isLive) {
            this.redraw();
        } else {
            this.ask.onLive();
        }
    }

    stickToEnd() {
        if (this.isFollowing) {
            this.log.scrollTop = this.log.scrollHeight;
        }
    }

    elements(lines) {
        return lines.map((line) => lineElement(line, this));
    }

    /** Return all that is kept and not filtered out, as text. */
    asText() {
        const one = (line) => {
            const from = this.sources.length > 1 ? `${this.sources[line.c].name} ` : "";
            return line.note || `${line.t} ${from}${line.s} ${line.m.replace(/\r?\n$/, "")}`;
        };
        return this.lines.filter((line) => this.filter.matches(line)).map(one);
    }
}
