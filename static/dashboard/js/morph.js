/*
 * Turn one element into another in place: focus, selection, scroll position, ticked boxes and open
 * details stay, because nodes that did not change are not touched.
 */

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.row || node.id : "") || "";

// `is-…` and `htmx-…` classes say what goes on, not what it is.
const isLasting = (name) => !/^(is|htmx)-/.test(name);

// Without a key, the name and the first class tell a notice from the list that it came above.
const kindOf = (node) => keyOf(node) || `${node.nodeName} ${[...(node.classList ?? [])].find(isLasting) ?? ""}`;

/** Make *from* look like *to*. What a script draws itself is marked `data-keep` and left alone. */
export function morph(from, to) {
    if (from.nodeName !== to.nodeName || keyOf(from) !== keyOf(to)) {
        from.replaceWith(to);
        return to;
    }
    if (from.nodeType !== Node.ELEMENT_NODE) {
        if (from.nodeValue !== to.nodeValue) {
            from.nodeValue = to.nodeValue;
        }
        return from;
    }
    if (from.isEqualNode(to) || ("keep" in from.dataset && "keep" in to.dataset)) {
        return from;
    }
    morphAttributes(from, to);
    morphChildren(from, to);
    return from;
}

function morphAttributes(from, to) {
    for (const { name } of [...from.attributes]) {
        if (!to.hasAttribute(name) && !["open", "class"].includes(name)) {
            from.removeAttribute(name);
        }
    }
    for (const { name, value } of to.attributes) {
        if (from.getAttribute(name) !== value && name !== "class") {
            from.setAttribute(name, value);
        }
    }
    morphClasses(from, to);
}

// `is-…` classes say where the reader is, which no server knows.
function morphClasses(from, to) {
    const own = [...from.classList].filter((name) => name.startsWith("is-"));
    const wanted = [...new Set([...to.classList, ...own])].join(" ");
    if (wanted !== (from.getAttribute("class") || "")) {
        from.setAttribute("class", wanted);
    }
}

function morphChildren(from, to) {
    removeGone(from, new Set([...to.childNodes].map(kindOf)));
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
        const known = counterpart(at, wanted);
        if (!known) {
            from.insertBefore(wanted, at);
            continue;
        }
        at = moveUp(known, at);
        at = morph(at, wanted).nextSibling;
    }
    while (at) {
        const next = at.nextSibling;
        at.remove();
        at = next;
    }
}

// First, so that what stays need not move: a move takes the focus away.
function removeGone(from, wantedKinds) {
    for (const child of [...from.childNodes]) {
        if (!wantedKinds.has(kindOf(child))) {
            child.remove();
        }
    }
}

// Text is nobody in particular: it is only ever changed where it stands.
function counterpart(at, wanted) {
    if (wanted.nodeType !== Node.ELEMENT_NODE) {
        return at?.nodeType === wanted.nodeType ? at : null;
    }
    let node = at;
    while (node && kindOf(node) !== kindOf(wanted)) {
        node = node.nextSibling;
    }
    return node;
}

// What stands before it has gone, unless it has a key and thus is wanted further down.
function moveUp(known, at) {
    while (at !== known && !keyOf(at)) {
        const next = at.nextSibling;
        at.remove();
        at = next;
    }
    if (at !== known) {
        known.parentNode.insertBefore(known, at);
    }
    return known;
}
