// The operations view: asks how gateway and workers are, again and again, and remembers some minutes of it.

import { duration, ms } from "./figures.js";
import { percent, spoken, write } from "./labels.js";
import { Trends } from "./trends.js";

const EVERY_MS = 1000;
const FRESH_MS = 3000; // without an answer for so long, what is shown is old

const numbers = new Intl.NumberFormat("en");
const at = (id) => document.getElementById(id);
const trends = new Trends();

let report = null;
let heard = 0;
let timer = null;

async function turn() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const answer = await fetch("api/ops", { cache: "no-store" });
    if (answer.status === 401 || answer.status === 404) return location.reload(); // the form says what is missing
    if (answer.ok) {
      report = await answer.json();
      heard = Date.now();
      trends.take(report);
      show(report);
    }
  } catch {
    // the gateway is away, or the network is: what was known stays on the page
  }
  const state = Date.now() - heard > FRESH_MS ? "offline" : report.ready ? "open" : "refused";
  at("state").dataset.state = state;
  write(at("state"), { offline: "Offline", open: "Ready", refused: "Not ready" }[state]);
  timer = setTimeout(turn, EVERY_MS);
}

function show(told) {
  write(at("gateway"), `gateway ${told.gateway}; counts since its start`);
  tiles(told);
  workers(told.workers);
  models(told);
  drops(told);
  sessions(told);
}

function tiles({ load, ready, canary_ms: canary, received, answered }) {
  const fps = trends.fps;
  write(at("fps"), fps === null ? "–" : fps.toFixed(fps < 10 ? 1 : 0));
  write(at("fps-more"), `${numbers.format(answered)} of ${numbers.format(received)} received`);
  write(at("session-count"), numbers.format(load.sessions));
  write(at("sockets"), `${numbers.format(load.sockets)} ${load.sockets === 1 ? "socket" : "sockets"}, ${numbers.format(load.unanswered)} frames under way`);
  write(at("canary"), ms(canary));
  write(at("ready"), ready ? "came back with a label" : "does not come back");
  write(at("load"), load.load_average ? load.load_average[0].toFixed(2) : "–");
  write(at("cpus"), `on ${load.cpus} CPUs, last minute`);
}

function workers(rows) {
  at("no-workers").hidden = rows.length > 0;
  fill(
    at("workers"),
    rows.map((each, i) => ({
      className: `worker-${(i % 6) + 1}`,
      cells: [
        each.worker,
        `${each.fps.toFixed(1)} fps`,
        each.mean_batch === null ? "–" : each.mean_batch.toFixed(1),
        each.mean_batch === null ? "–" : `${ms(each.queue_age_ms)} ms`,
        numbers.format(each.waiting),
        Object.entries(each.lag).map(([partition, frames]) => `${partition}: ${numbers.format(frames)}`).join(" · ") || "none",
        reasons(each.drops),
        `${each.silent_s.toFixed(0)} s ago`,
      ],
    })),
    "key",
  );
}

function models({ workers: running, models: answers }) {
  const rows = new Map();
  const row = (model, version) => {
    const key = JSON.stringify([model, version]);
    if (!rows.has(key)) rows.set(key, { model, version, engines: new Set(), workers: 0, frames: 0 });
    return rows.get(key);
  };
  for (const worker of running) {
    for (const each of worker.models) {
      const one = row(each.name, each.version);
      one.engines.add(`${each.engine} ${each.precision}`.trim());
      one.workers += 1;
    }
  }
  for (const { model, version, frames } of answers) row(model, version).frames += frames;
  fill(
    at("models"),
    [...rows.values()].map(({ model, version, engines, workers: count, frames }) => ({
      className: count ? "" : "away",
      cells: [model, version, [...engines].join(", ") || "–", String(count), numbers.format(frames)],
    })),
  );
}

function drops({ drops: counted, expired, received }) {
  const rows = counted.map(({ reason, stage, frames }) => [spoken(reason), stage, frames]);
  if (expired) rows.push(["expired", "gateway", expired]);
  rows.sort((one, other) => other[2] - one[2]);
  at("no-drops").hidden = rows.length > 0;
  fill(
    at("drops"),
    rows.map(([reason, stage, frames]) => ({
      cells: [reason, stage, numbers.format(frames), percent(frames / Math.max(1, received))],
    })),
  );
}

function sessions({ sessions: listed, more_sessions: more }) {
  fill(
    at("sessions"),
    listed.map((each) => ({
      className: each.connected ? "" : "away",
      cells: [
        `${each.session}…`,
        each.connected ? (each.model ?? "–") : "away",
        `${each.fps.toFixed(1)} fps`,
        `${each.in_flight} of ${each.credits}`,
        each.round_trip_ms === null ? "–" : `${ms(each.round_trip_ms)} ms`,
        numbers.format(each.received),
        numbers.format(each.answered),
        reasons(each.dropped),
        numbers.format(each.expired),
        `${duration(each.silent_s * 1000)} ago`,
      ],
    })),
    "mono",
  );
  write(at("more"), listed.length === 0 ? "nobody is here" : more ? `and ${numbers.format(more)} more` : "");
}

function reasons(counts) {
  const parts = Object.entries(counts).map(([reason, frames]) => `${numbers.format(frames)} ${spoken(reason)}`);
  return parts.join(", ") || "0";
}

/** Rows are made anew only when there are more or fewer; the first cells have the class `first`. */
function fill(body, rows, first = "") {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach(({ className = "", cells }, i) => {
    const row = body.rows[i] ?? body.insertRow();
    row.className = className;
    cells.forEach((text, j) => {
      const cell = row.cells[j] ?? row.insertCell();
      if (j === 0) cell.className = first;
      write(cell, text);
    });
  });
}

document.addEventListener("visibilitychange", turn);
addEventListener("online", turn);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => trends.repaint());

/** For tests, and for the curious at the console. */
window.sightstream = Object.freeze({
  get report() {
    return report;
  },
});

turn();
