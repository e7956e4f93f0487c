// TIFF files, which most browsers do not show (TIFF 6.0): the first page, without compression or with PackBits, LZW or
// Deflate; grey of any depth, palette, RGB and CMYK. It is loaded only when there is a TIFF to show.

import { t } from "../shared/texts.js";
import { damaged, refusal, tooLarge, uncommon } from "./file_kind.js";
import { COLOURS, INDEXED, RGB, paint } from "./samples.js";
import { inflate, lzw, packBits } from "./tiff_compression.js";
import { Directory } from "./tiff_directory.js";

const BIG = 43; // the version of a TIFF with 64-bit offsets
const REDUCED = 254; // fields
const WIDTH = 256;
const HEIGHT = 257;
const BITS = 258;
const COMPRESSION = 259;
const PHOTOMETRIC = 262;
const BIT_ORDER = 266;
const STRIPS = { offsets: 273, lengths: 279 };
const SAMPLES = 277; // a pixel
const ROWS_A_STRIP = 278;
const PLANES = 284;
const PREDICTOR = 317;
const PALETTE = 320;
const TILE_WIDTH = 322;
const TILE_HEIGHT = 323;
const TILES = { offsets: 324, lengths: 325 };
const SUBDIRECTORIES = 330;
const EXTRA_SAMPLES = 338;
const SAMPLE_FORMAT = 339;
const DNG_VERSION = 50706;

const RAW_COMPRESSIONS = [32767, 32769, 34713, 65535]; // Sony, Epson, Nikon, Pentax
const RAW_COLOURS = [32803, 34892]; // colour filter array, linear raw

const DECODERS = { 1: (bytes) => bytes, 5: lzw, 8: inflate, 32773: packBits, 32946: inflate };
const NUMBERS = {
  "1-8": ["getUint8", Uint8Array],
  "1-16": ["getUint16", Uint16Array],
  "1-32": ["getUint32", Uint32Array],
  "2-8": ["getInt8", Int8Array],
  "2-16": ["getInt16", Int16Array],
  "2-32": ["getInt32", Int32Array],
  "3-32": ["getFloat32", Float32Array],
};

/**
 * @param {Uint8Array} bytes
 * @param {number} mostPixels
 * @returns {Promise<{image: ImageBitmap, orientation: number, deep: boolean}>} `deep` says that colours have 16 bits.
 *   Throws UnreadableFile, and other errors for a broken file.
 */
export async function readTiff(bytes, mostPixels) {
  if (bytes[2] === BIG || bytes[3] === BIG) throw uncommon("TIFF", t("64-bit offsets"));
  const directory = new Directory(bytes);
  const layout = layoutOf(directory);
  if (isCameraRaw(directory, layout)) throw refusal("raw");
  const { width, height, blockWidth, blockHeight } = layout;
  if (Math.min(width, height, blockWidth, blockHeight) < 1) throw damaged("TIFF");
  if (width * height > mostPixels) throw tooLarge(width, height);
  if (!isKnown(layout)) throw uncommon("TIFF", inWords(layout));
  const numbers = await readNumbers(bytes, directory.little, layout);
  const image = await createImageBitmap(new ImageData(paint(numbers, { ...layout, kind: "TIFF" }), width, height));
  return { image, orientation: directory.orientation, deep: layout.bits === 16 && COLOURS[layout.photometric] > 1 };
}

function layoutOf(directory) {
  const first = (tag, otherwise) => directory.values(tag)[0] ?? otherwise;
  const [width, height] = [first(WIDTH, 0), first(HEIGHT, 0)];
  const tiled = directory.has(TILES.offsets);
  const { offsets, lengths } = tiled ? TILES : STRIPS;
  return {
    width,
    height,
    bits: first(BITS, 1),
    samples: first(SAMPLES, 1),
    format: first(SAMPLE_FORMAT, 1),
    compression: first(COMPRESSION, 1),
    photometric: first(PHOTOMETRIC, 1),
    predictor: first(PREDICTOR, 1),
    bitOrder: first(BIT_ORDER, 1),
    planes: first(PLANES, 1) === 2 ? first(SAMPLES, 1) : 1,
    palette: directory.values(PALETTE),
    alpha: first(EXTRA_SAMPLES, 0), // 1: colours are multiplied by it, 2: they are not
    blockWidth: tiled ? first(TILE_WIDTH, 0) : width,
    blockHeight: tiled ? first(TILE_HEIGHT, 0) : Math.min(first(ROWS_A_STRIP, height), height),
    padded: tiled,
    offsets: directory.values(offsets),
    lengths: directory.values(lengths),
  };
}

