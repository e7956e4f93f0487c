// What the page measures. Times are in milliseconds and are passed in.

/** The median, the upper one of two; null for no values. */
export function median(values) {
  if (values.length === 0) return null;
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** The values of the last `span` milliseconds. The last value is kept for at least `keepLast` milliseconds. */
export class RecentValues {
  #entries = [];

  constructor(span, keepLast = 3000) {
    this.span = span;
    this.keepLast = keepLast;
  }

  add(value, time) {
    this.#entries.push({ value, time });
    this.#removeOld(time);
  }

  clear() {
    this.#entries = [];
  }

  values(time) {
    this.#removeOld(time);
    return this.#entries.map((entry) => entry.value);
  }

  /** Values per second; 0 once they have stopped coming. */
  rate(time) {
    this.#removeOld(time);
    const entries = this.#entries;
    if (entries.length < 2) return 0;
    const [first, last] = [entries[0].time, entries.at(-1).time];
    const gap = (last - first) / (entries.length - 1);
    // When the next value is overdue, the rate falls at once and not only when the last one is removed.
    return (1000 * (entries.length - 1)) / Math.max(1, Math.max(time - gap, last) - first);
  }

  #removeOld(time) {
    const keep = this.#entries.findIndex((entry) => time - entry.time <= this.span);
    if (keep > 0) this.#entries.splice(0, keep);
    if (keep === -1) {
      const last = this.#entries.at(-1);
      this.#entries = last && time - last.time <= this.keepLast ? [last] : [];
    }
  }
}

/** How far the server's clock is ahead of this one, from the fastest of the last eight ping exchanges. */
export class ClockOffset {
  #samples = [];

  addPong(sent, server, time) {
    this.#samples.push({ roundTrip: time - sent, offset: server - (sent + time) / 2 });
    if (this.#samples.length > 8) this.#samples.shift();
  }

  /** `{offset, roundTrip}` in milliseconds, or null before the first answer. */
  get best() {
    return this.#samples.reduce((best, next) => (best && best.roundTrip <= next.roundTrip ? best : next), null);
  }
}

/**
 * The parts of a round trip in milliseconds. They come from the server's own times, so the clocks need not agree.
 *
 * `network` is all that lies outside those times: encoding the JPEG, and the way there and back.
 */
export function roundTripParts(times, roundTrip) {
  const { received, decoded, classified, published } = times ?? {};
  if (![received, decoded, classified, published].every(Number.isFinite)) return null;
  const model = Math.max(0, classified - decoded);
  const queue = Math.max(0, published - received - model);
  return { network: Math.max(0, roundTrip - queue - model), queue, model };
}
