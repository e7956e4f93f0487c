// Opens, changes and stops the source, one at a time, and explains why one could not be opened.

import { explainCamera, listCameras } from "./camera.js";
import { kindOf } from "../files/file_kind.js";
import { t } from "../shared/texts.js";
import { cameraSource, pictureSource, videoSource } from "./source.js";

const BUSY = new Set(["NotReadableError", "AbortError"]); // what getUserMedia throws for a camera that is in use

export class SourceController {
  source = null;
  opening = false;
  #lifetime = new AbortController(); // of the source
  #attempt = new AbortController(); // to open another one

  /**
   * @param {HTMLVideoElement} video plays cameras and video files
   * @param {{frame(source): void, changed(): void, replaced(): void, failed(title: string, text: string): void,
   *   cameras(list: Array<{id: string, name: string}>, current?: string): void}} on
   *   `replaced` is called when there is another source, or none
   */
  constructor(video, on) {
    this.video = video;
    this.on = on;
  }

  /** Opens a camera; `which` is as in camera.js. */
  async openCamera(which) {
    await this.open((video, signal) =>
      cameraSource(video, which, signal).catch((error) => {
        if (this.source?.kind !== "camera" || !BUSY.has(error.name)) throw error;
        this.#release(); // most phones open only one camera at a time
        return cameraSource(video, which, signal);
      }),
    );
    await this.listCameras();
  }

  /** Opens a picture or a video. */
  async openFile(file) {
    await this.open(
      (video, signal) => openFile(file, video, signal),
      ({ message }, wasPlaying) => ({
        title: wasPlaying ? t("The video stopped") : t("That file did not open"),
        text: `${file.name}: ${message}.`,
      }),
    );
  }

  stop() {
    this.#attempt.abort();
    this.opening = false;
    this.#release();
  }

  async listCameras() {
    this.on.cameras(await listCameras(), this.source?.camera);
  }

  /**
   * Opens any source. The one before stops only when the new one is there.
   *
   * @param {(video: HTMLVideoElement, signal: AbortSignal) => Promise<object>} createSource see source.js
   * @param {(error: Error, wasPlaying?: boolean) => {title: string, text: string}} explain says why it could not be
   *   opened, or why it broke off while it was playing
   * @returns {Promise<boolean>} whether it is open
   */
  async open(createSource, explain = explainCamera) {
    this.#attempt.abort();
    const attempt = (this.#attempt = new AbortController());
    const { signal } = attempt;
    this.opening = true;
    this.on.changed();
    try {
      const opened = await createSource(this.video, signal);
      signal.throwIfAborted();
      this.#release();
      this.#lifetime = attempt;
      await opened.start?.();
      signal.throwIfAborted();
      this.source = opened;
    } catch (error) {
      if (signal.aborted) return false; // another source was opened meanwhile, or the person pressed Stop
      attempt.abort();
      this.opening = false;
      this.#fail(explain(error));
      return false;
    }
    this.#attempt = new AbortController();
    this.opening = false;
    this.on.replaced();
    this.#watch(this.source, signal, explain);
    return true;
  }

  #watch(source, signal, explain) {
    source.onError?.((error) => {
      if (signal.aborted) return;
      this.#release();
      this.#fail(explain(error, true));
    });
    source.onChange?.(() => this.on.changed());
    source.onFrame(() => document.hidden || this.on.frame(source));
  }

  #release() {
    this.#lifetime.abort();
    this.source = null;
    this.on.replaced();
  }

  #fail({ title, text }) {
    this.on.changed();
    this.on.failed(title, text);
  }
}

async function openFile(file, video, signal) {
  const kind = await kindOf(file);
  signal.throwIfAborted();
  return kind === "video" ? videoSource(video, file, signal) : pictureSource(file, kind);
}
