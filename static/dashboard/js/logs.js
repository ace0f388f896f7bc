/*
 * What containers print: live, with older lines on demand, from one container or several.
 *
 * Batches are acknowledged when they were drawn; what a host then skips, it counts, and the reader
 * is told. Who looks at another time looks at pages of the log, and nothing streams meanwhile.
 */

import { LogFilter } from "./log-filter.js";
import { LogView } from "./log-view.js";
import { openSocket, say, ticketFor } from "./sockets.js";
import { toast } from "./toasts.js";

const LONGEST_WAIT = 15_000;

class LogViewer {
    constructor(root) {
        this.root = root;
        this.status = root.querySelector("[data-log-status]");
        this.sources = [...root.querySelectorAll("[data-source]")].map((each, c) => ({ c, ...each.dataset, states: "" }));
        this.filter = new LogFilter();
        this.view = new LogView(root, {
            sources: this.sources,
            filter: this.filter,
            onTop: () => this.older(),
            onEnd: () => this.newer(),
            onLive: () => this.live(),
        });
        this.range = { since: "", until: "" };
        // A stream that was begun before the last change of what is looked at is not ours any more.
        this.turn = 0;
        this.listen();
        const at = new URLSearchParams(location.search).get("at");
        if (at) {
            this.lookAt(at);
        } else {
            this.live();
        }
    }

    listen() {
        const find = (name) => this.root.querySelector(`[data-log-${name}]`);
        const refilter = () => {
            this.filter.set({
                text: find("filter").value,
                mode: find("mode").value,
                isRegex: find("regex").checked,
                stream: find("stream").value,
            });
            find("filter").setAttribute("aria-invalid", String(Boolean(this.filter.flaw)));
            find("filter").title = this.filter.flaw;
            this.view.redraw();
        };
        for (const name of ["filter", "mode", "regex", "stream"]) {
            find(name).addEventListener("input", refilter);
        }
        find("download").addEventListener("click", () => this.download());
        find("range").addEventListener("submit", (event) => {
            event.preventDefault();
            this.choose(event.target.elements);
        });
        find("json").addEventListener("change", (event) => {
            this.view.foldsJson = event.target.checked;
            this.view.redraw();
        });
        for (const box of this.root.querySelectorAll("[data-log-toggle]")) {
            box.addEventListener("change", () => {
                this.view.log.classList.toggle(box.dataset.logToggle, !box.checked);
                this.view.stickToEnd();
            });
        }
        this.view.log.addEventListener("click", (event) => this.link(event.target.closest("[data-at]")));
    }

    // --- what comes now -----------------------------------------------------------------------

    live() {
        this.turn += 1;
        this.range = { since: "", until: "" };
        const url = new URL(location.href);
        url.searchParams.delete("at");
        history.replaceState(history.state, "", url);
        this.view.reset();
        this.sources.forEach((source) => this.follow(source, this.turn));
    }

    async follow(source, turn, wait = 1000) {
        const again = () => setTimeout(() => turn === this.turn && this.follow(source, turn, Math.min(wait * 2, LONGEST_WAIT)), wait);
        const ticket = await ticketFor(source.ticketUrl, this.root.dataset.csrf, { action: "logs" }).catch(() => null);
        if (turn !== this.turn) {
            return;
        }
        if (!ticket) {
            this.tell(source, "lost", "No connection");
            again();
            return;
        }
        const socket = openSocket(this.root.dataset.log);
        let isOver = false;
        socket.addEventListener("open", () => socket.send(JSON.stringify({ ticket })));
        socket.addEventListener("message", ({ data }) => {
            const message = JSON.parse(data);
            if (turn !== this.turn) {
                isOver = true;
                socket.close();
            } else if (message.type === "lines") {
                this.tell(source, "live", "Following");
                this.take(source, message, socket);
            } else if (message.type === "end") {
                isOver = !message.retry;
                this.tell(source, "", message.reason ? `Ended: ${message.reason}` : "Ended");
            }
        });
        socket.addEventListener("close", () => {
            if (!isOver && turn === this.turn) {
                this.tell(source, "lost", "Reconnecting");
                // It begins with the last lines again, which are then here twice.
                this.view.lines = this.view.lines.filter((line) => line.c !== source.c);
                again();
            }
        });
    }

