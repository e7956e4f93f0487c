// The square that is shown and sent: one canvas for both, so that what you see is what the network gets.

import { centreSquare } from "./frame.js";

export class Preview {
  #pen;
  #source = null;

  constructor(canvas) {
    this.canvas = canvas;
    this.#pen = canvas.getContext("2d", { alpha: false });
  }

  get side() {
    return this.canvas.width;
  }

  /** The side that the model takes, in pixels. Setting a canvas's size also wipes it. */
  set side(side) {
    if (!side || side === this.canvas.width) return;
    this.canvas.width = this.canvas.height = side;
    if (this.#source) this.draw(this.#source);
  }

  draw(source) {
    this.#source = source;
    const { x, y, side } = centreSquare(source.width, source.height);
    this.#pen.imageSmoothingQuality = "high";
    this.#pen.drawImage(source.element, x, y, side, side, 0, 0, this.side, this.side);
  }

  clear() {
    this.#source = null;
    this.#pen.clearRect(0, 0, this.side, this.side);
  }

  /** The picture as it is now, as a JPEG; null if the browser could not make one. */
  encode(quality) {
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", quality));
  }
}
