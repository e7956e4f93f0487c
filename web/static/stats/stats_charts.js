// The charts of the statistics page, drawn by Chart.js. The report's history is a list of slots: time spans of equal
// length with their counts. A step in a chart holds from the start of its slot to the end.

import { applyTheme, describe, destroyCharts, timeChartOptions } from "../shared/charts.js";
import { framesPerSecond, milliseconds, percent, readable } from "../shared/format.js";
import { HOPS, HOP_NAMES } from "../shared/outcomes.js";
import { t } from "../shared/texts.js";
import { COLOURS, PERCENTILES } from "./stats_tables.js";

const PERCENTILE_COLOURS = { p50: "--hue-1", p95: "--hue-2", p99: "--hue-4" };

export class StatsCharts {
  #charts = null;

  /** Draws the report's last `span` milliseconds, or all of it. */
  show(report, span = Infinity) {
    if (report.history.length === 0) return;
    this.#charts ??= createCharts();
    const slots = lastSlots(completeSlots(report), span);
    const ends = [slots[0].from, slots.at(-1).until];
    showLatency(this.#charts.latency, slots, report);
    showHops(this.#charts.hops, slots, report);
    showRate(this.#charts.rate, slots, report);
    showLabels(this.#charts.labels, slots, report);
    for (const chart of Object.values(this.#charts)) {
      [chart.options.scales.x.min, chart.options.scales.x.max] = ends;
      chart.update("none");
    }
  }

  /** The theme has changed: the next `show` creates the charts again, in the new colours. */
  reset() {
    destroyCharts(this.#charts);
    this.#charts = null;
  }
}

/** The slots with their ends, cut at the session's start and end, without a last slot that has hardly begun. */
function completeSlots({ history, live, started, last_seen: lastSeen }) {
  const slots = history.map((slot) => {
    const end = slot.start + slot.seconds * 1000;
    const from = Math.min(Math.max(slot.start, started), end - 500);
    return { ...slot, from, until: Math.max(Math.min(end, lastSeen), from + 500) };
  });
  const hasJustBegun = live || slots.at(-1).until - slots.at(-1).from < 1000;
  return hasJustBegun && slots.length > 1 ? slots.slice(0, -1) : slots;
}

function lastSlots(slots, span) {
  const since = slots.at(-1).until - span;
  return slots.filter(({ until }) => until > since);
}

/** Points of `value(slot)`: a line through the middles of the slots, interrupted where slots are missing. */
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

/** Points of `value(slot)`: steps, which fall to 0 where slots are missing. */
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

function showLatency(chart, slots, { latency_ms: all }) {
  PERCENTILES.forEach((each, i) => (chart.data.datasets[i].data = line(slots, (slot) => slot.latency_ms[each])));
  const values = PERCENTILES.map((each) => `${each} ${milliseconds(all[each])} ms`);
  describe(chart, t("Time from camera to label; of all frames: {values}", { values: values.join(", ") }));
}

function showHops(chart, slots, { recent_hops_ms: recent }) {
  HOPS.forEach((hop, i) => (chart.data.datasets[i].data = steps(slots, (slot) => slot.hops_ms[hop] ?? 0)));
  const values = HOPS.filter((hop) => hop in recent).map((hop) => `${HOP_NAMES[hop]} ${milliseconds(recent[hop])} ms`);
  describe(chart, t("Mean time of each step; lately: {values}", { values: values.join(", ") }));
}

function showRate(chart, slots, { fps }) {
  const [labelled, lost] = chart.data.datasets;
  const perSecond = ({ from, until }, frames) => (1000 * frames) / (until - from);
  labelled.data = steps(slots, (slot) => perSecond(slot, slot.answered));
  lost.data = steps(slots, (slot) => perSecond(slot, slot.dropped + slot.expired));
  describe(chart, t("Frames a second; lately {fps} with a label", { fps: framesPerSecond(fps) }));
}

function showLabels(chart, slots, { label_stats: ranked }) {
  const named = ranked.slice(0, COLOURS).map(({ label }) => label);
  const share = (slot, label) => (slot.labels[label] ?? 0) / Math.max(1, slot.answered);
  chart.data.datasets.forEach((dataset, i) => {
    if (i < COLOURS) {
      dataset.label = named[i] ? readable(named[i]) : "";
      dataset.data = named[i] ? steps(slots, (slot) => share(slot, named[i])) : [];
    } else {
      const others = (slot) => (slot.answered > 0 ? 1 - named.reduce((sum, label) => sum + share(slot, label), 0) : 0);
      dataset.data = steps(slots, (slot) => Math.max(0, others(slot)));
    }
  });
  const most = ranked.slice(0, 3).map((each) => `${readable(each.label)} ${percent(each.share)}`);
  describe(chart, t("Labels and their shares; most often {labels}", { labels: most.join(", ") }));
}

function createCharts() {
  const colour = applyTheme();
  const { Chart } = window;
  const create = (id, datasets, options) =>
    new Chart(document.getElementById(id), {
      type: "line",
      data: { datasets },
      options: chartOptions(colour, options),
    });
  const area = (label, hue) => ({
    label,
    backgroundColor: colour(hue),
    borderWidth: 0,
    fill: true,
    stepped: "before",
    pointRadius: 0,
  });
  const curve = (percentile) => ({
    label: percentile,
    borderColor: colour(PERCENTILE_COLOURS[percentile]),
    backgroundColor: colour(PERCENTILE_COLOURS[percentile]),
    borderWidth: percentile === "p50" ? 2.5 : 1.5,
    pointRadius: 0,
    pointHitRadius: 8,
    borderJoinStyle: "round",
  });
  const named = Array.from({ length: COLOURS }, (_, i) => area("", `--hue-${i + 1}`));
  const hops = HOPS.map((hop, i) => area(HOP_NAMES[hop], `--hop-${i + 1}`));
  const rates = [area(t("with a label"), "--hue-1"), area(t("without"), "--lost")];
  return {
    latency: create("latency-chart", PERCENTILES.map(curve), { unit: "ms" }),
    hops: create("hops-chart", hops, { unit: "ms", stacked: true }),
    rate: create("rate-chart", rates, { unit: "fps", stacked: true }),
    labels: create("labels-chart", [...named, area(t("others"), "--hue-rest")], { stacked: true, max: 1 }),
  };
}

/** Options of a chart: values have a `unit`, or are shares of `max`. */
function chartOptions(colour, { unit = "", stacked = false, max } = {}) {
  const value = (number) => (unit ? `${milliseconds(number)} ${unit}` : percent(number));
  const { plugins, ...options } = timeChartOptions(unit, { stacked, display: !max, max });
  return {
    ...options,
    plugins: {
      ...plugins,
      tooltip: {
        backgroundColor: colour("--card"),
        borderColor: colour("--line"),
        borderWidth: 1,
        titleColor: colour("--text"),
        bodyColor: colour("--text"),
        padding: 10,
        boxPadding: 4,
        itemSort: stacked ? (a, b) => b.datasetIndex - a.datasetIndex : undefined,
        filter: (item) => item.parsed.y !== null && (!max || item.parsed.y > 0),
        callbacks: { label: ({ dataset, parsed }) => ` ${dataset.label} ${value(parsed.y)}` },
      },
    },
  };
}
