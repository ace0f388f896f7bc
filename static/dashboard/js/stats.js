/*
 * What one container uses, as it is measured: the last minute at first, then five. Processor and
 * memory are pushed for every container; the traffic and what of the memory is cache are asked for
 * while somebody looks.
 */

import uPlot from "../../vendor/uplot.js";
import { KEPT_SECONDS, samplesOf } from "./history.js";
import { bytes, memory, percent } from "./words.js";

const LEAST_SECONDS = 60;
const GAP_SECONDS = 15;
const ASK_EVERY = 2000;
const HEIGHT = 150;

const TIME_STEPS = [10, 15, 30, 60, 120, 300];
const POWERS_OF_TWO = Array.from({ length: 34 }, (_, power) => 2 ** (power + 10));

const rate = (value) => (value === null || value === undefined ? "–" : `${bytes(value)}/s`);
const colourOf = (element) => getComputedStyle(element).color;

// By chart: how its values are told, and what its one or two lines are.
const CHARTS = {
    cpu: { format: percent, lines: ["cpu"] },
    memory: { format: memory, lines: ["memory", "cache"] },
    network: { format: rate, lines: ["received", "sent"] },
    block: { format: rate, lines: ["read", "written"] },
};

function axis(hold, format) {
    const base = {
        stroke: () => colourOf(hold.querySelector(".chart-axis")),
        grid: { stroke: () => colourOf(hold.querySelector(".chart-grid")), width: 1 },
        ticks: { show: false },
        font: "11px Inter, system-ui, sans-serif",
    };
    if (!format) {
        const told = (_, ticks) => ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString());
        return { ...base, space: 84, size: 28, incrs: TIME_STEPS, values: told };
    }
    const incrs = hold.dataset.chart === "memory" ? POWERS_OF_TWO : undefined;
    return { ...base, size: 74, incrs, values: (_, values) => values.map(format) };
}

// The newest sample is at the right edge; the window grows with what is known.
function timeRange(chart) {
    const times = chart.data[0];
    const end = times.at(-1) ?? Date.now() / 1000;
    const known = end - (times[0] ?? end);
    return [end - Math.min(KEPT_SECONDS, Math.max(LEAST_SECONDS, known)), end];
}

function line(hold, isSecond) {
    const stroke = () => colourOf(isSecond ? hold.querySelector(".chart-second") : hold);
    return {
        stroke,
        width: 1.75,
        dash: isSecond ? [5, 3] : undefined,
        fill: isSecond ? undefined : () => `color-mix(in srgb, ${stroke()} 12%, transparent)`,
        points: { size: 5, show: (chart) => chart.data[0].length === 1 },
    };
}

function draw(hold, { format, lines }) {
    const options = {
        width: hold.clientWidth,
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        cursor: { y: false, points: { size: 6 } },
        legend: { show: false },
        scales: {
            x: { range: timeRange },
            y: { range: (_, low, high) => [0, Math.max(high * 1.15, Number(hold.dataset.least || 1))] },
        },
        axes: [axis(hold), axis(hold, format)],
        series: [{}, ...lines.map((_, at) => line(hold, at > 0))],
    };
    return new uPlot(options, [[], ...lines.map(() => [])], hold);
}

/** Return the columns *names* of *samples*, with a hole where nothing was measured for long. */
function columns(samples, names) {
    const found = [[], ...names.map(() => [])];
    for (const sample of samples) {
        if (sample.at - found[0].at(-1) > GAP_SECONDS) {
            found[0].push(sample.at - 1);
            names.forEach((_, place) => found[place + 1].push(null));
        }
        found[0].push(sample.at);
        names.forEach((name, place) => found[place + 1].push(sample[name] ?? null));
    }
    return found;
}

const recent = (samples) => samples.filter(({ at }) => at > Date.now() / 1000 - KEPT_SECONDS);

