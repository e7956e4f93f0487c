// What the page measures of itself. Times are milliseconds and passed in.

/** The middle one, the upper of two; null for none. */
export function median(values) {
  if (values.length === 0) return null;
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Values of the last `span` milliseconds, and at least the last one for `patience` milliseconds. */
export class Recent {
  #entries = [];

  constructor(span, patience = 3000) {
    this.span = span;
    this.patience = patience;
  }

  add(value, time) {
    this.#entries.push({ value, time });
    this.#forget(time);
  }

  values(time) {
    this.#forget(time);
    return this.#entries.map((entry) => entry.value);
  }

  /** Entries per second; 0 once they have stopped coming. */
  rate(time) {
    this.#forget(time);
    const entries = this.#entries;
    if (entries.length < 2) return 0;
    const [first, last] = [entries[0].time, entries.at(-1).time];
    const gap = (last - first) / (entries.length - 1);
    // When the next is overdue the rate falls at once rather than when the last one is forgotten.
    return (1000 * (entries.length - 1)) / Math.max(1, Math.max(time - gap, last) - first);
  }

  #forget(time) {
    const keep = this.#entries.findIndex((entry) => time - entry.time <= this.span);
    if (keep > 0) this.#entries.splice(0, keep);
    if (keep === -1) {
      const last = this.#entries.at(-1);
      this.#entries = last && time - last.time <= this.patience ? [last] : [];
    }
  }
}

/** How far the server's clock is ahead of this one, from the ping that was answered fastest of the last eight. */
export class Clock {
  #samples = [];

  pong(sent, server, time) {
    this.#samples.push({ roundTrip: time - sent, offset: server - (sent + time) / 2 });
    if (this.#samples.length > 8) this.#samples.shift();
  }

  /** `{offset, roundTrip}` in milliseconds, or null before the first answer. */
  get best() {
    return this.#samples.reduce((best, next) => (best && best.roundTrip <= next.roundTrip ? best : next), null);
  }
}

/**
 * Where a round trip went, in milliseconds, from the server's own stamps, so that clocks need not agree.
 *
 * `network` is all that lies outside the stamps: the JPEG's making, the way up and the way back.
 */
export function hops(times, roundTrip) {
  const { received, decoded, classified, published } = times ?? {};
  if (![received, decoded, classified, published].every(Number.isFinite)) return null;
  const model = Math.max(0, classified - decoded);
  const queue = Math.max(0, published - received - model);
  return { network: Math.max(0, roundTrip - queue - model), queue, model };
}
