/* Websockets that need a ticket: what logs and consoles have in common. */

/** Ask *url* for a ticket with the fields *told*; throws with the words of a refusal. */
export async function ticketFor(url, csrf, told) {
    const response = await fetch(url, {
        method: "POST",
        headers: { "X-CSRFToken": csrf, Accept: "application/json" },
        body: new URLSearchParams(told),
    });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) {
        throw new Error(answer.error?.message || `The dashboard answered with an error (${response.status}).`);
    }
    return answer.ticket;
}

/** Return a new websocket to *path* of this very site. */
export function openSocket(path) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    return new WebSocket(`${scheme}//${location.host}${path}`);
}

/** Write a state and its word where a viewer tells how its connection is. */
export function say(element, state, word) {
    element.dataset.state = state;
    element.querySelector("span").textContent = word;
}
