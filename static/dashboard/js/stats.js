/* CPU and memory of one container as they are measured, over the last five minutes. */

import uPlot from "../../vendor/uplot.js";
import { bytes, memory, percent } from "./words.js";

const KEPT = 300;
const HEIGHT = 176;

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
        return { ...base, space: 90, size: 28, values: told };
    }
    const incrs = hold.dataset.chart === "memory" ? POWERS_OF_TWO : undefined;
    return { ...base, size: 68, incrs, values: (_, values) => values.map(format) };
}

function draw(hold, format) {
    const options = {
        width: hold.clientWidth,
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        cursor: { y: false, points: { size: 6 } },
        legend: { show: false },
        scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.15, Number(hold.dataset.least || 1))] } },
        axes: [axis(hold), axis(hold, format)],
        series: [
            {},
            {
                stroke: () => colourOf(hold),
                width: 1.75,
                fill: () => `color-mix(in srgb, ${colourOf(hold)} 12%, transparent)`,
                points: { show: false },
            },
        ],
    };
    return new uPlot(options, [[], []], hold);
}

/** Draw what comes in for the container named by *root*, and its present figures. */
export function startCharts(root) {
    root.dataset.started = "";
    const times = [];
    const series = { cpu: [], memory: [] };
    const holds = { cpu: root.querySelector("[data-chart=cpu]"), memory: root.querySelector("[data-chart=memory]") };
    const formats = { cpu: percent, memory };
    const charts = {};

    document.addEventListener("stats", ({ detail }) => {
        const stats = detail.host === root.dataset.host && detail.rows[root.dataset.id];
        if (!stats) {
            return;
        }
        times.push(Date.now() / 1000);
        series.cpu.push(stats.cpu_percent);
        series.memory.push(stats.memory);
        if (times.length > KEPT) {
            times.shift();
            series.cpu.shift();
            series.memory.shift();
        }
        for (const name of ["cpu", "memory"]) {
            holds[name].querySelector(".chart-wait")?.remove();
            charts[name] ||= draw(holds[name], formats[name]);
            charts[name].setData([times, series[name]]);
        }
        show(root, stats);
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
