// The numbers and tables of the operations view.

import { fillTable, setText } from "../shared/elements.js";
import {
  count,
  decimal,
  duration,
  framesPerSecond,
  milliseconds,
  outcomeName,
  percent,
  reasons,
} from "../shared/format.js";
import { EXPIRED } from "../shared/outcomes.js";
import { t } from "../shared/texts.js";
import { COLOURS } from "./ops_charts.js";
import { isSilent } from "./state.js";

const at = (id) => document.getElementById(id);
const write = (id, text) => setText(at(id), text);

/** Shows a report that came `age` milliseconds ago, and what `charts` know of those before it. */
export function showReport(report, age, charts) {
  const now = report.now + age;
  showGateway(report);
  showTiles(report, charts.fps, now);
  showWorkers(charts.workers, report, now);
  showModels(report);
  showDrops(report);
  showSessions(report, age);
}

function showGateway({ gateway, rejected }) {
  const texts = [t("gateway {name}; counts since its start", { name: gateway })];
  if (rejected) texts.push(t("unusable messages of Kafka: {number}", { number: count(rejected) }));
  write("gateway", texts.join("; "));
}

function showTiles({ load, canary_ms: took, canary_at: testedAt, ...counts }, fps, now) {
  const [answered, received] = [count(counts.answered), count(counts.received)];
  write("fps", fps === null ? "–" : framesPerSecond(fps));
  write("fps-more", t("{answered} of {received} frames since the start", { answered, received }));
  write("session-count", count(load.sessions));
  write("sockets", t("connections: {sockets}, frames awaiting answer: {unanswered}", {
    sockets: count(load.sockets),
    unanswered: count(load.unanswered),
  }));
  write("self-test", milliseconds(took));
  const passed = t("a picture came back {time} ago", { time: duration(now - testedAt) });
  write("self-test-when", testedAt ? passed : t("no picture has come back yet"));
  write("load", load.load_average ? decimal(load.load_average[0], 2) : "–");
  write("cpus", t("on {cpus} processors, last minute", { cpus: count(load.cpus) }));
}

function showWorkers(workers, report, now) {
  at("no-workers").hidden = workers.length > 0;
  const rows = workers.map((each, i) => ({
    className: `worker-${(i % COLOURS) + 1} ${isSilent(each, now) ? "inactive" : ""}`.trim(),
    cells: [
      each.worker,
      `${decimal(each.fps)} fps`,
      each.mean_batch === null ? "–" : decimal(each.mean_batch),
      each.mean_batch === null ? "–" : `${milliseconds(each.queue_age_ms)} ms`,
      count(each.waiting),
      Object.entries(each.lag).map(([partition, frames]) => `${partition}: ${count(frames)}`).join(" · ") || t("none"),
      reasons(each.drops).join(", ") || count(0),
      count(each.rejected),
      lastReport(each, now),
    ],
  }));
  fillTable(at("workers"), rows, "key");
}

function lastReport(worker, now) {
  const time = duration(now - worker.at);
  return isSilent(worker, now) ? t("silent for {time}", { time }) : t("{time} ago", { time });
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
    cells: [model, version, [...engines].join(", ") || "–", count(workers), count(frames)],
  }));
  fillTable(at("models"), rows);
}

function showDrops({ drops, expired, received }) {
  const lost = expired ? [...drops, { reason: EXPIRED, stage: "gateway", frames: expired }] : [...drops];
  lost.sort((a, b) => b.frames - a.frames);
  at("no-drops").hidden = lost.length > 0;
  const stages = { gateway: t("gateway"), worker: t("worker") };
  const rows = lost.map(({ reason, stage, frames }) => ({
    cells: [outcomeName(reason), stages[stage] ?? stage, count(frames), percent(frames / Math.max(1, received))],
  }));
  fillTable(at("drops"), rows);
}

function showSessions({ sessions, more_sessions: more }, age) {
  const rows = sessions.map((each) => ({
    className: each.connected ? "" : "inactive",
    cells: [
      `${each.session}…`,
      each.connected ? (each.model ?? "–") : t("away"),
      `${decimal(each.fps)} fps`,
      t("{frames} of {most}", { frames: count(each.in_flight), most: count(each.credits) }),
      each.round_trip_ms === null ? "–" : `${milliseconds(each.round_trip_ms)} ms`,
      count(each.received),
      count(each.answered),
      reasons(each.dropped).join(", ") || count(0),
      count(each.expired),
      t("{time} ago", { time: duration(each.silent_s * 1000 + age) }),
    ],
  }));
  fillTable(at("sessions"), rows, "mono");
  write("more", sessions.length === 0 ? t("no sessions") : more ? t("and {number} more", { number: count(more) }) : "");
}
