/*
 * A container's output, live.
 *
 * The browser keeps the last lines and draws a bounded window of them, a few times a second, so the
 * speed of the container never is the speed of the page. Batches are acknowledged when they were
 * drawn; what the agent then skips, it counts, and the reader is told.
 */

import { parseAnsi } from "./ansi.js";

const KEPT = 20_000;
const DRAWN = 1500;
const AT_ONCE = 400;
const EVERY = 80;
const NEAR = 40;

class LogView {
    constructor(root) {
        this.root = root;
        this.log = root.querySelector(".log");
        this.more = root.querySelector(".log-more");
        this.status = root.querySelector("[data-log-status]");
        this.lines = [];
        this.fresh = [];
        this.unacked = null;
        this.unread = 0;
        this.isFollowing = true;
        this.needle = "";
        this.timer = 0;
        this.listen();
    }

    listen() {
        this.log.addEventListener("scroll", () => this.scrolled(), { passive: true });
        this.more.addEventListener("click", () => this.follow());
        this.root.querySelector("[data-log-filter]").addEventListener("input", (event) => {
            this.needle = event.target.value.toLowerCase();
            this.redraw();
        });
        this.root.querySelector("[data-log-download]").addEventListener("click", () => this.download());
        for (const box of this.root.querySelectorAll("[data-log-toggle]")) {
            box.addEventListener("change", () => {
                this.log.classList.toggle(box.dataset.logToggle, !box.checked);
                this.stickToEnd();
            });
        }
    }

    /** Take one batch: {lines, seq, skipped}. */
    receive({ lines, seq, skipped }, acknowledge) {
        if (skipped) {
            this.fresh.push({ note: `${skipped.toLocaleString("en")} lines skipped` });
        }
        this.fresh.push(...lines);
        this.unacked = () => acknowledge(seq);
        this.schedule();
    }

    note(text) {
        this.fresh.push({ note: text });
        this.schedule();
    }

    schedule() {
        this.timer ||= setTimeout(() => this.draw(), EVERY);
    }

    draw() {
        this.timer = 0;
        const fresh = this.fresh;
        this.fresh = [];
        this.lines.push(...fresh);
        if (this.lines.length > KEPT) {
            this.lines.splice(0, this.lines.length - KEPT);
        }
        if (!this.isFollowing) {
            this.countUnread(fresh);
        } else if (fresh.length > AT_ONCE) {
            this.redraw();
        } else {
            this.append(fresh.filter((line) => this.matches(line)));
        }
        this.unacked?.();
        this.unacked = null;
    }

    matches(line) {
        return !this.needle || line.note || line.m.toLowerCase().includes(this.needle);
    }

    countUnread(fresh) {
        this.unread += fresh.filter((line) => this.matches(line)).length;
        if (this.unread) {
            this.more.hidden = false;
            this.more.querySelector("span").textContent =
                `${this.unread.toLocaleString("en")} new line${this.unread === 1 ? "" : "s"}`;
        }
    }

    append(lines) {
        if (!lines.length) {
            return;
        }
        this.log.querySelector(".empty")?.remove();
        this.log.append(...lines.map((line) => this.element(line)));
        while (this.log.childElementCount > DRAWN) {
            this.log.firstElementChild.remove();
        }
        this.stickToEnd();
    }

    redraw() {
        const wanted = [];
        for (let at = this.lines.length - 1; at >= 0 && wanted.length < AT_ONCE; at -= 1) {
            if (this.matches(this.lines[at])) {
                wanted.push(this.lines[at]);
            }
        }
        this.log.replaceChildren(...wanted.reverse().map((line) => this.element(line)));
        this.first = wanted[0];
        this.isFollowing = true;
        this.unread = 0;
        this.more.hidden = true;
        this.stickToEnd();
    }

    // Older lines that are kept but not drawn come back when the reader reaches the top.
    drawOlder() {
        const top = this.log.firstElementChild?.line;
        const at = top ? this.lines.indexOf(top) : -1;
        if (at <= 0 || this.log.childElementCount >= KEPT) {
            return;
        }
        const older = this.lines.slice(Math.max(0, at - AT_ONCE), at).filter((line) => this.matches(line));
        const before = this.log.scrollHeight;
        this.log.prepend(...older.map((line) => this.element(line)));
        this.log.scrollTop += this.log.scrollHeight - before;
    }

