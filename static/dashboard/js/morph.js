/*
 * Turn one element into another in place: focus, selection, scroll position, ticked boxes and open
 * details stay, because nodes that did not change are not touched.
 */

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.row || node.id : "") || "";

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
    const keyed = new Map();
    for (const child of from.childNodes) {
        if (keyOf(child)) {
            keyed.set(keyOf(child), child);
        }
    }
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
        const known = keyOf(wanted) && keyed.get(keyOf(wanted));
        if (known && known !== at) {
            from.insertBefore(known, at);
            at = known;
        }
        if (!at) {
            from.append(wanted);
            continue;
        }
        if (!known && keyOf(at) && keyOf(at) !== keyOf(wanted)) {
            from.insertBefore(wanted, at);
            continue;
        }
        at = morph(at, wanted).nextSibling;
    }
    while (at) {
        const next = at.nextSibling;
        at.remove();
        at = next;
    }
}