    take(source, { lines, seq, skipped }, socket) {
        const taken = lines.map((line) => ({ ...line, c: source.c }));
        if (skipped) {
            const of = this.sources.length > 1 ? ` of ${source.name}` : "";
            const note = `${skipped.toLocaleString("en")} lines${of} skipped`;
            taken.unshift({ note, t: taken[0]?.t ?? "", c: source.c });
        }
        this.view.receive(taken, () => {
            if (socket.readyState === WebSocket.OPEN) {
                socket.send(JSON.stringify({ ack: seq }));
            }
        });
    }

    tell(source, state, word) {
        source.state = state;
        const following = this.sources.filter((each) => each.state === "live").length;
        if (this.sources.length > 1 && following) {
            say(this.status, "live", `Following ${following} of ${this.sources.length}`);
        } else {
            say(this.status, state, word);
        }
    }

    // --- what came at another time --------------------------------------------------------------

    async page(told) {
        const asked = this.sources.map(async (source) => {
            const url = new URL(source.pageUrl, location.href);
            Object.entries(told).forEach(([name, value]) => value && url.searchParams.set(name, value));
            const response = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
            const answer = await response?.json().catch(() => null);
            if (!response?.ok) {
                throw new Error(answer?.error?.message || "The lines could not be fetched.");
            }
            return answer.lines.map((line) => ({ ...line, c: source.c }));
        });
        return (await Promise.all(asked)).flat();
    }

    async fetching(act) {
        if (this.isFetching) {
            return;
        }
        this.isFetching = true;
        try {
            await act();
        } catch (error) {
            toast({ tone: "bad", text: error.message });
        }
        this.isFetching = false;
    }

    older() {
        const first = this.view.first;
        if (first && this.isTopReached !== first) {
            this.fetching(async () => {
                const lines = await this.page({ until: first.t });
                const since = this.range.since;
                if (!this.view.prepend(lines.filter((line) => line.t >= since))) {
                    this.isTopReached = first;
                }
            });
        }
    }

    newer() {
        const last = this.view.last;
        if (last) {
            this.fetching(async () => this.view.extend(await this.page({ since: last.t, until: this.range.until })));
        }
    }

    lookAt(at) {
        this.turn += 1;
        say(this.status, "", "Looking back");
        this.fetching(async () => {
            const [before, after] = await Promise.all([this.page({ until: at }), this.page({ since: at })]);
            const known = new Set(before.map((line) => `${line.c}|${line.t}|${line.m}`));
            this.view.replace([...before, ...after.filter((line) => !known.has(`${line.c}|${line.t}|${line.m}`))], at);
        });
    }

    choose({ since, until }) {
        const moment = (input) => (input.value ? new Date(input.value).toISOString().replace("Z", "+00:00") : "");
        this.range = { since: moment(since), until: moment(until) };
        if (!this.range.since && !this.range.until) {
            this.live();
            return;
        }
        this.turn += 1;
        say(this.status, "", "Looking back");
        this.fetching(async () => this.view.replace(await this.page(this.range)));
    }

    link(button) {
        if (!button) {
            return;
        }
        const url = new URL(location.href);
        url.searchParams.set("at", button.dataset.at);
        history.replaceState(history.state, "", url);
        this.view.log.querySelectorAll(".is-marked").forEach((row) => row.classList.remove("is-marked"));
        button.closest(".log-line").classList.add("is-marked");
        navigator.clipboard?.writeText(url.href).then(() => toast({ text: "Link to this line copied", tone: "ok" }));
    }

    download() {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([this.view.asText().join("\n"), "\n"], { type: "text/plain" }));
        link.download = `${this.sources.map((each) => each.name).join("+")}.log`;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }
}

/** Show the logs that *root* names. */
export function startLog(root) {
    new LogViewer(root);
}
