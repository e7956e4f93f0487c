// Samples of a picture, which may be numbers of any size, as pixels of 8 bits. Greys are scaled as the commands do it,
// see models/pictures/greys.py.

import { t } from "../shared/texts.js";
import { uncommon } from "./file_kind.js";

export const [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INDEXED, CMYK] = [0, 1, 2, 3, 5]; // the photometric field of TIFF
export const COLOURS = { [WHITE_IS_ZERO]: 1, [BLACK_IS_ZERO]: 1, [RGB]: 3, [INDEXED]: 1, [CMYK]: 4 }; // samples
const WHITES = [1, 15, 255, 1023, 4095, 16383, 65535]; // with 1, 4, 8, 10, 12, 14 and 16 bits

/**
 * RGBA, 8 bits each.
 *
 * @param {ArrayLike<number>} numbers `samples` for each pixel, row by row
 * @param {{kind: string, width: number, height: number, bits: number, samples: number, format: number,
 *   photometric: number, palette?: number[], alpha?: number}} layout `format` is 1 for numbers without sign, 2 for
 *   signed ones, 3 for fractions; `alpha` is 1 where colours are multiplied by it, 2 where they are not, 0 for none
 * @returns {Uint8ClampedArray} Throws UnreadableFile if nothing in a grey picture is a number.
 */
export function paint(numbers, { kind, width, height, bits, samples, format, photometric, palette = [], alpha = 0 }) {
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  const colours = COLOURS[photometric];
  const upper = (value) => (bits === 16 ? value >> 8 : value); // 8 bits
  const level = colours > 1 ? upper : greyLevels(numbers, kind, samples, bits, format);
  const third = palette.length / 3;
  for (let from = 0, to = 0; to < pixels.length; from += samples, to += 4) {
    for (let channel = 0; channel < 3; channel++) {
      let value;
      if (photometric === INDEXED) value = palette[numbers[from] + channel * third] >> 8;
      else if (photometric === CMYK) value = ((255 - numbers[from + channel]) * (255 - numbers[from + 3])) / 255;
      else value = level(numbers[from + (colours === 3 ? channel : 0)]);
      pixels[to + channel] = photometric === WHITE_IS_ZERO ? 255 - value : value;
    }
    if (samples > colours && (alpha === 1 || alpha === 2)) {
      const opacity = (pixels[to + 3] = upper(numbers[from + colours]));
      if (alpha === 1 && opacity > 0) for (let c = to; c < to + 3; c++) pixels[c] = (pixels[c] * 255) / opacity;
    }
  }
  return pixels;
}

/** A function from a number to 0 to 255. */
function greyLevels(numbers, kind, samples, bits, format) {
  if (format === 1 && bits <= 8) return (value) => (value * 255) / (2 ** bits - 1);
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < numbers.length; i += samples) {
    if (!Number.isFinite(numbers[i])) continue;
    low = Math.min(low, numbers[i]);
    high = Math.max(high, numbers[i]);
  }
  if (low > high) throw uncommon(kind, t("no numbers in it"));
  const black = Math.min(low, 0);
  const white = low < 0 ? high : whiteOf(high, format !== 3);
  const scale = 255 / (white - black || 1);
  return (value) => Math.round((Number.isNaN(value) ? 0 : Math.min(Math.max(value, low), high) - black) * scale);
}

function whiteOf(highest, wholeNumbers) {
  if (!wholeNumbers && highest <= 32) return highest >= 1 / 16 && highest <= 1 ? 1 : highest;
  return WHITES.find((white) => highest <= white) ?? highest;
}
