/*
 * A terminal in a container. Output is acknowledged when it was drawn, so a program that prints
 * without end waits for the page; what is typed waits here until the host took what came before.
 */

import { FitAddon } from "../../vendor/xterm-fit.js";
import { Terminal } from "../../vendor/xterm.js";
import { styleByObjects } from "./policy.js";
import { openSocket, say, ticketFor } from "./sockets.js";

const PIECE = 8 * 1024;
const MOST_AHEAD = 64 * 1024;
const SCROLLBACK = 5000;
const COLOURS = { background: "#101418", foreground: "#e7eaee", cursor: "#55c4d6", selectionBackground: "#2f5d66" };

const encode = new TextEncoder();

class Console {
    constructor(root) {
        this.root = root;
        this.form = root.querySelector("[data-console-form]");
        this.screen = root.querySelector("[data-console-screen]");
        this.status = root.querySelector("[data-console-status]");
        this.closer = root.querySelector("[data-console-close]");
        this.waiting = [];
        this.ahead = 0;
        this.listen();
    }

    listen() {
        this.form.addEventListener("submit", (event) => {
            event.preventDefault();
            this.open(event.submitter?.value || "exec");
        });
        // Until somebody listens the browser would send the form itself, and leave the console.
        this.form.querySelectorAll("[type=submit]").forEach((button) => (button.disabled = false));
        this.closer.addEventListener("click", () => this.socket?.close());
        new ResizeObserver(() => this.fit?.fit()).observe(this.screen);
    }

    async open(kind) {
        this.socket?.close();
        this.refuse("");
        const told = { kind, command: this.form.elements.command.value, user: this.form.elements.user.value };
        let ticket;
        try {
            ticket = await ticketFor(this.root.dataset.ticketUrl, this.root.dataset.csrf, told);
        } catch (error) {
            this.refuse(error.message);
            return;
        }
        this.begin();
        this.connect(ticket);
    }

    refuse(message) {
        const place = this.root.querySelector(".console-error");
        place.hidden = !message;
        place.querySelector("span").textContent = message;
        this.form.elements.command.setAttribute("aria-invalid", String(Boolean(message)));
    }

    begin() {
        this.root.querySelector("[data-console-empty]")?.remove();
        this.terminal?.dispose();
        this.terminal = new Terminal({
            cursorBlink: true,
            fontFamily: getComputedStyle(this.root).getPropertyValue("--mono"),
            fontSize: 13,
            scrollback: SCROLLBACK,
            screenReaderMode: true,
            theme: COLOURS,
        });
        this.fit = new FitAddon();
        this.terminal.loadAddon(this.fit);
        this.screen.classList.add("is-open");
        this.terminal.open(this.screen);
        this.fit.fit();
        this.terminal.onData((text) => this.type(encode.encode(text)));
        this.terminal.onBinary((text) => this.type(Uint8Array.from(text, (each) => each.charCodeAt(0))));
        this.terminal.onResize(({ rows, cols }) => this.tell({ rows, columns: cols }));
        this.terminal.focus();
        this.waiting = [];
        this.ahead = 0;
    }

    connect(ticket) {
        const socket = openSocket(this.root.dataset.console);
        const { rows, cols } = this.terminal;
        const terminal = this.terminal;
        let seen = 0;
        let reason = "";
        socket.binaryType = "arraybuffer";
        socket.addEventListener("open", () => socket.send(JSON.stringify({ ticket, rows, columns: cols })));
        socket.addEventListener("message", ({ data }) => {
            if (typeof data !== "string") {
                seen += 1;
                const drawn = seen;
                terminal.write(new Uint8Array(data), () => this.socket === socket && this.tell({ ack: drawn }));
                return;
            }
            const message = JSON.parse(data);
            if (message.type === "open") {
                say(this.status, "live", "Open");
            } else if (message.type === "took") {
                this.ahead = Math.max(0, this.ahead - message.bytes);
                this.sendTyped();
            } else if (message.type === "end") {
                reason = message.reason || "It ended.";
            }
        });
        socket.addEventListener("close", () => {
            if (this.socket === socket) {
                this.socket = null;
                this.closer.hidden = true;
                say(this.status, reason ? "" : "lost", "Closed");
                terminal.write(`\r\n\x1b[2m${(reason || "The connection was closed.").replaceAll("\n", "\r\n")}\x1b[0m\r\n`);
            }
        });
        this.socket = socket;
        this.closer.hidden = false;
        say(this.status, "", "Connecting");
    }

    tell(message) {
        if (this.socket?.readyState === WebSocket.OPEN) {
            this.socket.send(JSON.stringify(message));
        }
    }

    type(bytes) {
        for (let at = 0; at < bytes.length; at += PIECE) {
            this.waiting.push(bytes.slice(at, at + PIECE));
        }
        this.sendTyped();
    }

    sendTyped() {
        while (this.waiting.length && this.ahead < MOST_AHEAD && this.socket?.readyState === WebSocket.OPEN) {
            const piece = this.waiting.shift();
            this.ahead += piece.length;
            this.socket.send(piece);
        }
    }
}

/** Make the console that *root* names usable. */
export function startConsole(root) {
    styleByObjects();
    new Console(root);
}
