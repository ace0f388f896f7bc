/*
 * A document for a library that styles by `<style>` elements and `style` attributes, which our
 * content policy forbids. What it writes there goes into an adopted style sheet and into the
 * element's style object, which say the same and need no permission.
 */

function styleElement() {
    const element = document.createElement("span");
    const sheet = new CSSStyleSheet();
    element.hidden = true;
    document.adoptedStyleSheets.push(sheet);
    Object.defineProperty(element, "textContent", { set: (text) => sheet.replaceSync(text), get: () => "" });
    element.remove = () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
        Element.prototype.remove.call(element);
    };
    return element;
}

function setAttribute(name, value) {
    if (name === "style") {
        this.style.cssText = value;
    } else {
        Element.prototype.setAttribute.call(this, name, value);
    }
}

function createElement(name, options) {
    if (name === "style") {
        return styleElement();
    }
    const element = document.createElement(name, options);
    element.setAttribute = setAttribute;
    return element;
}

/** Return the document, but for what it makes when a style is wanted. */
export const styledByObjects = () =>
    new Proxy(document, {
        get(target, name) {
            if (name === "createElement") {
                return createElement;
            }
            const value = Reflect.get(target, name, target);
            return typeof value === "function" ? value.bind(target) : value;
        },
    });
