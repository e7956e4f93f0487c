// A picture file becomes an upright square on a canvas, and the whole picture on another one. What is read and what is
// refused is as in the commands.

import { t } from "../shared/texts.js";
import { headerOf, readDeepGreys } from "./deep_png.js";
import { UnreadableFile, damaged, loaded, tooLarge, uncommon } from "./file_kind.js";
import { centreSquare } from "../stream/frame.js";
import { withoutMetadata } from "./picture_metadata.js";

const SIDE = 1024; // pixels, at most
const LONGEST = 4096; // pixels of the whole picture: phones give a canvas no more memory
const MOST_PIXELS = 300_000_000; // as the commands allow
const LOWER_BITS_ONLY = 16; // what 12 of 16 bits hold is lower than this, of 255
const TURNS = {
  // the transform of each EXIF orientation, as setTransform takes it, for a canvas of 1 × 1
  1: [1, 0, 0, 1, 0, 0],
  2: [-1, 0, 0, 1, 1, 0],
  3: [-1, 0, 0, -1, 1, 1],
  4: [1, 0, 0, -1, 0, 1],
  5: [0, 1, 1, 0, 0, 0],
  6: [0, 1, -1, 0, 1, 0],
  7: [0, -1, -1, 0, 1, 1],
  8: [0, -1, 1, 0, 0, 1],
};

/**
 * The whole centre square of a picture, upright, transparent parts white. What a model gets of it is cut later: another
 * model may need more.
 *
 * @param {Blob} file
 * @param {string} kind as in picture_kinds.js
 * @returns {Promise<HTMLCanvasElement>} Throws UnreadableFile.
 */
export function readPicture(file, kind) {
  return read(file, kind, shrink);
}

/** The same, as `square`, and the `whole` picture for people to look at. */
export async function readWholePicture(file, kind) {
  let whole = null;
  const square = await read(file, kind, (image, orientation) => {
    whole = paintWhole(image, orientation);
    return shrink(image, orientation);
  });
  return { square, whole };
}

/** The square that `paint(image, orientation)` makes of the picture. */
async function read(file, kind, paint) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { image, orientation, deep } = await decode(bytes, kind).catch((error) => {
    throw error instanceof UnreadableFile ? error : damaged(kind);
  });
  const canvas = paint(image, orientation);
  image.close();
  const highest = deep ? highestOf(canvas) : 0;
  if (highest > 0 && highest < LOWER_BITS_ONLY) {
    throw uncommon(kind, t("channels of 16 bits, 4 or more of them unused,"));
  }
  return canvas;
}

async function decode(bytes, kind) {
  if (kind === "TIFF") {
    const { readTiff } = await loaded(import("./tiff.js"));
    return readTiff(bytes, MOST_PIXELS);
  }
  const { parts, orientation, size } = withoutMetadata(bytes, kind);
  const [width, height] = size;
  if (width * height > MOST_PIXELS) throw tooLarge(width, height);
  // An <img> shows the half of a file that was cut off. From a blob, only a whole picture becomes a bitmap.
  // Firefox wants it in one piece: a small first piece does not tell it what the picture is.
  const whole = await new Blob(parts).arrayBuffer();
  const image = await createImageBitmap(new Blob([whole]), { colorSpaceConversion: "none" });
  const { bits, isGrey } = kind === "PNG" ? headerOf(bytes) : {};
  if (bits === 16 && isGrey) return { image: await readDeepGreys(parts, headerOf(bytes)), orientation };
  return { image, orientation, deep: bits === 16 };
}

// Browsers differ in how they shrink a large picture in one step. Halving it several times, as mipmaps do, gives the
// network the same pixels in every browser.
function shrink(image, orientation) {
  const { x, y, side } = centreSquare(image.width, image.height, 1);
  const first = Math.min(side, 2 * SIDE);
  let canvas = paintUpright(orientation, first, first, (context) =>
    context.drawImage(image, x, y, side, side, 0, 0, first, first),
  );
  while (canvas.width >= SIDE) {
    const from = canvas;
    const to = Math.round(from.width / 2);
    canvas = paintCanvas(to, to, (context) => context.drawImage(from, 0, 0, to, to));
  }
  return canvas;
}

function paintWhole(image, orientation) {
  const scale = Math.min(1, LONGEST / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((length) => Math.max(1, Math.round(length * scale)));
  return paintUpright(orientation, width, height, (context) => context.drawImage(image, 0, 0, width, height));
}

/** A canvas with what `paint(context)` paints, `width` by `height` pixels before it is turned. */
function paintUpright(orientation, width, height, paint) {
  const [across, down] = orientation > 4 ? [height, width] : [width, height];
  return paintCanvas(across, down, (context) => {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, across, down);
    const [a, b, c, d, e, f] = TURNS[orientation];
    context.setTransform(a, b, c, d, e * across, f * down);
    paint(context);
  });
}

function paintCanvas(width, height, paint) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { alpha: false });
  context.imageSmoothingQuality = "high";
  paint(context);
  return canvas;
}

/** The highest number of any channel, 0 to 255. */
function highestOf(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let highest = 0;
  for (let i = 0; i < data.length; i++) if (i % 4 !== 3 && data[i] > highest) highest = data[i];
  return highest;
}