/** Draw what is known and what comes in of the container named by *root*, and its present figures. */
export function startCharts(root) {
    const key = `container-${root.dataset.host}-${root.dataset.id}`;
    const holdOf = (name) => root.querySelector(`[data-chart=${name}]`);
    const charts = {};
    let details = [];
    let stale = 0;

    const pushed = () => samplesOf(key).map(([at, cpu, used]) => ({ at, cpu, memory: used }));

    function known(name) {
        if (name === "cpu") {
            return pushed();
        }
        if (name !== "memory") {
            return details;
        }
        // The cache was looked at at other moments than the rest: the last look before counts.
        let place = 0;
        return pushed().map((sample) => {
            while (place < details.length && details[place].at <= sample.at) {
                place += 1;
            }
            return { ...sample, cache: details[place - 1]?.cache };
        });
    }

    function redraw() {
        for (const [name, chart] of Object.entries(CHARTS)) {
            const samples = known(name);
            if (samples.length) {
                holdOf(name).querySelector(".chart-wait")?.remove();
                charts[name] ||= draw(holdOf(name), chart);
                charts[name].setData(columns(samples, chart.lines));
            }
        }
    }

    function tell(stats) {
        redraw();
        show(root, stats);
        clearTimeout(stale);
        stale = setTimeout(show, GAP_SECONDS * 1000, root, { cpu_percent: null, memory: null });
    }

    async function ask(before) {
        let reading = null;
        if (!root.isConnected) {
            return;
        }
        if (!document.hidden) {
            const response = await fetch(root.dataset.details, { headers: { Accept: "application/json" } }).catch(() => null);
            reading = response?.ok ? { at: Date.now() / 1000, ...(await response.json()) } : null;
        }
        if (reading && before) {
            const per = (name) => Math.max(0, reading[name] - before[name]) / (reading.at - before.at);
            const rates = Object.fromEntries(["received", "sent", "read", "written"].map((name) => [name, per(name)]));
            details = recent([...details, { at: reading.at, cache: reading.cache, ...rates }]);
            redraw();
            showDetails(root, reading, rates);
        }
        setTimeout(ask, ASK_EVERY, reading);
    }

    redraw();
    // What was measured while this script was still on its way, or on the page before.
    const [at, cpu_percent, used] = samplesOf(key).at(-1) ?? [0];
    if (at > Date.now() / 1000 - GAP_SECONDS) {
        tell({ cpu_percent, memory: used });
    }
    if (root.dataset.details) {
        ask(null);
    }
    document.addEventListener("stats", ({ detail }) => {
        const stats = detail.host === root.dataset.host && detail.rows[root.dataset.id];
        if (stats) {
            tell(stats);
        }
    });

    new ResizeObserver(() => {
        for (const [name, chart] of Object.entries(charts)) {
            chart.setSize({ width: holdOf(name).clientWidth, height: HEIGHT });
        }
    }).observe(root);
    document.addEventListener("theme", () => Object.values(charts).forEach((chart) => chart.redraw()));
}

function write(root, figures) {
    for (const [name, text] of Object.entries(figures)) {
        const element = root.querySelector(`[data-figure=${name}]`);
        if (element && text !== null) {
            element.textContent = text;
        }
    }
}

function show(root, stats) {
    write(root, {
        cpu: percent(stats.cpu_percent),
        memory: memory(stats.memory),
        size: stats.size === undefined ? null : bytes(stats.size),
        virtual: stats.virtual_size === undefined ? null : bytes(stats.virtual_size),
    });
}

function showDetails(root, reading, rates) {
    write(root, {
        network: `↓ ${rate(rates.received)}  ↑ ${rate(rates.sent)}`,
        block: `↓ ${rate(rates.read)}  ↑ ${rate(rates.written)}`,
        split: `private ${memory(reading.private)}, cache shared with others ${memory(reading.cache)}`,
        totals: `received ${bytes(reading.received)}, sent ${bytes(reading.sent)} since its start`,
        blocks: `read ${bytes(reading.read)}, written ${bytes(reading.written)} since its start`,
    });
}
