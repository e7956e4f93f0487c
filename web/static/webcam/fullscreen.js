// Full screen, for one part of the page. iPhones give it only to videos: `available` is false there.

export class Fullscreen {
  /** Calls `changed()` when it begins and when it ends: also Escape ends it. */
  constructor(element, changed) {
    this.element = element;
    document.addEventListener("fullscreenchange", changed);
  }

  get available() {
    return document.fullscreenEnabled === true && "requestFullscreen" in this.element;
  }

  get on() {
    return document.fullscreenElement === this.element;
  }

  /** Begins or ends it. A browser may refuse; the page then stays as it is. */
  async toggle() {
    await (this.on ? document.exitFullscreen() : this.element.requestFullscreen()).catch(() => {});
  }
}
