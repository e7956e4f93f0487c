// The operations view's charts: what its reports told over the last minutes, drawn by Chart.js.

import { discard, overTime, tell, themed } from "./charts.js";
import { ms } from "./figures.js";
import { write } from "./labels.js";

const KEEP_MS = 5 * 60_000;
const BATCHES_MS = 60_000;
const RATE_MS = 5000;
const HUES = 6;

export class Trends {
  #told = []; // of each report: time, counts, and what each worker said
  #charts = null;

  /** Labelled frames a second lately, or null while too little is known. */
  get fps() {
    const last = this.#told.at(-1);
    const first = this.#told.find(({ now }) => last.now - now <= RATE_MS);
    return first === last ? null : rate(first, last, "answered");
  }

  /** Remembers a report and draws all that is remembered. */
  take(report) {
    const { now, answered, expired, drops, workers } = report;
    const lost = drops.reduce((sum, { frames }) => sum + frames, expired);
    if (answered < (this.#told.at(-1)?.answered ?? 0)) this.#told = []; // the gateway began anew
    this.#told.push({ now, answered, lost, workers });
    this.#told = this.#told.filter((each) => now - each.now <= KEEP_MS);
    this.#draw();
  }

  /** Takes up the theme's colours anew. */
  repaint() {
    discard(this.#charts);
    this.#charts = null;
    if (this.#told.length) this.#draw();
  }

  #draw() {
    this.#charts ??= build();
    const { rate: rates, age, lag, batch } = this.#charts;
    const now = this.#told.at(-1).now;
    const pairs = this.#told.slice(1).map((later, i) => [this.#told[i], later]);
    ["answered", "lost"].forEach((what, i) => {
      rates.data.datasets[i].data = pairs.map(([one, other]) => ({ x: other.now, y: rate(one, other, what) }));
    });
    tell(rates, `Frames a second: ${(this.fps ?? 0).toFixed(1)} labelled`);
    const names = [...new Set(this.#told.flatMap(({ workers }) => workers.map(({ worker }) => worker)))].sort();
    name(names);
    this.#lines(age, names, (each) => (each.mean_batch === null ? null : each.queue_age_ms));
    tell(age, `Oldest frame when the engine takes it: ${latest(this.#told, ({ queue_age_ms: one }) => `${ms(one)} ms`)}`);
    this.#lines(lag, names, behind);
    tell(lag, `Frames behind: ${latest(this.#told, behind)}`);
    const sizes = this.#sizes(now);
    batch.data.labels = [...sizes.keys()];
    batch.data.datasets[0].data = [...sizes.values()];
    tell(batch, `Batches by size: ${[...sizes].map(([size, count]) => `${count} of ${size}`).join(", ") || "none"}`);
    for (const chart of [rates, age, lag]) {
      chart.options.scales.x.min = Math.max(this.#told[0].now, now - KEEP_MS);
      chart.options.scales.x.max = now;
    }
    for (const chart of Object.values(this.#charts)) chart.update("none");
  }

  #lines(chart, names, value) {
    chart.data.datasets = names.slice(0, HUES).map((worker, i) => ({
      ...chart.style(i),
      label: worker,
      data: this.#told.map(({ now, workers }) => {
        const said = workers.find((each) => each.worker === worker);
        return { x: now, y: said ? value(said) : null };
      }),
    }));
  }

  /** Batches by size, lately; a worker says them once, and reports repeat it until it says the next. */
  #sizes(now) {
    const counts = new Map();
    const said = new Set();
    for (const { now: then, workers } of this.#told) {
      for (const { worker, at, batch_sizes: sizes } of workers) {
        const key = `${worker} ${at}`;
        if (now - then > BATCHES_MS || said.has(key)) continue;
        said.add(key);
        for (const [size, count] of sizes) counts.set(size, (counts.get(size) ?? 0) + count);
      }
    }
    return new Map([...counts].sort(([one], [other]) => one - other));
  }
}

function rate(first, last, what) {
  return (1000 * (last[what] - first[what])) / Math.max(1, last.now - first.now);
}

function behind({ lag }) {
  return Object.values(lag).reduce((sum, frames) => sum + frames, 0);
}

function latest(told, value) {
  return told.at(-1).workers.map((each) => `${each.worker} ${value(each)}`).join(", ") || "no worker";
}

function name(names) {
  for (const list of document.querySelectorAll(".worker-names")) {
    while (list.children.length > Math.min(HUES, names.length)) list.lastChild.remove();
    names.slice(0, HUES).forEach((worker, i) => {
      const item = list.children[i] ?? list.appendChild(document.createElement("li"));
      item.className = `worker-${i + 1}`;
      write(item, worker);
    });
  }
}

function build() {
  const colour = themed();
  const { Chart } = window;
  const line = (hue) => ({
    borderColor: colour(hue),
    backgroundColor: colour(hue),
    borderWidth: 2,
    pointRadius: 0,
    pointHitRadius: 8,
  });
  const area = (label, hue) => ({ ...line(hue), label, borderWidth: 0, fill: true, data: [] });
  const over = (id, unit, datasets = [], stacked = false) => {
    const chart = new Chart(document.getElementById(id), {
      type: "line",
      data: { datasets },
      options: overTime(unit, { stacked, suggestedMax: 1 }),
    });
    chart.style = (i) => line(`--hue-${i + 1}`);
    return chart;
  };
  return {
    rate: over("rate-chart", "fps", [area("labelled", "--hue-1"), area("lost", "--lost")], true),
    age: over("age-chart", "ms"),
    lag: over("lag-chart", ""),
    batch: new Chart(document.getElementById("batch-chart"), {
      type: "bar",
      data: { labels: [], datasets: [{ label: "batches", data: [], backgroundColor: colour("--hue-1") }] },
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