    scrolled() {
        const rest = this.log.scrollHeight - this.log.clientHeight - this.log.scrollTop;
        this.isFollowing = rest < NEAR;
        if (this.isFollowing && this.unread) {
            this.follow();
        } else if (!this.isFollowing && this.log.scrollTop < NEAR) {
            this.drawOlder();
        }
    }

    follow() {
        this.redraw();
    }

    stickToEnd() {
        if (this.isFollowing) {
            this.log.scrollTop = this.log.scrollHeight;
        }
    }

    element(line) {
        const row = document.createElement("div");
        row.line = line;
        if (line.note) {
            row.className = "log-note";
            row.textContent = line.note;
            return row;
        }
        row.className = `log-line ${line.s === "stderr" ? "stderr" : ""}`;
        row.title = line.s;
        const time = document.createElement("time");
        time.dateTime = line.t;
        time.textContent = clockOf(line.t);
        const text = document.createElement("span");
        for (const [part, classes] of parseAnsi(line.m.replace(/\r?\n$/, ""))) {
            text.append(...this.highlighted(part, classes));
        }
        row.append(time, text);
        return row;
    }

    highlighted(part, classes) {
        const pieces = [];
        let rest = part;
        while (this.needle) {
            const at = rest.toLowerCase().indexOf(this.needle);
            if (at < 0) {
                break;
            }
            pieces.push(spanOf(rest.slice(0, at), classes), markOf(rest.slice(at, at + this.needle.length)));
            rest = rest.slice(at + this.needle.length);
        }
        return [...pieces, spanOf(rest, classes)];
    }

    download() {
        const text = this.lines.map((line) => line.note || `${line.t} ${line.s} ${line.m.replace(/\r?\n$/, "")}`);
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([text.join("\n"), "\n"], { type: "text/plain" }));
        link.download = `${this.root.dataset.name}.log`;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }
}

function spanOf(text, classes) {
    if (!classes) {
        return text;
    }
    const span = document.createElement("span");
    span.className = classes;
    span.textContent = text;
    return span;
}

function markOf(text) {
    const mark = document.createElement("mark");
    mark.textContent = text;
    return mark;
}

const two = (number) => String(number).padStart(2, "0");

function clockOf(text) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) {
        return "";
    }
    const milliseconds = String(at.getMilliseconds()).padStart(3, "0");
    return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`;
}

async function ticketFor(root) {
    const response = await fetch(root.dataset.ticketUrl, {
        method: "POST",
        headers: { "X-CSRFToken": root.dataset.csrf, Accept: "application/json" },
        body: new URLSearchParams({ action: "logs" }),
    });
    if (!response.ok) {
        throw new Error(`ticket: ${response.status}`);
    }
    return (await response.json()).ticket;
}

async function open(root, view, wait = 1000) {
    const again = () => setTimeout(open, wait, root, view, Math.min(wait * 2, 15_000));
    const say = (state, word) => {
        view.status.dataset.state = state;
        view.status.querySelector("span").textContent = word;
    };
    const ticket = await ticketFor(root).catch(() => null);
    if (!ticket) {
        say("lost", "No connection");
        again();
        return;
    }
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${root.dataset.log}`);
    let isOver = false;
    socket.addEventListener("open", () => socket.send(JSON.stringify({ ticket })));
    socket.addEventListener("message", (event) => {
        const message = JSON.parse(event.data);
        if (message.type === "lines") {
            say("live", "Following");
            view.receive(message, (seq) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ ack: seq })));
        } else if (message.type === "end") {
            isOver = true;
            say("", message.reason ? `Ended: ${message.reason}` : "Ended");
        }
    });
    socket.addEventListener("close", () => {
        if (!isOver) {
            say("lost", "Reconnecting");
            view.lines = [];
            view.log.replaceChildren();
            again();
        }
    });
}

/** Follow the log that *root* names. */
export function startLog(root) {
    root.dataset.started = "";
    open(root, new LogView(root));
}
