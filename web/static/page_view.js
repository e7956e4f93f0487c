// Everything on the page but labels and preview: what it says of connection, speed, frames and models.

import { spoken, write } from "./labels.js";

const STATES = {
  connecting: "Connecting…",
  open: "Connected",
  idle: "Waiting for a worker",
  waiting: "Reconnecting…",
  offline: "Offline",
  refused: "Not connected",
};
const IDLE = "No picture leaves this page before you start.";
const HOPS = ["network", "queue", "model"];
const numbers = new Intl.NumberFormat("en");

export class View {
  #ids = new Map();
  #options = new Map();

  /** The element with this id, looked up once. */
  at(id) {
    if (!this.#ids.has(id)) this.#ids.set(id, document.getElementById(id));
    return this.#ids.get(id);
  }

  connection(state) {
    this.at("state").dataset.state = state;
    write(this.at("state"), STATES[state]);
  }

  /** What is looked at, if anything, and in a word or two what becomes of it. */
  stage({ source, opening }, word, side) {
    this.at("stage").dataset.kind = source?.kind ?? "none";
    this.at("chip").hidden = !source;
    this.at("chip").dataset.live = word === "Live";
    write(this.at("chip"), word);
    write(this.at("invitation"), opening ? "Allow the camera when the browser asks" : "Show it something");
    write(this.at("start"), source ? "Stop" : opening ? "Cancel" : "Start camera");
    this.at("start").classList.toggle("primary", !source && !opening);
    const name = source?.kind === "camera" ? "Camera" : source?.name;
    write(this.at("caption"), source ? `${name}, just as the network gets it: ${side} × ${side} pixels` : IDLE);
    document.title = word.startsWith("Paused") ? "Paused · Sightstream" : "Sightstream";
  }

  /** Something the person should know, about "camera", "file" or "connection"; with a button, if any. */
  notice(about, title, text, action) {
    const notice = this.at("notice");
    notice.dataset.about = about;
    write(this.at("notice-title"), title);
    write(this.at("notice-text"), text);
    this.at("notice-action").hidden = !action;
    if (action) {
      write(this.at("notice-action"), action.name);
      this.at("notice-action").onclick = action.run;
    }
    notice.hidden = false;
  }

  /** Takes the notice away, if it is about one of these. */
  settled(...about) {
    if (about.includes(this.at("notice").dataset.about)) this.at("notice").hidden = true;
  }

  speed({ latency, fps, hops, target, quality, bytes }) {
    write(this.at("latency"), latency === null ? "–" : numbers.format(Math.round(latency)));
    write(this.at("fps"), fps === 0 ? "–" : fps.toFixed(fps < 10 ? 1 : 0));
    write(this.at("target"), `target ${Math.round(target)}`);
    write(this.at("kilobytes"), bytes === null ? "–" : (bytes / 1024).toFixed(bytes < 10_240 ? 1 : 0));
    write(this.at("quality"), `quality ${quality.toFixed(2)}`);
    const whole = hops ? HOPS.reduce((sum, hop) => sum + hops[hop], 0) : 0;
    this.at("hops").classList.toggle("resting", whole === 0);
    for (const hop of HOPS) {
      this.at(`${hop}-bar`).style.setProperty("--share", whole ? (hops[hop] / whole).toFixed(3) : "0");
      write(this.at(`${hop}-ms`), whole ? `${Math.round(hops[hop])} ms` : "–");
    }
  }

  counts({ sent, answered, dropped, expired, pending }) {
    const reasons = Object.entries(dropped);
    const all = reasons.reduce((sum, [, count]) => sum + count, 0);
    write(this.at("sent"), numbers.format(sent));
    write(this.at("answered"), numbers.format(answered));
    write(this.at("dropped"), numbers.format(all));
    write(this.at("expired"), numbers.format(expired));
    write(this.at("pending"), numbers.format(pending));
    const why = reasons.map(([reason, count]) => `${numbers.format(count)} ${reason.replaceAll("_", " ")}`);
    write(this.at("reasons"), why.join(", "));
  }

  /** The label that stays while single frames differ, if there is one. */
  steady(steady) {
    this.at("steady").hidden = !steady;
    if (steady) write(this.at("steady-label"), spoken(steady.label));
  }

  /** Which model, and which version of it, the labels are from. */
  seenBy(model, version) {
    write(this.at("seen-by"), `${model} · version ${version}`);
  }

  /** The models that are served, and the one (or null) that answers here. */
  models(models, model) {
    const many = models.length > 1;
    this.at("model-choice").hidden = !many;
    this.at("model-name").hidden = many;
    write(this.at("model-name"), model?.name ?? "–");
    write(this.at("model-version"), model ? `version ${model.version} · ${model.input_size} px` : "none is ready");
    this.at("model-version").title = model ? `version ${model.version}` : "";
    this.#choices("model-choice", models.map(({ name, version }) => [name, `${name} · ${version}`]), model?.name);
  }

  cameras(cameras, current) {
    const known = [["", "Default camera"], ...cameras.map(({ id, name }) => [id, name])];
    this.at("cameras").disabled = cameras.length < 2;
    this.#choices("cameras", known, current);
  }

  /** Options are replaced only when they differ: an open list must not close under the person's hand. */
  #choices(id, choices, current) {
    const select = this.at(id);
    const key = JSON.stringify(choices);
    if (this.#options.get(id) !== key) {
      const kept = select.value;
      select.replaceChildren(...choices.map(([value, name]) => new Option(name, value)));
      select.value = choices.some(([value]) => value === kept) ? kept : (choices[0]?.[0] ?? "");
      this.#options.set(id, key);
    }
    if (current && choices.some(([value]) => value === current)) select.value = current;
  }

  stats(address) {
    this.at("stats").hidden = !address;
    if (address) this.at("stats").href = address;
  }
}
