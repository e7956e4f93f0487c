// What is being looked at, one thing at a time: starting, stopping, changing over, and saying why it failed.

import { explainCamera, listCameras } from "./camera.js";
import { kindOf } from "./intake.js";
import { UnreadableFile, cameraSource, pictureSource, videoSource } from "./source.js";

export class Stage {
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

  /** Looks through the camera `id`, or through any. */
  async camera(id) {
    await this.#look((signal) => cameraSource(this.video, id, signal));
    this.source?.track?.addEventListener("ended", () => {
      this.stop();
      this.on.failed("The camera went away", "It was unplugged or switched off. Press Start to try again.");
    });
    await this.listCameras();
  }

  /** Looks at a picture or video file. */
  async file(file) {
    const kind = kindOf(file);
    if (kind === null) {
      const text = `${file.name} cannot be looked at. Try a JPEG, PNG, MP4 or WebM file.`;
      this.on.failed("That is neither picture nor video", text);
      return;
    }
    await this.#look((signal) =>
      kind === "picture" ? pictureSource(file, signal) : videoSource(this.video, file, signal),
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

  async #look(open) {
    this.#lifetime.abort();
    const { signal } = (this.#lifetime = new AbortController());
    this.opening = true;
    this.on.changed();
    try {
      const opened = await open(signal);
      signal.throwIfAborted();
      this.source = opened;
    } catch (error) {
      if (signal.aborted) return; // something else is looked at by now
      this.stop();
      this.#explain(error);
      return;
    }
    this.opening = false;
    this.on.changed();
    this.source.each((source) => document.hidden || this.on.frame(source));
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
