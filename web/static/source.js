// Where pictures come from: a camera, a video file or a picture file. All three have the same fields:
//
//   kind, name       what it is, for people
//   maxFps           frames per second that make sense
//   element          what to draw, `width` by `height` pixels
//   onFrame(handle)  calls `handle(source)` for every new frame
//
// A source ends when its signal is aborted; it then releases the camera, the memory and the element.

import { openCamera } from "./camera.js";
import { centreSquare } from "./frame.js";
import { FPS } from "./rate_control.js";

const PICTURE_SIDE = 1024;
const PICTURE_EVERY_MS = 100;

/** A file that this browser cannot show. */
export class UnreadableFile extends Error {}

/** The camera `id`, playing in `video`. Throws what getUserMedia throws, or the signal's reason. */
export async function cameraSource(video, id, signal) {
  const stream = await openCamera(id);
  const [track] = stream.getVideoTracks();
  const source = playingSource(video, "camera", track.label, signal);
  source.camera = track.getSettings().deviceId ?? id;
  source.track = track;
  onAbort(signal, () => {
    stream.getTracks().forEach((each) => each.stop());
    if (video.srcObject === stream) video.srcObject = null;
  });
  signal.throwIfAborted();
  video.srcObject = stream;
  await video.play();
  return source;
}

/** A video file, repeated in `video`. */
export async function videoSource(video, file, signal) {
  const url = URL.createObjectURL(file);
  onAbort(signal, () => {
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
  return playingSource(video, "video", file.name, signal);
}

/** A picture file, which gives the same frame again and again. */
export async function pictureSource(file, signal) {
  const canvas = await decode(file);
  return {
    kind: "picture",
    name: file.name,
    maxFps: 1,
    element: canvas,
    width: canvas.width,
    height: canvas.height,
    onFrame(handle) {
      handle(this);
      const timer = setInterval(() => handle(this), PICTURE_EVERY_MS);
      onAbort(signal, () => clearInterval(timer));
    },
  };
}

function playingSource(video, kind, name, signal) {
  return {
    kind,
    name,
    maxFps: FPS.most,
    element: video,
    get width() {
      return video.videoWidth;
    },
    get height() {
      return video.videoHeight;
    },
    onFrame(handle) {
      const requestNext = () =>
        video.requestVideoFrameCallback ? video.requestVideoFrameCallback(next) : requestAnimationFrame(next);
      const next = () => {
        if (signal.aborted) return;
        if (video.videoWidth > 0) handle(this);
        requestNext();
      };
      requestNext();
    },
  };
}

async function decode(file) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  try {
    image.src = url;
    await image.decode();
    return shrink(image);
  } catch {
    throw new UnreadableFile(`This browser cannot open ${file.name}. JPEG, PNG and WebP usually work.`);
  } finally {
    URL.revokeObjectURL(url);
  }
}

// Browsers differ in how they shrink a large picture in one step. Halving it several times, as mipmaps do, gives the
// network the same pixels in every browser. Transparent parts become white.
function shrink(image) {
  const { x, y, side } = centreSquare(image.naturalWidth, image.naturalHeight);
  let canvas = paintSquare(Math.min(side, 2 * PICTURE_SIDE), (context, to) => {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, to, to);
    context.drawImage(image, x, y, side, side, 0, 0, to, to);
  });
  while (canvas.width >= PICTURE_SIDE) {
    const from = canvas;
    canvas = paintSquare(Math.round(from.width / 2), (context, to) => context.drawImage(from, 0, 0, to, to));
  }
  return canvas;
}

function paintSquare(side, paint) {
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = canvas.getContext("2d", { alpha: false });
  context.imageSmoothingQuality = "high";
  paint(context, side);
  return canvas;
}

function onAbort(signal, release) {
  if (signal.aborted) release();
  else signal.addEventListener("abort", release, { once: true });
}
