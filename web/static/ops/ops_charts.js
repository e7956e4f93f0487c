// The charts of the operations view: the reports of the last minutes, drawn by Chart.js.

import { applyTheme, describe, destroyCharts, timeChartOptions } from "../shared/charts.js";
import { setText } from "../shared/elements.js";
import { count, framesPerSecond, milliseconds } from "../shared/format.js";
import { t } from "../shared/texts.js";

const KEEP_MS = 5 * 60_000;
const BATCHES_MS = 60_000;
const RATE_MS = 5000;
export const COLOURS = 6; // workers that have a colour of their own

const answeredFrames = ({ answered }) => answered;
const lostFrames = ({ lost }) => lost;

export class OpsCharts {
  #reports = []; // the kept reports: time, counts, and the workers' own reports
  #charts = null;

  /** Labelled frames a second in the last seconds, or null while there are too few reports. */
  get fps() {
    const last = this.#reports.at(-1);
    const first = this.#reports.find(({ now }) => last.now - now <= RATE_MS);
    return first === last ? null : perSecond(first, last, answeredFrames);
  }

  /** The last status of each worker of the last minutes, also of those that the gateway has forgotten. */
  get workers() {
    const statuses = new Map(this.#reports.flatMap(({ workers }) => workers.map((each) => [each.worker, each])));
    return [...statuses.values()].sort((a, b) => (a.worker < b.worker ? -1 : 1));
  }

  /** Keeps a report and draws all that are kept. */
  add({ now, answered, expired, drops, workers }) {
    const lost = drops.reduce((sum, { frames }) => sum + frames, expired);
    if (answered < (this.#reports.at(-1)?.answered ?? 0)) this.#reports = []; // the gateway was started again
    this.#reports.push({ now, answered, lost, workers });
    this.#reports = this.#reports.filter((each) => now - each.now <= KEEP_MS);
    this.#draw();
  }

  /** The theme has changed: creates the charts again, in the new colours. */
  reset() {
    destroyCharts(this.#charts);
    this.#charts = null;
    if (this.#reports.length) this.#draw();
  }

  #draw() {
    this.#charts ??= createCharts();
    const { rate, age, lag, batch } = this.#charts;
    const now = this.#reports.at(-1).now;
    this.#drawRates(rate);
    const names = this.workers.map(({ worker }) => worker);
    showWorkerNames(names);
    this.#drawLines(age, names, (each) => (each.mean_batch === null ? null : each.queue_age_ms));
    const ages = this.#latest((each) => `${milliseconds(each.queue_age_ms)} ms`);
    describe(age, t("Longest wait for the neural network: {values}", { values: ages }));
    this.#drawLines(lag, names, framesBehind);
    describe(lag, t("Frames not read yet: {values}", { values: this.#latest((each) => count(framesBehind(each))) }));
    this.#drawBatches(batch, now);
    for (const chart of [rate, age, lag]) {
      chart.options.scales.x.min = Math.max(this.#reports[0].now, now - KEEP_MS);
      chart.options.scales.x.max = now;
    }
    for (const chart of Object.values(this.#charts)) chart.update("none");
  }

  #drawRates(chart) {
    const pairs = this.#reports.slice(1).map((later, i) => [this.#reports[i], later]);
    [answeredFrames, lostFrames].forEach((frames, i) => {
      chart.data.datasets[i].data = pairs.map(([first, last]) => ({ x: last.now, y: perSecond(first, last, frames) }));
    });
    describe(chart, t("Frames a second; lately {fps} with a label", { fps: framesPerSecond(this.fps ?? 0) }));
  }

  #drawLines(chart, names, value) {
    chart.data.datasets = names.slice(0, COLOURS).map((worker, i) => ({
      ...chart.style(i),
      label: worker,
      data: this.#reports.map(({ now, workers }) => {
        const status = workers.find((each) => each.worker === worker);
        return { x: now, y: status ? value(status) : null };
      }),
    }));
  }

  #drawBatches(chart, now) {
    const sizes = this.#batchSizes(now);
    chart.data.labels = [...sizes.keys()];
    chart.data.datasets[0].data = [...sizes.values()];
    const counts = [...sizes].map(([size, batches]) => t("{batches} of {size}", { batches: count(batches), size }));
    describe(chart, t("Batches by size: {sizes}", { sizes: counts.join(", ") || t("none") }));
  }

  /** Recent batches by size. Several reports may repeat one status of a worker; it is counted once. */
  #batchSizes(now) {
    const counts = new Map();
    const counted = new Set();
    for (const { now: then, workers } of this.#reports) {
      for (const { worker, at, batch_sizes: sizes } of workers) {
        const key = `${worker} ${at}`;
        if (now - then > BATCHES_MS || counted.has(key)) continue;
        counted.add(key);
        for (const [size, batches] of sizes) counts.set(size, (counts.get(size) ?? 0) + batches);
      }
    }
    return new Map([...counts].sort(([a], [b]) => a - b));
  }

  /** The present value of each worker, as text. */
  #latest(value) {
    return this.#reports.at(-1).workers.map((each) => `${each.worker} ${value(each)}`).join(", ") || t("no worker");
  }
}

function perSecond(first, last, frames) {
  return (1000 * (frames(last) - frames(first))) / Math.max(1, last.now - first.now);
}

function framesBehind({ lag }) {
  return Object.values(lag).reduce((sum, frames) => sum + frames, 0);
}

function showWorkerNames(names) {
  for (const list of document.querySelectorAll(".worker-names")) {
    while (list.children.length > Math.min(COLOURS, names.length)) list.lastChild.remove();
    names.slice(0, COLOURS).forEach((worker, i) => {
      const item = list.children[i] ?? list.appendChild(document.createElement("li"));
      item.className = `worker-${i + 1}`;
      setText(item, worker);
    });
  }
}

function createCharts() {
  const colour = applyTheme();
  const { Chart } = window;
  const line = (hue) => ({
    borderColor: colour(hue),
    backgroundColor: colour(hue),
    borderWidth: 2,
    pointRadius: 0,
    pointHitRadius: 8,
  });
  const area = (label, hue) => ({ ...line(hue), label, borderWidth: 0, fill: true, data: [] });
  const timeChart = (id, unit, datasets = [], stacked = false) => {
    const chart = new Chart(document.getElementById(id), {
      type: "line",
      data: { datasets },
      options: timeChartOptions(unit, { stacked, suggestedMax: 1 }),
    });
    chart.style = (i) => line(`--hue-${i + 1}`);
    return chart;
  };
  return {
    rate: timeChart("rate-chart", "fps", [area(t("with a label"), "--hue-1"), area(t("without"), "--lost")], true),
    age: timeChart("age-chart", "ms"),
    lag: timeChart("lag-chart", ""),
    batch: new Chart(document.getElementById("batch-chart"), {
      type: "bar",
      data: { labels: [], datasets: [{ label: t("batches"), data: [], backgroundColor: colour("--hue-1") }] },
      options: {
        animation: false,
        maintainAspectRatio: false,
        scales: {
          x: { grid: { display: false } },
          y: { beginAtZero: true, border: { display: false }, ticks: { maxTicksLimit: 5, precision: 0 } },
        },
        plugins: { legend: { display: false } },
      },
    }),
  };
}
