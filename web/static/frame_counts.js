// What became of every frame. At any moment: sent = answered + dropped + expired + pending.

export class Ledger {
  #sent = 0;
  #answered = 0;
  #expired = 0;
  #late = 0;
  #dropped = {};
  #pending = new Map(); // sequence number -> capture time
  #labels = {};

  /** How many frames are on their way. */
  get pending() {
    return this.#pending.size;
  }

  /** Their sequence numbers, oldest first. */
  get waiting() {
    return [...this.#pending.keys()];
  }

  /** Answers that came after a newer one was shown. */
  get late() {
    return this.#late;
  }

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

  send(seq, captured) {
    this.#sent += 1;
    this.#pending.set(seq, captured);
  }

  /** Books labels; returns their frame's capture time, or null when it was not waited for. */
  answer(seq, labels, isLate) {
    const captured = this.#settle(seq);
    if (captured === null) return null;
    this.#answered += 1;
    if (isLate) this.#late += 1;
    const top = labels[0]?.label;
    if (top !== undefined) this.#labels[top] = (this.#labels[top] ?? 0) + 1;
    return captured;
  }

  /** Books a frame without labels; returns whether it was waited for. */
  drop(seq, reason) {
    if (this.#settle(seq) === null) return false;
    if (reason === "expired") this.#expired += 1;
    else this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1;
    return true;
  }

  /** The session is gone, and nobody will answer its frames any more. */
  abandon() {
    this.#expired += this.#pending.size;
    this.#pending.clear();
  }

  // A page that was reloaded also hears answers to frames of its former life: those are not in this ledger.
  #settle(seq) {
    const captured = this.#pending.get(seq);
    if (captured === undefined) return null;
    this.#pending.delete(seq);
    return captured;
  }
}
