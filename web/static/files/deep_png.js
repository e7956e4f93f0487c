// PNG files with greys of 16 bits. Browsers keep the upper 8 of these, and then a picture of 10 or 12 bits is black.

import { BLACK_IS_ZERO, paint } from "./samples.js";
import { inflate } from "./tiff_compression.js";

const HEAD = 33; // signature and header chunk
const [WHOLE, ADAM7] = [
  // the passes: where each begins, across and down, and its steps (PNG specification, third edition, section 8.2)
  [[0, 0, 1, 1]],
  [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]],
];

/** What the header of a PNG says. */
export function headerOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD);
  const [bits, colourType, , , interlaced] = bytes.subarray(24, 29);
  return { width: view.getUint32(16), height: view.getUint32(20), bits, isGrey: colourType === 0, interlaced };
}

/**
 * @param {Uint8Array[]} chunks of a PNG with 16-bit greys
 * @returns {Promise<ImageBitmap>} Throws errors of any kind for a broken file.
 */
export async function readDeepGreys(chunks, { width, height, interlaced }) {
  const isData = (chunk) => String.fromCharCode(...chunk.subarray(4, 8)) === "IDAT";
  const stored = new Blob(chunks.filter(isData).map((chunk) => chunk.subarray(8, -4)));
  const rows = await inflate(stored);
  const numbers = new Uint16Array(width * height);
  let start = 0; // of a row, whose first byte says how it is filtered
  for (const [left, top, across, down] of interlaced ? ADAM7 : WHOLE) {
    const rowBytes = 2 * Math.ceil((width - left) / across);
    if (rowBytes <= 0) continue; // the picture is too narrow for this pass
    let above = new Uint8Array(rowBytes);
    for (let y = top; y < height; y += down) {
      const row = rows.subarray(start + 1, start + 1 + rowBytes);
      if (row.length < rowBytes) throw new RangeError("rows are missing");
      unfilter(rows[start], row, above);
      for (let i = 0; i < rowBytes; i += 2) numbers[y * width + left + (i / 2) * across] = row[i] * 256 + row[i + 1];
      above = row;
      start += 1 + rowBytes;
    }
  }
  const layout = { kind: "PNG", width, height, bits: 16, samples: 1, format: 1, photometric: BLACK_IS_ZERO };
  return createImageBitmap(new ImageData(paint(numbers, layout), width, height));
}

// PNG specification, third edition, section 9: each byte is stored as the difference to a prediction
const PREDICTIONS = [() => 0, (a) => a, (a, b) => b, (a, b) => (a + b) >> 1, paeth];

function unfilter(type, row, above) {
  const predict = PREDICTIONS[type];
  for (let i = 0; i < row.length; i++) row[i] += predict(row[i - 2] ?? 0, above[i], above[i - 2] ?? 0);
}

function paeth(a, b, c) {
  const toA = Math.abs(b - c);
  const toB = Math.abs(a - c);
  const toC = Math.abs(a + b - 2 * c);
  if (toA <= toB && toA <= toC) return a;
  return toB <= toC ? b : c;
}
