/* The same words for the same values as the server's template filters. */

const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const STEPS = [
    [60, 1, "second"],
    [3600, 60, "minute"],
    [86400, 3600, "hour"],
    [14 * 86400, 86400, "day"],
    [60 * 86400, 7 * 86400, "week"],
    [730 * 86400, 30 * 86400, "month"],
    [Infinity, 365 * 86400, "year"],
];

function amount(value, base, units) {
    if (value === null || value === undefined) {
        return "–";
    }
    let rest = Number(value);
    let unit = 0;
    while (Math.abs(rest) >= base && unit < units.length - 1) {
        rest /= base;
        unit += 1;
    }
    const digits = unit === 0 || Math.abs(rest) >= 99.95 ? 0 : 1;
    return `${rest.toFixed(digits)} ${units[unit]}`;
}

export const bytes = (value) => amount(value, 1000, DECIMAL);
export const memory = (value) => amount(value, 1024, BINARY);
export const percent = (value) => (value === null || value === undefined ? "–" : `${value.toFixed(1)}%`);
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

export function span(milliseconds) {
    const seconds = Math.max(0, milliseconds / 1000);
    const [, unit, word] = STEPS.find(([limit]) => seconds < limit);
    return counted(Math.floor(seconds / unit), word);
}
