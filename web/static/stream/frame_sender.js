// Sends what is in the preview whenever credits and rate allow it, and counts the answers.

import { answered, fullWindow, superseded } from "./credit_window.js";
import { MAX_ECHOES, now, packHeader } from "./frame.js";
import { FrameCounts } from "./frame_counts.js";
import { RecentValues, median, roundTripParts } from "./measurements.js";
import { EXPIRED, SUPERSEDED } from "../shared/outcomes.js";
import {
  FPS,
  afterDrop,
  afterLabels,
  fullRate,
  nextDue,
  qualityFor,
  withLowerQuality,
  withoutRoundTrips,
} from "./rate_control.js";

const ROUND_TRIPS_KEPT = 512;

export class FrameSender {
  counts = new FrameCounts();
  last = null; // the newest answer that was shown
  roundTrips = [];
  maxFps = FPS.most; // the person's choice
  maxBytes = Infinity;
  ready = false; // there is a source, the server is connected and a model is served
  outcomes = new RecentValues(3000); // why frames got no labels; null for each that got some
  #window = fullWindow(1);
  #rate = fullRate();
  #due = -Infinity;
  #encoding = false;
  #echoes = [];
  #shown = new RecentValues(3000);
  #trips = new RecentValues(1000);
  #bytes = new RecentValues(2000, Infinity);
  #shownFrom = 0; // the first frame of the present source
  #content = 0; // changes with all that labels depend on: picture, model, connection
  #answered = -1; // the content that has labels
  #asked = new Map(); // sequence number -> content, of the frames in flight
  #single = new Map(); // sequence number -> what takes the answer, of the frames in flight that are not of the source

  /** `token` keeps the number of the last frame. */
  constructor(preview, socket, token) {
    this.preview = preview;
    this.socket = socket;
    this.token = token;
  }

