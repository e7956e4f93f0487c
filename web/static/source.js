// What is looked at: a camera, a video file or a picture. To its user all three are the same:
//
//   kind, name   what it is, for people
//   most         frames per second that make sense
//   element      what to draw, `width` by `height` pixels
//   each(tick)   calls `tick(source)` for every new frame
//
// A source lives until its signal is aborted, and then gives camera, memory and element back.

import { openCamera } from "./camera.js";
import { FPS } from "./flow.js";
import { centreSquare } from "./frame.js";

const PICTURE_SIDE = 1024;
const TURN_MS = 100;

/** A file that this browser can not show. */
export class UnreadableFile extends Error {}

/** The camera `id`, playing in `video`. Throws what getUserMedia throws, or the signal's reason. */
export async function cameraSource(video, id, signal) {
  const stream = await openCamera(id);
  const [track] = stream.getVideoTracks();
  const source = film(video, "camera", track.label, signal);
  source.camera = track.getSettings().deviceId ?? id;
  source.track = track;
  atEnd(signal, () => {
    stream.getTracks().forEach((each) => each.stop());
    if (video.srcObject === stream) video.srcObject = null;
  });
  signal.throwIfAborted();
  video.srcObject = stream;
  await video.play();
  return source;
}

/** A video file, playing round and round in `video`. */
export async function videoSource(video, file, signal) {
  const url = URL.createObjectURL(file);
  atEnd(signal, () => {
    if (video.src === url) {
      video.removeAttribute("src");
      video.load();
    }
    URL.revokeObjectURL(url);
  });
  video.src = url;
  video.loop = true;
  try {
    await video.play();
  } catch {
    signal.throwIfAborted();
    throw new UnreadableFile(`This browser cannot play ${file.name}. MP4 and WebM usually work.`);
  }
  return film(video, "video", file.name, signal);
}

/** A picture, seen again and again. */
export async function pictureSource(file, signal) {
  const canvas = await decoded(file);
  return {
    kind: "picture",
    name: file.name,
    most: 1,
    element: canvas,
    width: canvas.width,
    height: canvas.height,
    each(tick) {
      tick(this);
      const timer = setInterval(() => tick(this), TURN_MS);
      atEnd(signal, () => clearInterval(timer));
    },
  };
}

function film(video, kind, name, signal) {
  return {
    kind,
    name,
    most: FPS.most,
    element: video,
    get width() {
      return video.videoWidth;
    },
    get height() {
      return video.videoHeight;
    },
    each(tick) {
      const next = () =>
        video.requestVideoFrameCallback ? video.requestVideoFrameCallback(turn) : requestAnimationFrame(turn);
      const turn = () => {
        if (signal.aborted) return;
        if (video.videoWidth > 0) tick(this);
        next();
      };
      next();
    },
  };
}

async function decoded(file) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  try {
    image.src = url;
    await image.decode();
    return reduced(image);
  } catch {
    throw new UnreadableFile(`This browser cannot open ${file.name}. JPEG, PNG and WebP usually work.`);
  } finally {
    URL.revokeObjectURL(url);
  }
}

// Browsers differ in how they shrink a large picture in one step; in halves, the way a mipmap does it, the
// network sees the same everywhere. A picture with holes gets a white ground.
function reduced(image) {
  const { x, y, side } = centreSquare(image.naturalWidth, image.naturalHeight);
  let canvas = square(Math.min(side, 2 * PICTURE_SIDE), (pen, to) => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, to, to);
    pen.drawImage(image, x, y, side, side, 0, 0, to, to);
  });
  while (canvas.width >= PICTURE_SIDE) {
    const from = canvas;
    canvas = square(Math.round(from.width / 2), (pen, to) => pen.drawImage(from, 0, 0, to, to));
  }
  return canvas;
}

function square(side, paint) {
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const pen = canvas.getContext("2d", { alpha: false });
  pen.imageSmoothingQuality = "high";
  paint(pen, side);
  return canvas;
}

function atEnd(signal, release) {
  if (signal.aborted) release();
  else signal.addEventListener("abort", release, { once: true });
}
