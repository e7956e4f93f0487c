// Where pictures come from: a camera, a video file or a picture file. They have these fields:
//
//   kind, name       what it is, for people
//   maxFps           frames per second that make sense
//   quality          of its JPEGs, 0 to 1; only a picture has one, others get less the more there is to send
//   element          what to draw, `width` by `height` pixels
//   onFrame(handle)  calls `handle(source)` for every new frame
//   onError(handle)  calls `handle(error)` when it breaks off; only a video file has it
//
// A source ends when its signal is aborted; it then releases the camera, the memory and the element.

import { openCamera } from "./camera.js";
import { readPicture } from "../files/picture.js";
import { FPS } from "../stream/rate_control.js";
import { noVideoStream, whyNotOpened, whyStopped } from "../files/video_file.js";

const PICTURE_EVERY_MS = 100;
// At quality 0.9 with halved colour, 169 of 200 photographs got their right label, instead of 175 without JPEG.
const PICTURE_QUALITY = 1;

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

/** A video file, repeated in `video`. Throws UnreadableFile. */
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
    throw await whyNotOpened(file);
  }
  if (video.videoWidth === 0) throw noVideoStream();
  const source = playingSource(video, "video", file.name, signal);
  source.onError = (handle) => {
    const stopped = async () => handle(await whyStopped(file, video, source.frames));
    if (video.error) stopped();
    else video.addEventListener("error", stopped, { once: true, signal });
  };
  return source;
}

/** A picture file of this kind, which gives the same frame again and again. Throws UnreadableFile. */
export async function pictureSource(file, kind, signal) {
  const canvas = await readPicture(file, kind);
  return {
    kind: "picture",
    name: file.name,
    maxFps: 1,
    quality: PICTURE_QUALITY,
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
    frames: 0, // since it was opened
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
        this.frames += 1;
        if (video.videoWidth > 0) handle(this);
        requestNext();
      };
      requestNext();
    },
  };
}

function onAbort(signal, release) {
  if (signal.aborted) release();
  else signal.addEventListener("abort", release, { once: true });
}
