// Makes the JPEG of a frame. Some browsers, or their extensions, give noise instead of the pixels of a canvas, because
// pages can recognise a browser by how it draws: Firefox with resistFingerprinting, Tor Browser, LibreWolf. The labels
// would be those of noise. So a known picture is encoded and looked at first.

const SIDE = 64;
const FIELDS = 8; // a side of the known picture
const TOLERANCE = 16; // of 255: JPEG, and protections that change only the lowest bits, stay far below, noise above

const onPage = () => Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
const offPage = () => new OffscreenCanvas(SIDE, SIDE);

/** Ways to encode a canvas. Extensions do not always know the second. */
const ENCODERS = [
  (canvas, quality) => new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality)),
  (canvas, quality) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    copy.getContext("2d", { alpha: false }).drawImage(canvas, 0, 0);
    return copy.convertToBlob({ type: "image/jpeg", quality });
  },
];

/** Ways to read the RGBA of a picture, to look at what was encoded. */
const READERS = [(picture) => readCanvas(onPage(), picture), (picture) => readCanvas(offPage(), picture), readFrame];

export class FrameEncoder {
  blocked = false; // every way gives noise
  #way = ENCODERS[0];
  #checked = Promise.resolve();

  /** Whether a way other than the usual one is needed. */
  get isDetour() {
    return this.#way !== ENCODERS[0];
  }

  /** Finds a way that gives the pixels. Called in a click, it makes the browser ask whether the page may read them. */
  check() {
    this.#checked = this.#find();
    return this.#checked;
  }

  async #find() {
    const known = paintKnown(onPage());
    const way = await firstThat(ENCODERS, async (encode) => shows(await createImageBitmap(await encode(known, 0.9))));
    this.blocked = way === undefined;
    this.#way = way ?? ENCODERS[0];
  }

  /** The canvas as a JPEG; null if the browser makes none, or only noise. */
  async encode(canvas, quality) {
    await this.#checked;
    return this.blocked ? null : this.#way(canvas, quality);
  }
}

/** Whether a picture is the known one, by any reader that is itself right about it. */
async function shows(picture) {
  const known = paintKnown(onPage());
  const reader = await firstThat(READERS, async (read) => isKnown(await read(known)));
  return reader !== undefined && isKnown(await reader(picture));
}

async function firstThat(ways, isGood) {
  for (const way of ways) if (await isGood(way).catch(() => false)) return way;
  return undefined;
}

function paintKnown(canvas) {
  const context = canvas.getContext("2d", { alpha: false });
  const side = SIDE / FIELDS;
  for (let x = 0; x < FIELDS; x++) {
    for (let y = 0; y < FIELDS; y++) {
      context.fillStyle = `rgb(${knownColour(x, y).join()})`;
      context.fillRect(x * side, y * side, side, side);
    }
  }
  return canvas;
}

function knownColour(x, y) {
  return [x * 32, y * 32, 255 - x * 16 - y * 16];
}

function isKnown(pixels) {
  let difference = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    const [x, y] = [(i / 4) % SIDE, Math.floor(i / 4 / SIDE)].map((at) => Math.floor((at * FIELDS) / SIDE));
    knownColour(x, y).forEach((value, channel) => (difference += Math.abs(value - pixels[i + channel])));
  }
  return difference / (SIDE * SIDE * 3) < TOLERANCE;
}

async function readCanvas(canvas, picture) {
  const context = canvas.getContext("2d", { alpha: false });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, SIDE, SIDE).data;
}

async function readFrame(picture) {
  const frame = new VideoFrame(picture, { timestamp: 0 });
  const pixels = new Uint8Array(frame.allocationSize({ format: "RGBA" }));
  await frame.copyTo(pixels, { format: "RGBA" });
  frame.close();
  return pixels;
}
