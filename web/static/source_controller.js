// Opens, changes and stops the source, one at a time, and explains why one could not be opened.

import { explainCamera, listCameras } from "./camera.js";
import { kindOf } from "./file_inputs.js";
import { UnreadableFile, cameraSource, pictureSource, videoSource } from "./source.js";

export class SourceController {
  source = null;
  opening = false;
  #lifetime = new AbortController(); // of the source, or of the attempt to open one

  /**
   * @param {HTMLVideoElement} video plays cameras and video files
   * @param {{frame(source): void, changed(): void, failed(title: string, text: string): void,
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

  /** Opens a picture or video file. */
  async openFile(file) {
    const kind = kindOf(file);
    if (kind === null) {
      const text = `${file.name} cannot be shown. Try a JPEG, PNG, MP4 or WebM file.`;
      this.on.failed("That is neither picture nor video", text);
      return;
    }
    await this.open((video, signal) =>
      kind === "picture" ? pictureSource(file, signal) : videoSource(video, file, signal),
    );
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
   */
  async open(createSource) {
    this.#lifetime.abort();
    const { signal } = (this.#lifetime = new AbortController());
    this.opening = true;
    this.on.changed();
    try {
      const opened = await createSource(this.video, signal);
      signal.throwIfAborted();
      this.source = opened;
    } catch (error) {
      if (signal.aborted) return; // another source was opened meanwhile, or the person pressed Stop
      this.stop();
      this.#explain(error);
      return;
    }
    this.opening = false;
    this.on.changed();
    this.source.onFrame((source) => document.hidden || this.on.frame(source));
  }

  #explain(error) {
    if (error instanceof UnreadableFile) {
      this.on.failed("That file did not open", error.message);
      return;
    }
    const { title, text } = explainCamera(error);
    this.on.failed(title, text);
  }
}