  get #seq() {
    return this.token.sent;
  }

  set #seq(seq) {
    this.token.sent = seq;
  }

  /** A connection begins; `isSame` says that it resumes the session of the one before. */
  connected({ credits, seq, max_frame_bytes: maxBytes }, isSame) {
    if (!isSame) {
      this.counts.expireAll();
      this.#asked.clear();
      for (const seq of this.#single.keys()) this.#deliver({ type: "dropped", seq, reason: EXPIRED });
      this.#echoes = [];
    }
    this.#seq = Math.max(this.#seq, seq);
    this.maxBytes = maxBytes ?? Infinity;
    this.#restart(credits);
  }

  /** Another model answers from now on, and takes another time for it. */
  modelChanged() {
    this.#restart(this.#window.credits);
  }

  /** The preview shows another picture from now on. */
  pictureChanged() {
    this.#content += 1;
  }

  /** Frames of another source follow, or of none: what comes for earlier ones is counted, but not shown. */
  sourceChanged() {
    this.pictureChanged();
    this.outcomes.clear();
    this.#shownFrom = this.#seq + 1;
  }

  /** Whether the newest labels are those of what the preview shows. */
  get isCurrent() {
    return this.#answered === this.#content;
  }

  #restart(credits) {
    this.pictureChanged();
    this.#window = fullWindow(credits);
    this.#rate = withoutRoundTrips(this.#rate);
  }

  /** Sends what the preview shows if a frame is due and may be sent, and this one has no labels and awaits none. */
  async offer(source) {
    const isBusy = this.#encoding || !this.hasRoom;
    if (isBusy || !this.ready || this.isCurrent || [...this.#asked.values()].includes(this.#content)) return;
    const due = nextDue(this.#due, performance.now(), this.#targetFps(source));
    if (due === null) return;
    this.#due = due;
    const captured = now();
    const [content, shownFrom] = [this.#content, this.#shownFrom];
    this.#encoding = true;
    try {
      const jpeg = await this.preview.encode(qualityFor(source, this.#rate));
      if (jpeg && this.ready && shownFrom === this.#shownFrom && this.#send(captured, jpeg)) {
        this.#asked.set(this.#seq, content);
      }
    } finally {
      this.#encoding = false;
    }
  }

  /** Whether one more frame may be in flight. */
  get hasRoom() {
    return this.counts.pending < this.#window.size;
  }

  /**
   * Sends a JPEG that is no frame of the source. Resolves with its message of type "labels" or "dropped", which is
   * not shown; with null if it could not be sent now.
   */
  async sendOnce(captured, jpeg) {
    if (jpeg === null || !this.#send(captured, jpeg)) return null;
    return new Promise((resolve) => this.#single.set(this.#seq, resolve));
  }

  /** Hands an answer to the one who waits for it; returns whether there is one. */
  #deliver(message) {
    const resolve = this.#single.get(message.seq);
    this.#single.delete(message.seq);
    resolve?.(message);
    return resolve !== undefined;
  }

  #targetFps(source) {
    return Math.min(this.#rate.fps, this.maxFps, source?.maxFps ?? FPS.most);
  }

  /** Whether the frame was sent; it then has the number `#seq`. */
  #send(captured, jpeg) {
    const message = new Blob([packHeader(this.#seq + 1, captured, this.#echoes), jpeg]);
    if (message.size > this.maxBytes) {
      this.frameTooLarge();
      return false;
    }
    if (!this.socket.send(message)) return false;
    this.#seq += 1;
    this.#echoes = [];
    this.counts.addSent(this.#seq, captured);
    this.#bytes.add(message.size, performance.now());
    return true;
  }

  /** Counts labels, and calls `show(message)` when they are the newest. */
  receiveLabels(message, show) {
    const isNewest = message.seq > (this.last?.seq ?? 0);
    const captured = this.counts.addAnswer(message.seq, message.labels, !isNewest);
    if (captured === null) return;
    const isSingle = this.#deliver(message);
    const content = isSingle ? null : this.#settle(message.seq, null);
    const isShown = !isSingle && isNewest && message.seq >= this.#shownFrom;
    if (isShown) {
      this.#answered = content;
      this.last = { seq: message.seq, labels: message.labels, model: message.model, version: message.version };
      show(message);
    }
    const roundTrip = now() - captured;
    this.#window = answered(this.#window);
    this.#rate = afterLabels(this.#rate, roundTrip, performance.now());
    if (isShown) this.#measure(message, roundTrip);
  }

  #settle(seq, outcome) {
    const content = this.#asked.get(seq);
    this.#asked.delete(seq);
    if (seq >= this.#shownFrom) this.outcomes.add(outcome, performance.now());
    return content;
  }

  #measure({ seq, times }, roundTrip) {
    const time = performance.now();
    this.#shown.add(seq, time);
    this.#trips.add({ roundTrip, parts: roundTripParts(times, roundTrip) }, time);
    this.#echoes = [...this.#echoes, [seq, roundTrip]].slice(-MAX_ECHOES);
    this.roundTrips.push(roundTrip);
    if (this.roundTrips.length > ROUND_TRIPS_KEPT) this.roundTrips.shift();
  }

  /** Counts a drop; one message may be about several frames. */
  receiveDrop({ seq, also = [], reason, message }) {
    for (const each of [seq, ...also]) {
      if (!this.counts.addDrop(each, reason)) continue;
      if (!this.#deliver({ type: "dropped", seq: each, reason, message })) this.#settle(each, reason);
      if (reason === SUPERSEDED) this.#window = superseded(this.#window);
      this.#rate = afterDrop(this.#rate, reason, performance.now());
    }
  }

  frameTooLarge() {
    this.#rate = withLowerQuality(this.#rate);
  }

  /** What the page shows about speed, with `source` as the one that is sent. */
  speed(source) {
    const time = performance.now();
    const trips = this.#trips.values(time);
    const parts = trips.map((trip) => trip.parts).filter(Boolean);
    return {
      fps: this.#shown.rate(time),
      latency: median(trips.map((trip) => trip.roundTrip)),
      parts: parts.length
        ? Object.fromEntries(Object.keys(parts[0]).map((key) => [key, median(parts.map((each) => each[key]))]))
        : null,
      target: this.#targetFps(source),
      quality: qualityFor(source, this.#rate),
      bytes: median(this.#bytes.values(time)),
      window: this.#window.size,
    };
  }
}
