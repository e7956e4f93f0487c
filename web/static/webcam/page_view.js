// Everything that the page shows except labels and preview: connection, speed, frame counts and models.

import { setText } from "../shared/elements.js";
import { count, framesPerSecond, readable, reasons } from "../shared/format.js";

const STATES = {
  connecting: "Connecting…",
  open: "Connected",
  idle: "Waiting for a worker",
  waiting: "Reconnecting…",
  offline: "Offline",
  refused: "Not connected",
};
const NO_SOURCE = "No picture leaves this page before you start.";
const PARTS = ["network", "queue", "model"];

export class PageView {
  #elements = new Map();
  #choices = new Map();

  /** The element with this id, looked up once. */
  at(id) {
    if (!this.#elements.has(id)) this.#elements.set(id, document.getElementById(id));
    return this.#elements.get(id);
  }

  #write(id, text) {
    setText(this.at(id), text);
  }

  showConnection(state) {
    this.at("state").dataset.state = state;
    this.#write("state", STATES[state]);
  }

  /** The source, if there is one; `status` says in a few words whether its frames are sent, `side` their pixels. */
  showSource({ source, opening }, status, side) {
    this.at("picture").dataset.kind = source?.kind ?? "none";
    this.at("chip").hidden = !source;
    this.at("chip").dataset.live = status === "Live";
    this.#write("chip", status);
    this.#write("invitation", opening ? "Allow the camera when the browser asks" : "Show it something");
    this.#write("start", source ? "Stop" : opening ? "Cancel" : "Start camera");
    this.at("start").classList.toggle("primary", !source && !opening);
    const name = source?.kind === "camera" ? "Camera" : source?.name;
    this.#write("caption", source ? `${name}, just as the network gets it: ${side} × ${side} pixels` : NO_SOURCE);
    document.title = status.startsWith("Paused") ? "Paused · Sightstream" : "Sightstream";
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
    this.#write("target", `target ${Math.round(target)}`);
    this.#write("kilobytes", bytes === null ? "–" : (bytes / 1024).toFixed(bytes < 10_240 ? 1 : 0));
    this.#write("quality", `quality ${quality.toFixed(2)}`);
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

  /** The smoothed label, which stays while single frames differ; null for none. */
  showSteadyLabel(steady) {
    this.at("steady").hidden = !steady;
    if (steady) this.#write("steady-label", readable(steady.label));
  }

  /** The model, and its version, that gave the labels. */
  showLabelsModel(model, version) {
    this.#write("labels-model", `${model} · version ${version}`);
  }

  /** The models that are served, and the one that answers this page, or null. */
  showModels(models, model) {
    const hasChoice = models.length > 1;
    this.at("model-choice").hidden = !hasChoice;
    this.at("model-name").hidden = hasChoice;
    this.#write("model-name", model?.name ?? "–");
    this.#write("model-version", model ? `version ${model.version} · ${model.input_size} px` : "none is ready");
    this.at("model-version").title = model ? `version ${model.version}` : "";
    this.#setChoices("model-choice", models.map(({ name, version }) => [name, `${name} · ${version}`]), model?.name);
  }

  showCameras(cameras, current) {
    this.at("cameras").disabled = cameras.length < 2;
    this.#setChoices("cameras", [["", "Default camera"], ...cameras.map(({ id, name }) => [id, name])], current);
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
    this.at("stats").hidden = !address;
    if (address) this.at("stats").href = address;
  }
}
