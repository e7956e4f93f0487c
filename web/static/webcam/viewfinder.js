// What the picture area shows: the source itself, sharp, with the square that is cut from it; or the network's pixels.

import { t } from "../shared/texts.js";

export class Viewfinder {
  #source = null;
  #side = 0; // pixels that the network gets
  #crop = 1;
  #mirrored = false;

  /**
   * @param {HTMLElement} area holds the others
   * @param {HTMLVideoElement} video plays cameras and video files
   * @param {HTMLElement} still holds a picture, or a frame that stands still
   */
  constructor(area, video, still) {
    this.area = area;
    this.still = still;
    video.addEventListener("resize", () => this.#fit());
  }

  /** Shows this source; null for none. `model` has the side of its input, in pixels, and the share of the crop. */
  show(source, model) {
    this.#side = model?.input_size ?? this.#side;
    this.#crop = model?.crop ?? 1;
    if (source !== this.#source) {
      this.#source = source;
      this.still.replaceChildren(...(source?.kind === "picture" ? [source.whole] : []));
    }
    this.#fit();
  }

  /** The picture that is shown, and the share of its short side that the network gets. */
  get shown() {
    const element = this.still.firstElementChild ?? this.#source.element;
    return { element, width: element.videoWidth ?? element.width, height: element.videoHeight ?? element.height, crop: this.#crop };
  }

  /** The frame that is shown now stays. */
  hold() {
    const { element, width, height } = this.#source;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(element, 0, 0, width, height);
    this.still.replaceChildren(canvas);
  }

  release() {
    this.still.replaceChildren();
  }

  /** Whether the source is shown as in a mirror. What is sent is never mirrored, nor are the network's pixels. */
  set mirrored(mirrored) {
    this.#mirrored = mirrored;
    this.area.dataset.mirrored = mirrored;
  }

  get mirrored() {
    return this.#mirrored;
  }

  /** Whether the network's own pixels are shown. */
  set network(network) {
    this.area.dataset.view = network ? "network" : "source";
  }

  get network() {
    return this.area.dataset.view === "network";
  }

  /** One line that says what is shown. */
  get caption() {
    if (!this.#source) return t("No picture leaves this page before you start.");
    const name = this.#source.kind === "camera" ? t("Camera") : this.#source.name;
    const values = { name, side: this.#side };
    if (this.network) return t("{name}, just as the network gets it: {side} × {side} pixels", values);
    return t("{name}, of which the network gets the bright square: {side} × {side} pixels", values);
  }

  // The style sheet places all parts from these numbers: the centre square fills the short side of the area.
  #fit() {
    const { width, height } = this.#source?.whole ?? this.#source ?? {};
    if (!width || !height) return;
    const numbers = { width, height, short: Math.min(width, height), crop: this.#crop };
    for (const [name, number] of Object.entries(numbers)) this.area.style.setProperty(`--source-${name}`, number);
  }
}
