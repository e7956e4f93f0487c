// The results of several files, one below the other. The files are read and sent one after the other.

import { UnreadableFile, kindOf } from "../files/file_kind.js";
import { readPicture } from "../files/picture.js";
import { readMiddleFrame } from "../files/video_frame.js";
import { setText } from "../shared/elements.js";
import { count } from "../shared/format.js";
import { t } from "../shared/texts.js";
import { ask } from "../stream/single_frames.js";
import { Preview } from "./preview.js";
import { ResultRow } from "./result_row.js";
import { csvText } from "./results_csv.js";

const NAME = "sightstream-results.csv";

export class FileResults {
  #results = []; // {file, row, labels, model, version, error}
  #next = 0; // the first that has no result yet
  #running = false;
  #opened = false; // the first file that has labels is shown at once
  #pixels;
  #lifetime = new AbortController();

  /**
   * @param {HTMLElement} section is filled
   * @param {{picture: HTMLElement, sender: FrameSender, encoder: FrameEncoder, model(): object | null,
   *   isOpen(): boolean, open(file: File): void}} page
   *   `model` and `isOpen` say which model answers, and whether it can
   */
  constructor(section, page) {
    this.section = section;
    this.page = page;
    this.#pixels = new Preview(document.createElement("canvas"), page.encoder);
    const title = Object.assign(document.createElement("h2"), { id: "results-name", textContent: t("Files") });
    this.status = Object.assign(document.createElement("p"), { className: "aside" });
    this.status.setAttribute("role", "status");
    this.progress = document.createElement("progress");
    this.progress.setAttribute("aria-labelledby", title.id);
    this.list = document.createElement("ol");
    this.list.setAttribute("role", "list");
    this.save = button(t("Save as CSV"), () => this.#save());
    const close = button(t("Close the list"), () => this.#close());
    const buttons = Object.assign(document.createElement("div"), { className: "actions" });
    buttons.append(this.save, close);
    section.setAttribute("aria-labelledby", title.id);
    section.replaceChildren(title, this.status, this.progress, this.list, buttons);
  }

  /** Adds files to the list, in place of those of which all have a result. `more` says that some were left out. */
  add(files, more) {
    if (!this.#running) this.#clear();
    for (const file of files) {
      const row = new ResultRow(file.path ?? file.name, () => this.#look(file));
      this.list.append(row.item);
      this.#results.push({ file, row });
    }
    this.more = more;
    this.section.hidden = false;
    this.section.scrollIntoView({ block: "nearest" });
    if (!this.#running) this.#run(this.#lifetime.signal);
  }

  /** Shows a file where the picture is. */
  #look(file) {
    this.page.open(file);
    this.page.picture.scrollIntoView({ block: "nearest" });
  }

  async #run(signal) {
    this.#running = true;
    for (; this.#next < this.#results.length; this.#next++) {
      this.#showProgress();
      const result = this.#results[this.#next];
      try {
        await this.#read(result, signal);
      } catch (error) {
        if (signal.aborted) return;
        result.error = error instanceof UnreadableFile ? error.message : t("this browser could not read it");
        result.row.showError(result.error);
      }
    }
    this.#running = false;
    this.#showProgress();
  }

  async #read(result, signal) {
    const kind = await kindOf(result.file);
    const canvas = await (kind === "video" ? readMiddleFrame(result.file) : readPicture(result.file, kind));
    signal.throwIfAborted();
    result.row.showPicture(canvas);
    const { sender, isOpen, model } = this.page;
    const encode = (quality) => {
      this.#pixels.model = model();
      this.#pixels.draw({ element: canvas, width: canvas.width, height: canvas.height });
      return this.#pixels.encode(quality);
    };
    const answer = await ask(sender, isOpen, encode, signal);
    canvas.width = canvas.height = 0; // its memory is free at once
    if (answer?.type !== "labels") throw new UnreadableFile(answer?.message ?? t("no answer came"));
    Object.assign(result, answer);
    result.row.showLabels(answer.labels, model()?.unsure_below ?? 0);
    if (!this.#opened) this.page.open(result.file);
    this.#opened = true;
  }

  #showProgress() {
    const [done, all] = [this.#next, this.#results.length];
    this.progress.max = all;
    this.progress.value = done;
    this.progress.hidden = done === all;
    this.save.disabled = done === 0;
    const failed = this.#results.filter(({ error }) => error !== undefined).length;
    const parts = [t("{done} of {all} files", { done: count(done), all: count(all) })];
    if (failed > 0) parts.push(t("{failed} without labels", { failed: count(failed) }));
    if (this.more) parts.push(t("further files were left out"));
    // a screen reader hears the beginning and the end, not each file
    this.status.setAttribute("aria-live", done === 0 || done === all ? "polite" : "off");
    setText(this.status, parts.join(" · "));
  }

  #save() {
    const results = this.#results.slice(0, this.#next).map((each) => ({ ...each, file: each.file.path ?? each.file.name }));
    const url = URL.createObjectURL(new Blob([csvText(results)], { type: "text/csv" }));
    Object.assign(document.createElement("a"), { href: url, download: NAME }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  #clear() {
    this.#results = [];
    this.#next = 0;
    this.#opened = false;
    this.list.replaceChildren();
  }

  #close() {
    this.#lifetime.abort();
    this.#lifetime = new AbortController();
    this.#running = false;
    this.#clear();
    this.section.hidden = true;
  }
}

function button(name, act) {
  const element = Object.assign(document.createElement("button"), { type: "button", textContent: name });
  element.addEventListener("click", act);
  return element;
}
