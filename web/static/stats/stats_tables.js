// The numbers and tables of the statistics page.

import { fillTable, setText } from "../shared/elements.js";
import {
  LOCALE,
  count,
  decimal,
  duration,
  framesPerSecond,
  milliseconds,
  percent,
  readable,
  reasons,
} from "../shared/format.js";
import { HOPS, HOP_NAMES } from "../shared/outcomes.js";
import { t } from "../shared/texts.js";

export const COLOURS = 6; // labels that have a colour of their own
export const PERCENTILES = ["p50", "p95", "p99"];
const ROWS = 10;

const clock = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });

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

  show(report, { name }) {
    if (report.sent === 0) return;
    this.#showSession(report, name);
    this.#showTiles(report, name === "ended");
    this.#showHops(report.hops_ms);
    this.#showStability(report);
    this.#showLabels(report.label_stats);
  }

  #showSession({ started, last_seen: lastSeen, now, models, model_names: names }, state) {
    const lasted = duration(lastSeen - started);
    const ago = duration(now - lastSeen);
    const ended = t("Watched for {lasted}, ended {ago} ago", { lasted, ago });
    this.#write("when", state === "ended" ? ended : t("Watched for {lasted}", { lasted }));
    const used = Object.keys(models).map((version) =>
      t("{model} · version {version}", { model: names[version], version }),
    );
    this.#write("model", [...used, t("since {time}", { time: clock.format(started) })].join(" · "));
  }

  #showTiles({ delay_ms: delay, latency_ms: latency, fps, sent, answered, dropped, expired }, hasEnded) {
    this.#write("delay", milliseconds(delay));
    this.#write("delay-when", hasEnded ? t("median of its last seconds") : t("median of the last seconds"));
    this.#write("fps", framesPerSecond(fps));
    this.#write("fps-when", hasEnded ? t("labels a second at the end") : t("labels a second"));
    const lost = Object.values(dropped).reduce((sum, frames) => sum + frames, expired);
    for (const [id, frames] of Object.entries({ answered, lost })) this.#write(id, count(frames));
    this.#write("sent", t("of {sent} frames", { sent: count(sent) }));
    const why = reasons(expired > 0 ? { ...dropped, expired } : dropped);
    this.#write("reasons", why.join(", ") || t("every frame has got a label"));
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
    this.#write("raw-switches", decimal(perMinute.raw));
    this.#write("steady-switches", decimal(perMinute.steady));
    this.#write("streak", count(top.streak));
    this.#write("streak-label", top.label ? t("frames of {label}", { label: readable(top.label) }) : t("frames"));
    this.#write("settled", steady.label ? t("Mostly: {label}", { label: readable(steady.label) }) : "");
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
        `${decimal(each.dwell_s)} s`,
      ],
    }));
    fillTable(this.at("labels"), rows, "key");
    const rest = labels.slice(ROWS);
    const frames = count(rest.reduce((sum, { answers }) => sum + answers, 0));
    const more = t("Other labels: {labels}, of {frames} frames", { labels: count(rest.length), frames });
    this.#write("more", rest.length ? more : "");
  }
}
