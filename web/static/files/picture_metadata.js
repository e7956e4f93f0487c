// Picture files without their metadata, as the commands read them: browsers differ in which metadata they heed. Of it
// all, only the orientation is used.

import { t } from "../shared/texts.js";
import { uncommon } from "./file_kind.js";
import { Directory } from "./tiff_directory.js";

const [SCAN, EXIF, COMMENT] = [0xda, 0xe1, 0xfe]; // JPEG markers
const KEPT_SEGMENTS = new Set([0xe0, 0xee]); // JFIF and Adobe, which say how colours are stored
const FRAMES = [0xc0, 0xc1, 0xc2]; // of codings that browsers read
const UNCOMMON = {
  0xc3: t("lossless coding"),
  0xc5: t("hierarchical coding"),
  0xc6: t("hierarchical coding"),
  0xc7: t("hierarchical coding"),
  0xc9: t("arithmetic coding"),
  0xca: t("arithmetic coding"),
  0xcb: t("lossless arithmetic coding"),
  0xcd: t("hierarchical coding"),
  0xce: t("hierarchical coding"),
  0xcf: t("hierarchical coding"),
};
const UNCOMMON_BITS = [10, 12, 14, 16]; // a channel
const KEPT_CHUNKS = {
  PNG: new Set(["IHDR", "PLTE", "tRNS", "IDAT"]),
  WebP: new Set(["VP8X", "VP8 ", "VP8L", "ALPH", "ANIM", "ANMF"]),
};
const PNG_END = Uint8Array.of(0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82);
const WEBP_METADATA = 0x2c; // flags of ICC, EXIF and XMP

/**
 * The parts of a picture file without metadata, and the orientation that these gave. Throws UnreadableFile for a form
 * of its format that is not read, and RangeError for a file that is cut off.
 *
 * @param {Uint8Array} bytes
 * @param {string} kind as in picture_kinds.js
 * @returns {{parts: Uint8Array[], orientation: number, size: number[]}} `orientation` is 1 to 8, as in EXIF; `size` is
 *   width and height, or empty where the format keeps pictures small
 */
export function withoutMetadata(bytes, kind) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = { JPEG: jpeg, PNG: png, WebP: webp, BMP: bmp, GIF: gif }[kind];
  return { orientation: 1, size: [], ...(read?.(bytes, view) ?? { parts: [bytes] }) };
}

function jpeg(bytes, view) {
  const parts = [bytes.subarray(0, 2)];
  let exif = null;
  let size = [];
  for (let at = nextMarker(bytes, 2); at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1];
    if (marker === SCAN) {
      parts.push(bytes.subarray(at));
      break;
    }
    const alone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8); // markers without a length
    const end = at + 2 + (alone ? 0 : Math.max(2, view.getUint16(at + 2)));
    const segment = bytes.subarray(at, end);
    if (marker in UNCOMMON) throw uncommon("JPEG", UNCOMMON[marker]);
    if (FRAMES.includes(marker)) {
      const bits = segment[4];
      if (UNCOMMON_BITS.includes(bits)) throw uncommon("JPEG", t("{bits} bits a channel", { bits }));
      size = [view.getUint16(at + 7), view.getUint16(at + 5)];
    }
    if (marker === EXIF && text(segment, 4) === "Exif") exif ??= segment.subarray(10);
    const isMetadata = marker === COMMENT || (marker >= 0xe0 && marker <= 0xef);
    if (!isMetadata || KEPT_SEGMENTS.has(marker)) parts.push(segment);
    at = nextMarker(bytes, end);
  }
  return { parts, orientation: orientation(exif), size };
}

/** Bytes between segments are skipped, as decoders do. */
function nextMarker(bytes, from) {
  let at = from;
  while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] > 0 && bytes[at + 1] < 0xff)) at += 1;
  return at;
}

function png(bytes, view) {
  if (text(bytes, 12) === "CgBI") {
    throw uncommon("PNG", t("the coding of iPhone programs (CgBI)"));
  }
  const parts = [bytes.subarray(0, 8)];
  let exif = null;
  for (let at = 8; at + 8 <= bytes.length; ) {
    const name = text(bytes, at + 4);
    if (name === "IEND") break;
    const chunk = bytes.subarray(at, at + 12 + view.getUint32(at));
    if (name === "eXIf") exif ??= chunk.subarray(8, -4);
    if (KEPT_CHUNKS.PNG.has(name)) parts.push(chunk);
    at += 12 + view.getUint32(at);
  }
  parts.push(PNG_END); // also where it is missing, since the pixels may all be there
  return { parts, orientation: orientation(exif), size: [view.getUint32(16), view.getUint32(20)] };
}

function webp(bytes, view) {
  const parts = [];
  let exif = null;
  for (let at = 12; at + 8 < bytes.length; ) {
    const name = text(bytes, at);
    const size = view.getUint32(at + 4, true);
    const end = at + 8 + size + (size % 2);
    let chunk = bytes.subarray(at, end);
    if (name === "EXIF") exif ??= chunk.subarray(text(chunk, 8) === "Exif" ? 14 : 8);
    if (name === "VP8X") {
      chunk = chunk.slice();
      chunk[8] &= ~WEBP_METADATA;
    }
    if (KEPT_CHUNKS.WebP.has(name)) parts.push(chunk);
    at = end;
  }
  const header = bytes.slice(0, 12); // RIFF, the size of what follows, WEBP
  new DataView(header.buffer).setUint32(4, parts.reduce((sum, { length }) => sum + length, 4), true);
  return { parts: [header, ...parts], orientation: orientation(exif) };
}

function bmp(bytes, view) {
  const isShort = bytes[14] < 40; // the header, which then has shorter numbers and does not name a compression
  const compression = isShort ? 0 : view.getUint32(30, true);
  if (![0, 1, 2, 3, 6].includes(compression)) {
    throw uncommon("BMP", t("compression {compression}", { compression }));
  }
  const size = isShort ? [] : [view.getInt32(18, true), Math.abs(view.getInt32(22, true))];
  return { parts: [bytes], size };
}

function gif(bytes, view) {
  return { parts: [bytes], size: [view.getUint16(6, true), view.getUint16(8, true)] };
}

function orientation(exif) {
  return exif ? new Directory(exif).orientation : 1;
}

function text(bytes, at) {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
