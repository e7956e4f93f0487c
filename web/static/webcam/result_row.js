// One file in the list of results: a button with a small picture, the name, and what the network sees or why it does not.

import { setText } from "../shared/elements.js";
import { isNoneOfThese, percent, readable } from "../shared/format.js";
import { t } from "../shared/texts.js";
import { centreSquare } from "../stream/frame.js";

const THUMBNAIL = 88; // pixels, on 44 of the page: some screens have two a side

export class ResultRow {
  #label;
  #share;
  #image;

  /** Calls `open()` on a click. */
  constructor(name, open) {
    this.item = document.createElement("li");
    const part = (tag, className) => Object.assign(document.createElement(tag), { className });
    const button = Object.assign(part("button", "result"), { type: "button" });
    button.addEventListener("click", open);
    this.#image = Object.assign(part("img", "thumbnail"), { alt: "", width: THUMBNAIL / 2, height: THUMBNAIL / 2 });
    const file = part("span", "file");
    this.#label = part("span", "result-label");
    this.#share = part("span", "share");
    setText(file, name);
    setText(this.#label, "…");
    button.append(this.#image, file, this.#label, this.#share);
    this.item.append(button);
  }

  /** Shows a small copy of this canvas. */
  showPicture(canvas) {
    const small = Object.assign(document.createElement("canvas"), { width: THUMBNAIL, height: THUMBNAIL });
    const pen = small.getContext("2d", { alpha: false });
    pen.imageSmoothingQuality = "high";
    const { x, y, side } = centreSquare(canvas.width, canvas.height, 1);
    pen.drawImage(canvas, x, y, side, side, 0, 0, THUMBNAIL, THUMBNAIL);
    this.#image.src = small.toDataURL("image/jpeg", 0.8);
  }

  /** `unsureBelow` is the probability below which the model is wrong more often than right. */
  showLabels(labels, unsureBelow) {
    const [best] = labels;
    const isUnsure = best && !isNoneOfThese(best.label) && best.probability < unsureBelow;
    setText(this.#label, !best ? t("Nothing seen yet") : isUnsure ? t("Not sure") : readable(best.label));
    setText(this.#share, best ? percent(best.probability) : "");
    this.#label.title = labels.map(({ label, probability }) => `${readable(label)} ${percent(probability)}`).join(", ");
  }

  showError(text) {
    this.item.dataset.failed = true;
    setText(this.#label, text);
  }
}
