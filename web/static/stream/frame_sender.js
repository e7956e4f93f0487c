// Sends what is in the preview whenever credits and rate allow it, and counts the answers.

import { answered, fullWindow, superseded } from "./credit_window.js";
import { MAX_ECHOES, now, packHeader } from "./frame.js";
import { FrameCounts } from "./frame_counts.js";
import { RecentValues, median, roundTripParts } from "./measurements.js";
import { SUPERSEDED } from "../shared/outcomes.js";
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
  #window = fullWindow(1);
  #rate = fullRate();
  #seq = 0;
  #due = -Infinity;
  #encoding = false;
  #echoes = [];
  #shown = new RecentValues(3000);
  #trips = new RecentValues(1000);
  #bytes = new RecentValues(2000, Infinity);

  constructor(preview, socket) {
    this.preview = preview;
    this.socket = socket;
  }

  /** A connection begins; `isSame` says that it resumes the session of the one before. */
  connected({ credits, seq, max_frame_bytes: maxBytes }, isSame) {
    if (!isSame) {
      this.counts.expireAll();
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

  #restart(credits) {
    this.#window = fullWindow(credits);
    this.#rate = withoutRoundTrips(this.#rate);
  }

  /** The preview has a new frame: sends it if one is due and may be sent. */
  async offer(source) {
    const isBusy = this.#encoding || this.counts.pending >= this.#window.size;
    if (isBusy || !this.ready) return;
    const due = nextDue(this.#due, performance.now(), this.#targetFps(source));
    if (due === null) return;
    this.#due = due;
    const captured = now();
    this.#encoding = true;
    try {
      const jpeg = await this.preview.encode(qualityFor(source, this.#rate));
      if (jpeg && this.ready) this.#send(captured, jpeg);
    } finally {
      this.#encoding = false;
    }
  }

  #targetFps(source) {
    return Math.min(this.#rate.fps, this.maxFps, source?.maxFps ?? FPS.most);
  }

  #send(captured, jpeg) {
    const message = new Blob([packHeader(this.#seq + 1, captured, this.#echoes), jpeg]);
    if (message.size > this.maxBytes) {
      this.frameTooLarge();
      return;
    }
    if (!this.socket.send(message)) return;
    this.#seq += 1;
    this.#echoes = [];
    this.counts.addSent(this.#seq, captured);
    this.#bytes.add(message.size, performance.now());
  }

  /** Counts labels, and calls `show(message)` when they are the newest. */
  receiveLabels(message, show) {
    const isNewest = message.seq > (this.last?.seq ?? 0);
    const captured = this.counts.addAnswer(message.seq, message.labels, !isNewest);
    if (captured === null) return;
    if (isNewest) {
      this.last = { seq: message.seq, labels: message.labels, model: message.model, version: message.version };
      show(message);
    }
    const roundTrip = now() - captured;
    this.#window = answered(this.#window);
    this.#rate = afterLabels(this.#rate, roundTrip, performance.now());
    if (isNewest) this.#measure(message, roundTrip);
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
  receiveDrop({ seq, also = [], reason }) {
    for (const each of [seq, ...also]) {
      if (!this.counts.addDrop(each, reason)) continue;
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
