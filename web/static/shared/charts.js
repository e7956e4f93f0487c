// What the charts of all pages share: the theme's colours, a time axis, and a text for screen readers.

import { LOCALE, decimal } from "./format.js";

const probe = document.createElement("span");
probe.hidden = true;
probe.style.forcedColorAdjust = "none";

/** Calls `draw` when the theme's colours change. */
export function onThemeChange(draw) {
  for (const look of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(look).addEventListener("change", draw);
  }
}

/** Sets Chart.js to the theme's font and colours. Returns a function from a custom property to its colour. */
export function applyTheme() {
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`; // the browser says what a system colour is here, which Chart.js does not know
    return getComputedStyle(probe).color;
  };
  const { Chart } = window;
  Chart.defaults.locale = LOCALE;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  Chart.defaults.color = colour("--muted");
  Chart.defaults.borderColor = colour("--line");
  return colour;
}

/** Options of a chart over time whose values have this `unit`; `y` is added to the options of the value axis. */
export function timeChartOptions(unit, y = {}) {
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: {
        type: "time",
        time: {
          minUnit: "second",
          tooltipFormat: "HH:mm:ss",
          displayFormats: { second: "HH:mm:ss", minute: "HH:mm", hour: "HH:mm" },
        },
        grid: { display: false },
        ticks: { maxRotation: 0, autoSkipPadding: 32 },
      },
      y: {
        beginAtZero: true,
        border: { display: false },
        ticks: {
          maxTicksLimit: 5,
          callback: (number) => `${decimal(number, Number.isInteger(number) ? 0 : 1)} ${unit}`,
        },
        ...y,
      },
    },
    plugins: { legend: { display: false } },
  };
}

/** Sets the text that screen readers read for a chart. */
export function describe(chart, text) {
  if (chart.canvas.getAttribute("aria-label") !== text) chart.canvas.setAttribute("aria-label", text);
}

/** Destroys charts, so that new ones can be created in the present theme's colours. */
export function destroyCharts(charts) {
  for (const chart of Object.values(charts ?? {})) chart.destroy();
}
