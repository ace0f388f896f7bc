/* CPU and memory of one container as they are measured: the last minute at first, then five. */

import uPlot from "../../vendor/uplot.js";
import { KEPT_SECONDS, samplesOf } from "./history.js";
import { bytes, memory, percent } from "./words.js";

const LEAST_SECONDS = 60;
const GAP_SECONDS = 15;
const HEIGHT = 176;

const TIME_STEPS = [10, 15, 30, 60, 120, 300];
const POWERS_OF_TWO = Array.from({ length: 34 }, (_, power) => 2 ** (power + 10));

const colourOf = (element) => getComputedStyle(element).color;

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
    return { ...base, size: 68, incrs, values: (_, values) => values.map(format) };
}

// The newest sample is at the right edge; the window grows with what is known.
function timeRange(chart) {
    const times = chart.data[0];
    const end = times.at(-1) ?? Date.now() / 1000;
    const known = end - (times[0] ?? end);
    return [end - Math.min(KEPT_SECONDS, Math.max(LEAST_SECONDS, known)), end];
}

function draw(hold, format) {
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
        series: [
            {},
            {
                stroke: () => colourOf(hold),
                width: 1.75,
                fill: () => `color-mix(in srgb, ${colourOf(hold)} 12%, transparent)`,
                points: { size: 5, show: (chart) => chart.data[0].length === 1 },
            },
        ],
    };
    return new uPlot(options, [[], []], hold);
}

/** Return the columns of *samples*, with a hole where nothing was measured for long. */
function columns(samples) {
    const [times, cpu, used] = [[], [], []];
    for (const [at, percentage, size] of samples) {
        if (at - times.at(-1) > GAP_SECONDS) {
            times.push(at - 1);
            cpu.push(null);
            used.push(null);
        }
        times.push(at);
        cpu.push(percentage);
        used.push(size);
    }
    return { times, cpu, memory: used };
}

/** Draw what is known and what comes in of the container named by *root*, and its present figures. */
export function startCharts(root) {
    root.dataset.started = "";
    const key = `container-${root.dataset.host}-${root.dataset.id}`;
    const holds = { cpu: root.querySelector("[data-chart=cpu]"), memory: root.querySelector("[data-chart=memory]") };
    const formats = { cpu: percent, memory };
    const charts = {};
    let stale = 0;

    function redraw() {
        const known = columns(samplesOf(key));
        for (const name of known.times.length ? ["cpu", "memory"] : []) {
            holds[name].querySelector(".chart-wait")?.remove();
            charts[name] ||= draw(holds[name], formats[name]);
            charts[name].setData([known.times, known[name]]);
        }
    }

    function tell(stats) {
        redraw();
        show(root, stats);
        clearTimeout(stale);
        stale = setTimeout(show, GAP_SECONDS * 1000, root, { cpu_percent: null, memory: null });
    }

    redraw();
    // What was measured while this script was still on its way, or on the page before.
    const [at, cpu_percent, used] = samplesOf(key).at(-1) ?? [0];
    if (at > Date.now() / 1000 - GAP_SECONDS) {
        tell({ cpu_percent, memory: used });
    }
    document.addEventListener("stats", ({ detail }) => {
        const stats = detail.host === root.dataset.host && detail.rows[root.dataset.id];
        if (stats) {
            tell(stats);
        }
    });

    new ResizeObserver(() => {
        for (const [name, chart] of Object.entries(charts)) {
            chart.setSize({ width: holds[name].clientWidth, height: HEIGHT });
        }
    }).observe(root);
    document.addEventListener("theme", () => Object.values(charts).forEach((chart) => chart.redraw()));
}

function show(root, stats) {
    const figures = {
        cpu: percent(stats.cpu_percent),
        memory: memory(stats.memory),
        size: stats.size === undefined ? null : bytes(stats.size),
        virtual: stats.virtual_size === undefined ? null : bytes(stats.virtual_size),
    };
    for (const [name, text] of Object.entries(figures)) {
        const element = root.querySelector(`[data-figure=${name}]`);
        if (element && text !== null) {
            element.textContent = text;
        }
    }
}
