// What all charts over time have in common, whatever page they are on: Chart.js drawn in the theme's colours.

/** A function from a custom property of the theme to its colour; Chart.js takes up the theme's type and ink. */
export function themed() {
  const theme = getComputedStyle(document.documentElement);
  const colour = (name) => theme.getPropertyValue(name).trim();
  const { Chart } = window;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  Chart.defaults.color = colour("--soft");
  Chart.defaults.borderColor = colour("--line");
  return colour;
}

/** Options of a chart over time whose values have a `unit`; `y` is added to its axis of values. */
export function overTime(unit, y = {}) {
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
        ticks: { maxTicksLimit: 5, callback: (number) => `${number} ${unit}` },
        ...y,
      },
    },
    plugins: { legend: { display: false } },
  };
}

/** Says in words what a chart shows, to those who do not see it. */
export function tell(chart, text) {
  if (chart.canvas.getAttribute("aria-label") !== text) chart.canvas.setAttribute("aria-label", text);
}

/** Lets go of charts, so that the next ones are drawn in the theme's colours anew. */
export function discard(charts) {
  for (const chart of Object.values(charts ?? {})) chart.destroy();
}
