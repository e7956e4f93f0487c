// The page's charts, drawn by Chart.js. A slot of the report is a step: it holds from its start to its end.

import { discard, overTime, tell, themed } from "./charts.js";
import { HOPS, HOP_NAMES, HUES, ms } from "./figures.js";
import { spoken } from "./labels.js";

const SHARES = ["p50", "p95", "p99"];
const SHARE_HUES = { p50: "--hue-1", p95: "--hue-2", p99: "--hue-4" };

export class Graphs {
  #charts = null;

  /** Draws the report's last `span` milliseconds, or all of it. */
  show(report, span = Infinity) {
    if (report.history.length === 0) return;
    this.#charts ??= build();
    const slots = within(whole(report), span);
    const ends = [slots[0].from, slots.at(-1).until];
    latency(this.#charts.latency, slots, report);
    hops(this.#charts.hops, slots, report);
    rate(this.#charts.rate, slots, report);
    labels(this.#charts.labels, slots, report);
    for (const chart of Object.values(this.#charts)) {
      [chart.options.scales.x.min, chart.options.scales.x.max] = ends;
      chart.update("none");
    }
  }

  /** Takes up the theme's colours anew. */
  repaint() {
    discard(this.#charts);
    this.#charts = null;
  }
}

/** The slots with their ends, of which only what the session lived counts, and without a last one hardly begun. */
function whole({ history, live, started, last_seen: lastSeen }) {
  const slots = history.map((slot) => {
    const end = slot.start + slot.seconds * 1000;
    const from = Math.min(Math.max(slot.start, started), end - 500);
    return { ...slot, from, until: Math.max(Math.min(end, lastSeen), from + 500) };
  });
  const begun = live || slots.at(-1).until - slots.at(-1).from < 1000;
  return begun && slots.length > 1 ? slots.slice(0, -1) : slots;
}

function within(slots, span) {
  const since = slots.at(-1).until - span;
  return slots.filter(({ until }) => until > since);
}

/** Points for `value(slot)`: a line through the middles of the slots, broken where there were none. */
function line(slots, value) {
  const points = [];
  let end = null;
  for (const slot of slots) {
    const { from, until } = slot;
    if (end !== null && from - end > 2000) points.push({ x: (end + from) / 2, y: null });
    points.push({ x: (from + until) / 2, y: value(slot) });
    end = until;
  }
  return points;
}

/** Points for `value(slot)`: steps, which fall to 0 where there were no slots. */
function steps(slots, value) {
  const points = [];
  let end = null;
  for (const slot of slots) {
    if (end !== null && slot.from > end) points.push({ x: end, y: 0 });
    points.push({ x: slot.from, y: value(slot) });
    end = slot.until;
  }
  return [...points, { x: end, y: points.at(-1).y }];
}

function latency(chart, slots, { latency_ms: all }) {
  SHARES.forEach((share, i) => (chart.data.datasets[i].data = line(slots, (slot) => slot.latency_ms[share])));
  tell(chart, `Latency over time; all in all ${SHARES.map((share) => `${share} ${ms(all[share])} ms`).join(", ")}`);
}

function hops(chart, slots, { recent_hops_ms: recent }) {
  HOPS.forEach((hop, i) => (chart.data.datasets[i].data = steps(slots, (slot) => slot.hops_ms[hop] ?? 0)));
  const now = HOPS.filter((hop) => hop in recent).map((hop) => `${HOP_NAMES[hop]} ${ms(recent[hop])} ms`);
  tell(chart, `Mean latency by hop over time; lately ${now.join(", ")}`);
}

function rate(chart, slots, { fps }) {
  const [labelled, lost] = chart.data.datasets;
  const perSecond = ({ from, until }, count) => (1000 * count) / (until - from);
  labelled.data = steps(slots, (slot) => perSecond(slot, slot.answered));
  lost.data = steps(slots, (slot) => perSecond(slot, slot.dropped + slot.expired));
  tell(chart, `Frames a second over time; lately ${fps.toFixed(1)} labelled`);
}

function labels(chart, slots, { label_stats: ranked }) {
  const named = ranked.slice(0, HUES).map(({ label }) => label);
  const share = (slot, label) => (slot.labels[label] ?? 0) / Math.max(1, slot.answered);
  chart.data.datasets.forEach((dataset, i) => {
    if (i < HUES) {
      dataset.label = named[i] ? spoken(named[i]) : "";
      dataset.data = named[i] ? steps(slots, (slot) => share(slot, named[i])) : [];
    } else {
      const others = (slot) => (slot.answered > 0 ? 1 - named.reduce((sum, label) => sum + share(slot, label), 0) : 0);
      dataset.data = steps(slots, (slot) => Math.max(0, others(slot)));
    }
  });
  tell(chart, `Labels over time; most often ${named.slice(0, 3).map(spoken).join(", ")}`);
}

function build() {
  const colour = themed();
  const { Chart } = window;
  const chart = (id, datasets, options) =>
    new Chart(document.getElementById(id), { type: "line", data: { datasets }, options: settings(colour, options) });
  const area = (label, hue) => ({
    label,
    backgroundColor: colour(hue),
    borderWidth: 0,
    fill: true,
    stepped: "before",
    pointRadius: 0,
  });
  return {
    latency: chart(
      "latency-chart",
      SHARES.map((share) => ({
        label: share,
        borderColor: colour(SHARE_HUES[share]),
        backgroundColor: colour(SHARE_HUES[share]),
        borderWidth: share === "p50" ? 2.5 : 1.5,
        pointRadius: 0,
        pointHitRadius: 8,
        borderJoinStyle: "round",
      })),
      { unit: "ms" },
    ),
    hops: chart(
      "hops-chart",
      HOPS.map((hop, i) => area(HOP_NAMES[hop], `--hop-${i + 1}`)),
      { unit: "ms", stacked: true },
    ),
    rate: chart("rate-chart", [area("labelled", "--hue-1"), area("lost", "--lost")], { unit: "fps", stacked: true }),
    labels: chart(
      "labels-chart",
      [...Array.from({ length: HUES }, (_, i) => area("", `--hue-${i + 1}`)), area("others", "--hue-rest")],
      { stacked: true, whole: 1 },
    ),
  };
}

function settings(colour, { unit = "", stacked = false, whole: most } = {}) {
  const value = (number) => (unit ? `${ms(number)} ${unit}` : `${Math.round(number * 100)} %`);
  const { plugins, ...options } = overTime(unit, { stacked, display: !most, max: most });
  return {
    ...options,
    plugins: {
      ...plugins,
      tooltip: {
        backgroundColor: colour("--card"),
        borderColor: colour("--line"),
        borderWidth: 1,
        titleColor: colour("--ink"),
        bodyColor: colour("--ink"),
        padding: 10,
        boxPadding: 4,
        itemSort: stacked ? (a, b) => b.datasetIndex - a.datasetIndex : undefined,
        filter: (item) => item.parsed.y !== null && (!most || item.parsed.y > 0),
        callbacks: { label: ({ dataset, parsed }) => ` ${dataset.label} ${value(parsed.y)}` },
      },
    },
  };
}
