// The results of several files, one below the other. The files are read and sent one after the other.

import { UnreadableFile, kindOf } from "../files/file_kind.js";
import { readPicture } from "../files/picture.js";
import { readMiddleFrame } from "../files/video_frame.js";
import { setText } from "../shared/elements.js";
import { count, isNoneOfThese, percent, readable } from "../shared/format.js";
import { t } from "../shared/texts.js";
import { centreSquare } from "../stream/frame.js";
import { ask } from "../stream/single_frames.js";
import { Preview } from "./preview.js";
import { csvText } from "./results_csv.js";

const THUMBNAIL = 88; // pixels
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
   * @param {{sender: FrameSender, encoder: FrameEncoder, model(): object | null, isOpen(): boolean, open(file: File): void,
   *   closed(): void}} page
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
      const row = createRow(file.path ?? file.name, () => this.page.open(file));
      this.list.append(row.item);
      this.#results.push({ file, row });
    }
    this.more = more;
    this.section.hidden = false;
    this.section.scrollIntoView({ block: "nearest" });
    if (!this.#running) this.#run(this.#lifetime.signal);
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
      }
      this.#show(result);
    }
    this.#running = false;
    this.#showProgress();
  }

  async #read(result, signal) {
    const kind = await kindOf(result.file);
    const canvas = await (kind === "video" ? readMiddleFrame(result.file) : readPicture(result.file, kind));
    signal.throwIfAborted();
    result.row.image.src = thumbnail(canvas);
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
    if (!this.#opened) this.page.open(result.file);
    this.#opened = true;
  }

  #show({ row, labels, error }) {
    row.item.dataset.failed = error !== undefined;
    setText(row.label, error ?? this.#headline(labels));
    setText(row.share, labels?.length ? percent(labels[0].probability) : "");
    if (labels?.length) row.label.title = labels.map((each) => `${readable(each.label)} ${percent(each.probability)}`).join(", ");
  }

  #headline([best]) {
    if (!best) return t("Nothing seen yet");
    const isUnsure = !isNoneOfThese(best.label) && best.probability < (this.page.model()?.unsure_below ?? 0);
    return isUnsure ? t("Not sure") : readable(best.label);
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
    this.page.closed();
  }
}

function createRow(name, open) {
  const item = document.createElement("li");
  const part = (tag, className) => Object.assign(document.createElement(tag), { className });
  const opener = Object.assign(button("", open), { className: "result" });
  const image = Object.assign(part("img", "thumbnail"), { alt: "", width: 44, height: 44 });
  const [file, label, share] = ["file", "result-label", "share"].map((each) => part("span", each));
  setText(file, name);
  setText(label, "…");
  opener.append(image, file, label, share);
  item.append(opener);
  return { item, image, label, share };
}

function button(name, act) {
  const element = Object.assign(document.createElement("button"), { type: "button", textContent: name });
  element.addEventListener("click", act);
  return element;
}

function thumbnail(canvas) {
  const small = Object.assign(document.createElement("canvas"), { width: THUMBNAIL, height: THUMBNAIL });
  const pen = small.getContext("2d", { alpha: false });
  pen.imageSmoothingQuality = "high";
  const { x, y, side } = centreSquare(canvas.width, canvas.height, 1);
  pen.drawImage(canvas, x, y, side, side, 0, 0, THUMBNAIL, THUMBNAIL);
  return small.toDataURL("image/jpeg", 0.8);
}
