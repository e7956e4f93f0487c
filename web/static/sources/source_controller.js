// Opens, changes and stops the source, one at a time, and explains why one could not be opened.

import { explainCamera, listCameras } from "./camera.js";
import { kindOf } from "../files/file_kind.js";
import { cameraSource, pictureSource, videoSource } from "./source.js";

const NAMED = 3; // files in a sentence

export class SourceController {
  source = null;
  opening = false;
  #lifetime = new AbortController(); // of the source, or of the attempt to open one

  /**
   * @param {HTMLVideoElement} video plays cameras and video files
   * @param {{frame(source): void, changed(): void, failed(title: string, text: string): void,
   *   remark(title: string, text: string): void,
   *   cameras(list: Array<{id: string, name: string}>, current?: string): void}} on
   */
  constructor(video, on) {
    this.video = video;
    this.on = on;
  }

  /** Opens the camera `id`, or without an id any camera. */
  async openCamera(id) {
    await this.open((video, signal) => cameraSource(video, id, signal));
    this.source?.track?.addEventListener("ended", () => {
      this.stop();
      this.on.failed("The camera went away", "It was unplugged or switched off. Press Start to try again.");
    });
    await this.listCameras();
  }

  /** Opens the first of these files, a picture or a video, and says which others were not opened. */
  async openFiles([file, ...others]) {
    const remark = others.length > 0 ? `One file is shown at a time. Not opened: ${some(others)}.` : "";
    const opened = await this.open(
      (video, signal) => openFile(file, video, signal),
      ({ message }, playing) => ({
        title: playing ? "The video stopped" : "That file did not open",
        text: `${file.name}: ${message}. ${remark}`.trim(),
      }),
    );
    if (opened && remark) this.on.remark("Only one file was opened", remark);
  }

  stop() {
    this.#lifetime.abort();
    this.source = null;
    this.opening = false;
    this.on.changed();
  }

  async listCameras() {
    this.on.cameras(await listCameras(), this.source?.camera);
  }

  /**
   * Opens any source, in the place of the one that is open.
   *
   * @param {(video: HTMLVideoElement, signal: AbortSignal) => Promise<object>} createSource see source.js
   * @param {(error: Error, playing?: boolean) => {title: string, text: string}} explain says why it could not be
   *   opened, or why it broke off while it was playing
   * @returns {Promise<boolean>} whether it is open
   */
  async open(createSource, explain = explainCamera) {
    this.#lifetime.abort();
    const { signal } = (this.#lifetime = new AbortController());
    this.opening = true;
    this.on.changed();
    try {
      const opened = await createSource(this.video, signal);
      signal.throwIfAborted();
      this.source = opened;
    } catch (error) {
      if (signal.aborted) return false; // another source was opened meanwhile, or the person pressed Stop
      this.#fail(explain(error));
      return false;
    }
    this.opening = false;
    this.on.changed();
    this.source.onError?.((error) => signal.aborted || this.#fail(explain(error, true)));
    this.source.onFrame((source) => document.hidden || this.on.frame(source));
    return true;
  }

  #fail({ title, text }) {
    this.stop();
    this.on.failed(title, text);
  }
}

async function openFile(file, video, signal) {
  const kind = await kindOf(file);
  signal.throwIfAborted();
  return kind === "video" ? videoSource(video, file, signal) : pictureSource(file, kind, signal);
}

function some(files) {
  const names = files.slice(0, NAMED).map(({ name }) => name);
  return names.join(", ") + (files.length > NAMED ? ` and ${files.length - NAMED} more` : "");
}
