// The square that is shown and sent. Both use one canvas, so that the person sees exactly what the network gets.

import { centreSquare } from "../stream/frame.js";

export class Preview {
  #context;
  #source = null;

  constructor(canvas) {
    this.canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
  }

  get side() {
    return this.canvas.width;
  }

  /** The model's input size in pixels. A canvas that changes its size loses its content, so it is drawn again. */
  set side(side) {
    if (!side || side === this.canvas.width) return;
    this.canvas.width = this.canvas.height = side;
    if (this.#source) this.draw(this.#source);
  }

  draw(source) {
    this.#source = source;
    const { x, y, side } = centreSquare(source.width, source.height);
    this.#context.imageSmoothingQuality = "high";
    this.#context.drawImage(source.element, x, y, side, side, 0, 0, this.side, this.side);
  }

  clear() {
    this.#source = null;
    this.#context.clearRect(0, 0, this.side, this.side);
  }

  /** The present picture as a JPEG; null if the browser could not make one. */
  encode(quality) {
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", quality));
  }
}
