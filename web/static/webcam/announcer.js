// What a screen reader says. It cannot follow thirty labels a second, nor states that flicker.

const EVERY_MS = 5000;

export class Announcer {
  #said = "";
  #saidAt = -Infinity;

  /** `region` is a live region. */
  constructor(region) {
    this.region = region;
  }

  /** Says `text` if it is new, at most one text in five seconds. Called again and again, with what is so now. */
  say(text, time) {
    if (!text || text === this.#said || time - this.#saidAt < EVERY_MS) return;
    this.#said = text;
    this.#saidAt = time;
    this.region.textContent = text;
  }
}
