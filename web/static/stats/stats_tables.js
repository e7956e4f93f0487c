// The numbers and tables of the statistics page.

import { fillTable, setText } from "../shared/elements.js";
import { count, duration, framesPerSecond, milliseconds, percent, readable, reasons } from "../shared/format.js";
import { HOPS, HOP_NAMES } from "../shared/outcomes.js";

export const COLOURS = 6; // labels that have a colour of their own
export const PERCENTILES = ["p50", "p95", "p99"];
const ROWS = 10;

const STATES = {
  connecting: "Loading…",
  open: "Live",
  waiting: "Waiting",
  ended: "Ended",
  offline: "Offline",
  gone: "Forgotten",
};
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export class StatsTables {
  constructor(address) {
    this.at("json").href = address;
    this.at("json").setAttribute("download", "sightstream.json");
    this.at("csv").href = `${address}.csv`;
  }

  at(id) {
    return document.getElementById(id);
  }

  #write(id, text) {
    setText(this.at(id), text);
  }

  showState(state) {
    this.at("state").dataset.state = state;
    this.#write("state", STATES[state]);
  }

  show(report) {
    if (report.sent === 0) return;
    this.#showSession(report);
    this.#showTiles(report);
    this.#showHops(report.hops_ms);
    this.#showStability(report);
    this.#showLabels(report.label_stats);
  }

  #showSession({ started, last_seen: lastSeen, live, now, models, model_names: names }) {
    const lasted = duration(lastSeen - started);
    const when = live ? `Watching for ${lasted}` : `Watched for ${lasted}, ended ${duration(now - lastSeen)} ago`;
    this.#write("when", when);
    const used = Object.keys(models).map((version) => `${names[version]} · version ${version}`);
    this.#write("model", [...used, `since ${clock.format(started)}`].join(" · "));
  }

  #showTiles({ delay_ms: delay, latency_ms: latency, fps, sent, answered, dropped, expired, live }) {
    this.#write("delay", milliseconds(delay));
    this.#write("delay-name", live ? "Camera to label, now" : "Camera to label, at the end");
    this.#write("fps", framesPerSecond(fps));
    const lost = Object.values(dropped).reduce((sum, frames) => sum + frames, expired);
    for (const [id, frames] of Object.entries({ answered, sent, lost })) this.#write(id, count(frames));
    const why = reasons(expired > 0 ? { ...dropped, expired } : dropped);
    this.#write("reasons", why.join(", ") || "nothing dropped, nothing expired");
    for (const percentile of PERCENTILES) this.#write(percentile, `${milliseconds(latency[percentile])} ms`);
  }

  #showHops(hops) {
    const rows = HOPS.flatMap((hop, i) => {
      if (!hops[hop]) return [];
      const values = PERCENTILES.map((percentile) => `${milliseconds(hops[hop][percentile])} ms`);
      return [{ className: `hop-${i + 1}`, cells: [HOP_NAMES[hop], ...values] }];
    });
    fillTable(this.at("hops"), rows, "key");
  }

  #showStability({ switches_per_minute: perMinute, top, steady }) {
    this.#write("raw-switches", perMinute.raw.toFixed(1));
    this.#write("steady-switches", perMinute.steady.toFixed(1));
    this.#write("streak", count(top.streak));
    this.#write("streak-label", top.label ? `frames of ${readable(top.label)}` : "frames");
    this.#write("settled", steady.label ? `settled on ${readable(steady.label)}` : "");
  }

  #showLabels(labels) {
    const rows = labels.slice(0, ROWS).map((each, i) => ({
      className: i < COLOURS ? `hue-${i + 1}` : "",
      share: each.share,
      cells: [
        readable(each.label),
        count(each.answers),
        null,
        percent(each.share),
        percent(each.confidence),
        `${each.dwell_s.toFixed(1)} s`,
      ],
    }));
    fillTable(this.at("labels"), rows, "key");
    const rest = labels.slice(ROWS);
    const frames = rest.reduce((sum, { answers }) => sum + answers, 0);
    const more = `${rest.length} more ${rest.length > 1 ? "labels" : "label"} in ${count(frames)} frames`;
    this.#write("more", frames ? more : "");
  }
}
