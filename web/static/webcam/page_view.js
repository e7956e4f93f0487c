// Everything that the page shows except labels and preview: its state, speed, frame counts and models.

import { setText } from "../shared/elements.js";
import { count, decimal, framesPerSecond, reasons, rounded } from "../shared/format.js";
import { t } from "../shared/texts.js";

const PARTS = ["network", "queue", "model"];

export class PageView {
  #elements = new Map();
  #choices = new Map();

  constructor() {
    this.#elements.set("title", document.querySelector("title"));
    this.at("state").ariaLive = "off"; // the announcer says it, less often
  }

  /** The element with this id, looked up once. */
  at(id) {
    if (!this.#elements.has(id)) this.#elements.set(id, document.getElementById(id));
    return this.#elements.get(id);
  }

  #write(id, text) {
    setText(this.at(id), text);
  }

  /** What liveness.js says: in the head of the page, on the picture, and below the headline. */
  showState({ name, title, text, isLive, isStale, header }) {
    this.at("state").dataset.state = header.name;
    this.#write("state", header.title);
    this.at("chip").dataset.live = isLive;
    this.#write("chip", title);
    this.#write("why", text);
    for (const id of ["headline", "labels"]) this.at(id).classList.toggle("stale", isStale);
    setText(this.at("title"), name === "hidden" ? `${t("Paused")} · Sightstream` : "Sightstream");
  }

  /** The source, if there is one, and a line that says what is shown of it. */
  showSource({ source, opening }, caption) {
    this.at("picture").dataset.kind = source?.kind ?? "none";
    this.at("chip").hidden = !source;
    this.#write("invitation", opening ? t("Allow the camera when the browser asks") : t("Show it something"));
    this.#write("start", source ? t("Stop") : opening ? t("Cancel") : t("Start camera"));
    this.at("start").classList.toggle("primary", !source && !opening);
    this.#write("caption", caption);
  }

  /** Something that the person should know about the "source", a "frame" or the "connection"; `action` is a button. */
  showNotice(topic, title, text, action) {
    const notice = this.at("notice");
    notice.dataset.topic = topic;
    this.#write("notice-title", title);
    this.#write("notice-text", text);
    this.at("notice-action").hidden = !action;
    if (action) {
      this.#write("notice-action", action.name);
      this.at("notice-action").onclick = action.run;
    }
    notice.hidden = false;
  }

  /** Hides the notice, if it is about this topic. Without a topic, hides any notice. */
  hideNotice(topic = this.at("notice").dataset.topic) {
    if (topic === this.at("notice").dataset.topic) this.at("notice").hidden = true;
  }

  showSpeed({ latency, fps, parts, target, quality, bytes }) {
    this.#write("latency", latency === null ? "–" : count(Math.round(latency)));
    this.#write("fps", fps === 0 ? "–" : framesPerSecond(fps));
    this.#write("target", t("aiming for {fps} fps", { fps: Math.round(target) }));
    this.#write("kilobytes", bytes === null ? "–" : rounded(bytes / 1024));
    this.#write("quality", t("quality {quality}", { quality: decimal(quality, 2) }));
    const whole = parts ? PARTS.reduce((sum, part) => sum + parts[part], 0) : 0;
    for (const part of PARTS) {
      this.at(`${part}-bar`).style.setProperty("--share", whole ? (parts[part] / whole).toFixed(3) : "0");
      this.#write(`${part}-ms`, whole ? `${Math.round(parts[part])} ms` : "–");
    }
  }

  showCounts({ dropped, ...counts }) {
    const all = Object.values(dropped).reduce((sum, frames) => sum + frames, 0);
    for (const [id, frames] of Object.entries({ ...counts, dropped: all })) this.#write(id, count(frames));
    this.#write("reasons", reasons(dropped).join(", "));
  }

  showHeadline(text) {
    this.#write("headline", text);
  }

  /** The model, and its version, that gave the labels; without any, nothing. */
  showLabelsModel(model, version) {
    this.#write("labels-model", model ? t("{model} · version {version}", { model, version }) : "");
  }

  /** The models that are served, and the one that answers this page, or null. */
  showModels(models, model) {
    const hasChoice = models.length > 1;
    this.at("model-choice").hidden = !hasChoice;
    this.at("model-name").hidden = hasChoice;
    this.#write("model-name", model?.name ?? "–");
    this.#write("model-version", model ? t("version {version} · {input_size} px", model) : t("none is ready"));
    this.at("model-version").title = model ? t("version {version}", model) : "";
    this.#setChoices("model-choice", models.map(({ name, version }) => [name, `${name} · ${version}`]), model?.name);
  }

  showCameras(cameras, current) {
    this.at("cameras").disabled = cameras.length < 2;
    this.#setChoices("cameras", [["", t("Default camera")], ...cameras.map(({ id, name }) => [id, name])], current);
  }

  /** Options are replaced only when they differ, so that an open list does not close while a person uses it. */
  #setChoices(id, choices, current) {
    const select = this.at(id);
    const key = JSON.stringify(choices);
    if (this.#choices.get(id) !== key) {
      const previous = select.value;
      select.replaceChildren(...choices.map(([value, name]) => new Option(name, value)));
      select.value = choices.some(([value]) => value === previous) ? previous : (choices[0]?.[0] ?? "");
      this.#choices.set(id, key);
    }
    if (current && choices.some(([value]) => value === current)) select.value = current;
  }

  showStatsLink(address) {
    this.at("stats").hidden = this.at("copy-stats").hidden = !address;
    if (address) this.at("stats").href = address;
  }
}
