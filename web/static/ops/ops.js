// The operations view: fetches the gateway's report every second, shows it, and keeps some minutes for the charts.

import { fillTable, setText } from "../shared/elements.js";
import { count, duration, framesPerSecond, milliseconds, percent, readable, reasons } from "../shared/format.js";
import { COLOURS, OpsCharts } from "./ops_charts.js";
import { EXPIRED } from "../shared/outcomes.js";
import { ROOT } from "../shared/root.js";

const REFRESH_MS = 1000;
const OFFLINE_AFTER_MS = 3000; // without a report for so long, the page says that it is offline

const at = (id) => document.getElementById(id);
const write = (id, text) => setText(at(id), text);
const charts = new OpsCharts();

let report = null;
let received = 0; // when the last report came
let timer = null;

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const answer = await fetch(new URL("api/ops", ROOT), { cache: "no-store" });
    if (answer.status === 401 || answer.status === 404) return location.reload(); // the new page says why
    if (answer.ok) {
      report = await answer.json();
      received = Date.now();
      charts.add(report);
      show(report);
    }
  } catch {
    // the gateway or the network does not answer: the page keeps showing the last report
  }
  const state = Date.now() - received > OFFLINE_AFTER_MS ? "offline" : report.ready ? "open" : "refused";
  at("state").dataset.state = state;
  write("state", { offline: "Offline", open: "Ready", refused: "Not ready" }[state]);
  timer = setTimeout(refresh, REFRESH_MS);
}

function show(report) {
  const rejected = report.rejected ? `; ${count(report.rejected)} records of Kafka rejected` : "";
  write("gateway", `gateway ${report.gateway}; counts since its start${rejected}`);
  showTiles(report);
  showWorkers(report.workers);
  showModels(report);
  showDrops(report);
  showSessions(report);
}

function showTiles({ load, ready, canary_ms: canary, received, answered }) {
  write("fps", charts.fps === null ? "–" : framesPerSecond(charts.fps));
  write("fps-more", `${count(answered)} of ${count(received)} received`);
  write("session-count", count(load.sessions));
  const sockets = `${count(load.sockets)} ${load.sockets === 1 ? "socket" : "sockets"}`;
  write("sockets", `${sockets}, ${count(load.unanswered)} frames under way`);
  write("canary", milliseconds(canary));
  write("ready", ready ? "came back with a label" : "does not come back");
  write("load", load.load_average ? load.load_average[0].toFixed(2) : "–");
  write("cpus", `on ${load.cpus} CPUs, last minute`);
}

function showWorkers(workers) {
  at("no-workers").hidden = workers.length > 0;
  const rows = workers.map((each, i) => ({
    className: `worker-${(i % COLOURS) + 1}`,
    cells: [
      each.worker,
      `${each.fps.toFixed(1)} fps`,
      each.mean_batch === null ? "–" : each.mean_batch.toFixed(1),
      each.mean_batch === null ? "–" : `${milliseconds(each.queue_age_ms)} ms`,
      count(each.waiting),
      Object.entries(each.lag).map(([partition, frames]) => `${partition}: ${count(frames)}`).join(" · ") || "none",
      reasons(each.drops).join(", ") || "0",
      count(each.rejected),
      `${each.silent_s.toFixed(0)} s ago`,
    ],
  }));
  fillTable(at("workers"), rows, "key");
}

function showModels({ workers, models: answers }) {
  const versions = new Map();
  const find = (model, version) => {
    const key = JSON.stringify([model, version]);
    if (!versions.has(key)) versions.set(key, { model, version, engines: new Set(), workers: 0, frames: 0 });
    return versions.get(key);
  };
  for (const { name, version, engine, precision } of workers.flatMap((worker) => worker.models)) {
    const served = find(name, version);
    served.engines.add(`${engine} ${precision}`.trim());
    served.workers += 1;
  }
  for (const { model, version, frames } of answers) find(model, version).frames += frames;
  const rows = [...versions.values()].map(({ model, version, engines, workers, frames }) => ({
    className: workers ? "" : "inactive",
    cells: [model, version, [...engines].join(", ") || "–", String(workers), count(frames)],
  }));
  fillTable(at("models"), rows);
}

function showDrops({ drops, expired, received }) {
  const lost = expired ? [...drops, { reason: EXPIRED, stage: "gateway", frames: expired }] : [...drops];
  lost.sort((a, b) => b.frames - a.frames);
  at("no-drops").hidden = lost.length > 0;
  const rows = lost.map(({ reason, stage, frames }) => ({
    cells: [readable(reason), stage, count(frames), percent(frames / Math.max(1, received))],
  }));
  fillTable(at("drops"), rows);
}

function showSessions({ sessions, more_sessions: more }) {
  const rows = sessions.map((each) => ({
    className: each.connected ? "" : "inactive",
    cells: [
      `${each.session}…`,
      each.connected ? (each.model ?? "–") : "away",
      `${each.fps.toFixed(1)} fps`,
      `${each.in_flight} of ${each.credits}`,
      each.round_trip_ms === null ? "–" : `${milliseconds(each.round_trip_ms)} ms`,
      count(each.received),
      count(each.answered),
      reasons(each.dropped).join(", ") || "0",
      count(each.expired),
      `${duration(each.silent_s * 1000)} ago`,
    ],
  }));
  fillTable(at("sessions"), rows, "mono");
  write("more", sessions.length === 0 ? "no sessions" : more ? `and ${count(more)} more` : "");
}

document.addEventListener("visibilitychange", refresh);
addEventListener("online", refresh);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.reset());

/** For tests, and for use in the browser's console. */
window.sightstream = Object.freeze({
  get report() {
    return report;
  },
});

refresh();