/** Whether it is a camera's raw file (DNG, NEF, ARW, PEF), of which the first page is a thumbnail. */
function isCameraRaw(directory, { compression, photometric }) {
  return (
    directory.has(DNG_VERSION) ||
    RAW_COMPRESSIONS.includes(compression) ||
    RAW_COLOURS.includes(photometric) ||
    (directory.values(REDUCED)[0] === 1 && directory.has(SUBDIRECTORIES))
  );
}

function isKnown({ bits, samples, format, compression, photometric, predictor, bitOrder }) {
  const colours = COLOURS[photometric];
  const packed = bits < 8; // several samples in a byte
  const hasColours = colours > 1 || photometric === INDEXED;
  return (
    compression in DECODERS &&
    bitOrder === 1 &&
    colours <= samples &&
    (packed ? [1, 2, 4].includes(bits) && format === 1 && samples === 1 : `${format}-${bits}` in NUMBERS) &&
    (!hasColours || (format === 1 && bits <= (photometric === RGB ? 16 : 8))) &&
    (predictor === 1 || (predictor === 2 && !packed && format !== 3))
  );
}

function inWords({ samples, bits, format, compression }) {
  const channels = samples > 1 ? t("{samples} channels", { samples }) : t("1 channel");
  const what =
    format === 3
      ? t("{channels} of {bits}-bit fractions", { channels, bits })
      : t("{channels} of {bits}-bit numbers", { channels, bits });
  return compression === 1 ? what : t("{what} and compression {compression}", { what, compression });
}

/** Sample number `i` of a row that begins at `start`, where several are in a byte. */
function unpacked(view, start, i, bits) {
  const place = i * bits;
  return (view.getUint8(start + (place >> 3)) >> (8 - bits - (place & 7))) & (2 ** bits - 1);
}

/** All samples of all pixels, row by row. */
async function readNumbers(bytes, little, layout) {
  const { width, height, bits, samples, format, blockWidth, blockHeight, planes, padded } = layout;
  const [get, Numbers] = NUMBERS[`${format}-${Math.max(bits, 8)}`];
  const numbers = new Numbers(width * height * samples);
  const together = samples / planes; // samples of a pixel that stand together
  const rowBytes = Math.ceil((blockWidth * together * bits) / 8);
  const across = Math.ceil(width / blockWidth);
  const blocks = across * Math.ceil(height / blockHeight);
  for (let block = 0; block < blocks * planes; block++) {
    const plane = Math.floor(block / blocks);
    const left = (block % across) * blockWidth;
    const top = Math.floor((block % blocks) / across) * blockHeight;
    const rows = Math.min(blockHeight, height - top);
    const start = layout.offsets[block];
    const stored = bytes.subarray(start, start + layout.lengths[block]);
    const raw = await DECODERS[layout.compression](stored, rowBytes * (padded ? blockHeight : rows));
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength); // it throws where the block is too short
    const row = new Numbers(blockWidth * together);
    for (let y = 0; y < rows; y++) {
      for (let i = 0; i < row.length; i++) {
        if (bits >= 8) row[i] = view[get](y * rowBytes + (i * bits) / 8, little);
        else row[i] = unpacked(view, y * rowBytes, i, bits);
        if (layout.predictor === 2 && i >= together) row[i] += row[i - together];
      }
      const shown = Math.min(blockWidth, width - left) * together;
      const to = ((top + y) * width + left) * samples + plane;
      if (planes === 1) numbers.set(row.subarray(0, shown), to);
      else for (let i = 0; i < shown; i++) numbers[to + i * samples] = row[i];
    }
  }
  return numbers;
}
