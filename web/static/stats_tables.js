// The page's numbers and tables.

import { percent, spoken, write } from "./labels.js";

export const HOPS = ["received", "queued", "decoded", "classified", "published", "delivered"];
export const HOP_NAMES = {
  received: "To the gateway",
  queued: "To the worker",
  decoded: "Decoding",
  classified: "The network",
  published: "Publishing",
  delivered: "Back to the screen",
};
export const HUES = 6; // labels that have a colour of their own
const ROWS = 10;

const STATES = {
  connecting: "Loading…",
  open: "Live",
  waiting: "Waiting",
  ended: "Ended",
  offline: "Offline",
  gone: "Forgotten",
};
const numbers = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export class Figures {
  constructor(address) {
    this.at("json").href = address;
    this.at("json").setAttribute("download", "sightstream.json");
    this.at("csv").href = `${address}.csv`;
  }

  at(id) {
    return document.getElementById(id);
  }

  state(state) {
    this.at("state").dataset.state = state;
    write(this.at("state"), STATES[state]);
  }

  show(report) {
    if (report.sent === 0) return;
    this.#about(report);
    this.#tiles(report);
    this.#hops(report.hops_ms);
    this.#steady(report);
    this.#labels(report);
  }

  #about({ started, last_seen: lastSeen, live, now, models, model_names: names }) {
    const lasted = duration(lastSeen - started);
    const when = live ? `Watching for ${lasted}` : `Watched for ${lasted}, ended ${duration(now - lastSeen)} ago`;
    write(this.at("when"), when);
    const used = Object.keys(models).map((version) => `${names[version]} · version ${version}`);
    write(this.at("model"), [...used, `since ${clock.format(started)}`].join(" · "));
  }

  #tiles({ delay_ms: delay, latency_ms: latency, fps, sent, answered, dropped, expired, live }) {
    write(this.at("delay"), ms(delay));
    write(this.at("delay-name"), live ? "Camera to label, now" : "Camera to label, at the end");
    write(this.at("fps"), fps.toFixed(fps < 10 ? 1 : 0));
    write(this.at("answered"), numbers.format(answered));
    write(this.at("sent"), numbers.format(sent));
    const drops = Object.entries(dropped);
    const why = drops.map(([reason, count]) => `${numbers.format(count)} ${spoken(reason)}`);
    if (expired > 0) why.push(`${numbers.format(expired)} expired`);
    write(this.at("lost"), numbers.format(drops.reduce((sum, [, count]) => sum + count, expired)));
    write(this.at("reasons"), why.join(", ") || "nothing dropped, nothing expired");
    for (const share of ["p50", "p95", "p99"]) write(this.at(share), `${ms(latency[share])} ms`);
  }

  #hops(hops) {
    const rows = HOPS.map((hop, i) => [hop, i]).filter(([hop]) => hops[hop]);
    fill(
      this.at("hops"),
      rows.map(([hop, i]) => ({
        className: `hop-${i + 1}`,
        cells: [HOP_NAMES[hop], ...["p50", "p95", "p99"].map((share) => `${ms(hops[hop][share])} ms`)],
      })),
    );
  }

  #steady({ switches_per_minute: perMinute, top, steady }) {
    write(this.at("raw-switches"), perMinute.raw.toFixed(1));
    write(this.at("steady-switches"), perMinute.steady.toFixed(1));
    write(this.at("streak"), numbers.format(top.streak));
    write(this.at("streak-label"), top.label ? `frames of ${spoken(top.label)}` : "frames");
    write(this.at("settled"), steady.label ? `settled on ${spoken(steady.label)}` : "");
  }

  #labels({ label_stats: labels }) {
    fill(
      this.at("labels"),
      labels.slice(0, ROWS).map((each, i) => ({
        className: i < HUES ? `hue-${i + 1}` : "",
        share: each.share,
        cells: [
          spoken(each.label),
          numbers.format(each.answers),
          null,
          percent(each.share),
          percent(each.confidence),
          `${each.dwell_s.toFixed(1)} s`,
        ],
      })),
    );
    const rest = labels.slice(ROWS).reduce((sum, { answers }) => sum + answers, 0);
    const count = labels.length - ROWS;
    write(this.at("more"), rest ? `${count} more ${count > 1 ? "labels" : "label"} in ${numbers.format(rest)} frames` : "");
  }
}

/** Rows are made anew only when there are more or fewer; a null cell is a bar. */
function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach(({ className, cells, share }, i) => {
    const row = body.rows[i] ?? body.insertRow();
    row.className = className;
    cells.forEach((text, j) => {
      const cell = row.cells[j] ?? row.insertCell();
      if (j === 0) cell.className = "key";
      if (text !== null) write(cell, text);
      else {
        const bar = cell.firstChild ?? cell.appendChild(document.createElement("span"));
        bar.className = "share-bar";
        bar.style.setProperty("--share", share.toFixed(3));
      }
    });
  });
}

/** Milliseconds as people read them. */
export function ms(value) {
  if (value === null || value === undefined) return "–";
  return value < 10 ? value.toFixed(1) : numbers.format(Math.round(value));
}

/** A span of milliseconds in its largest unit or two. */
export function duration(span) {
  const seconds = Math.max(0, Math.round(span / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return `${minutes} min ${seconds % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
