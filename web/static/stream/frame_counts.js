// How many frames had which outcome. At any moment: sent = answered + dropped + expired + pending.

import { EXPIRED } from "../shared/outcomes.js";

export class FrameCounts {
  #sent = 0;
  #answered = 0;
  #expired = 0;
  #late = 0;
  #dropped = {};
  #pending = new Map(); // sequence number -> capture time
  #labels = {};

  /** How many frames are in flight. */
  get pending() {
    return this.#pending.size;
  }

  /** The sequence numbers of the frames in flight, oldest first. */
  get pendingNumbers() {
    return [...this.#pending.keys()];
  }

  /** How many answers came after a newer one was shown. */
  get late() {
    return this.#late;
  }

  /** How often each label was the first one of an answer. */
  get labels() {
    return { ...this.#labels };
  }

  get counts() {
    return {
      sent: this.#sent,
      answered: this.#answered,
      dropped: { ...this.#dropped },
      expired: this.#expired,
      pending: this.#pending.size,
    };
  }

  addSent(seq, captured) {
    this.#sent += 1;
    this.#pending.set(seq, captured);
  }

  /** Counts an answer; returns its frame's capture time, or null when the frame was not in flight. */
  addAnswer(seq, labels, isLate) {
    const captured = this.#remove(seq);
    if (captured === null) return null;
    this.#answered += 1;
    if (isLate) this.#late += 1;
    const top = labels[0]?.label;
    if (top !== undefined) this.#labels[top] = (this.#labels[top] ?? 0) + 1;
    return captured;
  }

  /** Counts a frame without labels; returns whether it was in flight. */
  addDrop(seq, reason) {
    if (this.#remove(seq) === null) return false;
    if (reason === EXPIRED) this.#expired += 1;
    else this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1;
    return true;
  }

  /** Counts all frames in flight as expired: their session has ended, and no answers will come. */
  expireAll() {
    this.#expired += this.#pending.size;
    this.#pending.clear();
  }

  // A page that was reloaded also gets answers to frames that it sent before: those are not counted here.
  #remove(seq) {
    const captured = this.#pending.get(seq);
    if (captured === undefined) return null;
    this.#pending.delete(seq);
    return captured;
  }
}
