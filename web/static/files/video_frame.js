// One frame of a video file, as a picture.

import { noVideoStream, whyNotOpened } from "./video_file.js";

const PATIENCE_MS = 15_000; // some browsers load a video only after a click on it

/** The frame in the middle of a video file, as a canvas. Throws UnreadableFile. */
export async function readMiddleFrame(file) {
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
  const url = URL.createObjectURL(file);
  try {
    video.src = url;
    await happens(video, "loadeddata");
    if (video.videoWidth === 0) throw noVideoStream();
    if (Number.isFinite(video.duration)) {
      video.currentTime = video.duration / 2;
      await happens(video, "seeked");
    }
    const { videoWidth: width, videoHeight: height } = video;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d", { alpha: false }).drawImage(video, 0, 0);
    return canvas;
  } catch (error) {
    throw error instanceof Event ? await whyNotOpened(file) : error;
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

/** Waits for an event; throws the error event that comes in its place, or a timeout. */
function happens(video, name) {
  return new Promise((resolve, reject) => {
    video.addEventListener(name, resolve, { once: true });
    video.addEventListener("error", reject, { once: true });
    setTimeout(reject, PATIENCE_MS, new Event("timeout"));
  });
}
