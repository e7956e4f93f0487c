// The square that is shown and sent. Both use one canvas, so that the person sees exactly what the network gets.

import { centreSquare } from "../stream/frame.js";

export class Preview {
  #context;
  #source = null;
  #crop = 1;

  constructor(canvas, encoder) {
    this.canvas = canvas;
    this.encoder = encoder;
    this.#context = canvas.getContext("2d", { alpha: false });
  }

  get side() {
    return this.canvas.width;
  }

  /** The model that gets the square: `input_size` pixels a side, `crop` of the picture's short side. */
  set model({ input_size: side, crop = 1 }) {
    if (side === this.side && crop === this.#crop) return;
    this.#crop = crop;
    this.canvas.width = this.canvas.height = side; // which loses the content
    if (this.#source) this.draw(this.#source);
  }

  draw(source) {
    this.#source = source;
    const { x, y, side } = centreSquare(source.width, source.height, this.#crop);
    this.#context.imageSmoothingQuality = "high";
    this.#context.drawImage(source.element, x, y, side, side, 0, 0, this.side, this.side);
  }

  clear() {
    this.#source = null;
    this.#context.clearRect(0, 0, this.side, this.side);
  }

  /** The present picture as a JPEG; null if the browser could not make one. */
  encode(quality) {
    return this.encoder.encode(this.canvas, quality);
  }
}
