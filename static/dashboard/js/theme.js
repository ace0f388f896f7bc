/* Light, dark, or what the system says. The choice is a cookie, so the server draws it at once. */

const YEAR = 365 * 24 * 3600;

function choose(theme) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
    if (theme === "system") {
        delete document.documentElement.dataset.theme;
    } else {
        document.documentElement.dataset.theme = theme;
    }
    show();
    document.dispatchEvent(new CustomEvent("theme"));
}

function show() {
    const current = document.documentElement.dataset.theme || "system";
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
        button.setAttribute("aria-pressed", String(button.dataset.themeChoice === current));
    }
}

export function watchTheme() {
    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-theme-choice]");
        if (button) {
            choose(button.dataset.themeChoice);
        }
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
        document.dispatchEvent(new CustomEvent("theme")),
    );
    show();
}
