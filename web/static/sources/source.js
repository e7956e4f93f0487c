// Where pictures come from: a camera, a video file or a picture file. They have these fields:
//
//   kind, name       what it is, for people
//   maxFps           frames per second that make sense
//   element          what to draw, `width` by `height` pixels
//   whole            what to show in its place: a canvas; only a picture has it
//   camera, facing   the id of a camera, and whether it faces the "user" or the "environment"
//   held             whether the person has stopped its picture
//   still            whether its picture stands still
//   interruption     why the system paused it: "muted" or "paused", or null
//   framed           when its last frame came, by performance.now()
//   start()          plays it in the page's video element; not for a picture
//   onFrame(handle)  calls `handle(source)` for every new frame
//   onChange(handle) calls `handle()` when it was paused, or goes on
//   onError(handle)  calls `handle(error)` when it breaks off; not for a picture
//
// Until it starts, it leaves the page's video element alone: another source may still play in it. A source ends when its
// signal is aborted; it then releases the camera, the memory and the element.

import { CameraGone, openCamera } from "./camera.js";
import { UnreadableFile } from "../files/file_kind.js";
import { readWholePicture } from "../files/picture.js";
import { FPS } from "../stream/rate_control.js";
import { noVideoStream, whyNotOpened, whyStopped } from "../files/video_file.js";

const PLAY_AGAIN_MS = 1000; // between two attempts to play a paused camera
const FIRST_FRAME_MS = 4000; // a camera that takes longer counts as open, and the page says that no pictures come

/** A camera, playing in `video`; `which` is as in camera.js. Throws what getUserMedia throws, or the signal's reason. */
export async function cameraSource(video, which, signal) {
  const stream = await openCamera(which);
  const [track] = stream.getVideoTracks();
  onAbort(signal, () => {
    stream.getTracks().forEach((each) => each.stop());
    if (video.srcObject === stream) video.srcObject = null;
  });
  signal.throwIfAborted();
  const source = playingSource(video, "camera", track.label, signal);
  const { deviceId, facingMode } = track.getSettings();
  source.camera = deviceId ?? which?.id;
  source.facing = facingMode || "user"; // only phones have others, and they say so
  source.track = track;
  source.start = async () => {
    video.srcObject = stream;
    await Promise.race([video.play(), new Promise((resolve) => setTimeout(resolve, FIRST_FRAME_MS))]);
  };
  source.onChange = (handle) => watchInterruptions(source, handle, signal);
  source.onError = (handle) => track.addEventListener("ended", () => handle(new CameraGone()), { once: true, signal });
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
  await tryToPlay(url, file, signal);
  const source = playingSource(video, "video", file.name, signal);
  source.start = async () => {
    video.src = url;
    video.loop = true;
    await video.play().catch(() => signal.throwIfAborted()); // what is wrong with it is said by onError
  };
  source.onChange = (handle) => ["pause", "play"].forEach((type) => video.addEventListener(type, handle, { signal }));
  source.onError = (handle) => {
    const stopped = async () => handle(await whyStopped(file, video, source.frames));
    if (video.error) stopped();
    else video.addEventListener("error", stopped, { once: true, signal });
  };
  return source;
}

/** Plays the beginning of a video file in an element of its own. Throws UnreadableFile. */
async function tryToPlay(url, file, signal) {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, src: url });
  try {
    await video.play();
    if (video.videoWidth === 0) throw noVideoStream();
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof UnreadableFile ? error : await whyNotOpened(file);
  } finally {
    video.removeAttribute("src");
    video.load();
  }
}

/** A picture file of this kind. Throws UnreadableFile. */
export async function pictureSource(file, kind) {
  const { square, whole } = await readWholePicture(file, kind);
  return {
    kind: "picture",
    name: file.name,
    maxFps: 1,
    element: square,
    whole,
    width: square.width,
    height: square.height,
    still: true,
    interruption: null,
    framed: performance.now(),
    onFrame(handle) {
      handle(this);
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
    framed: performance.now(),
    interruption: null,
    held: false,
    get still() {
      return this.held || (kind === "video" && video.paused);
    },
    get width() {
      return video.videoWidth;
    },
    get height() {
      return video.videoHeight;
    },
    onFrame(handle) {
      let shown = -1; // the time in the video
      const requestNext = () =>
        video.requestVideoFrameCallback ? video.requestVideoFrameCallback(next) : requestAnimationFrame(next);
      const next = () => {
        if (signal.aborted) return;
        this.frames += 1;
        this.framed = performance.now();
        const isOther = !this.held && (!this.still || video.currentTime !== shown); // also a paused video is sought
        shown = video.currentTime;
        if (video.videoWidth > 0 && !this.interruption && isOther) handle(this);
        requestNext();
      };
      requestNext();
    },
  };
}

/** The system may mute or pause a camera, for a call perhaps: it is played again as soon as that works. */
function watchInterruptions(source, changed, signal) {
  const { element: video, track } = source;
  let isMuted = track.muted;
  const update = () => {
    const why = isMuted ? "muted" : video.paused ? "paused" : null;
    if (why === source.interruption) return;
    source.interruption = why;
    changed();
  };
  const playAgain = () => video.paused && !document.hidden && video.play().catch(() => {});
  const listen = (target, type, handle) => target.addEventListener(type, handle, { signal });
  listen(track, "mute", () => update((isMuted = true)));
  listen(track, "unmute", () => {
    isMuted = false;
    playAgain();
    update();
  });
  for (const type of ["pause", "playing"]) listen(video, type, update);
  update();
  const timer = setInterval(playAgain, PLAY_AGAIN_MS);
  onAbort(signal, () => clearInterval(timer));
}

function onAbort(signal, release) {
  if (signal.aborted) release();
  else signal.addEventListener("abort", release, { once: true });
}
