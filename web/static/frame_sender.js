// Frames out, answers in: sends what is in the preview whenever the flow allows, and books what comes back.

import { begin, answered, dropped, granted, pace, smaller, FPS } from "./flow.js";
import { packHeader, now, MAX_ECHOES } from "./frame.js";
import { Ledger } from "./ledger.js";
import { Recent, hops, median } from "./meters.js";

const ROUND_TRIPS_KEPT = 512;

export class Sender {
  ledger = new Ledger();
  last = null;
  roundTrips = [];
  cap = FPS.most;
  maxBytes = Infinity;
  ready = false; // something is looked at, a server listens and a model is served
  #flow = begin(1);
  #seq = 0;
  #due = -Infinity;
  #encoding = false;
  #echoes = [];
  #shown = new Recent(3000);
  #trips = new Recent(1000);
  #bytes = new Recent(2000, Infinity);

  constructor(preview, socket) {
    this.preview = preview;
    this.socket = socket;
  }

  /** A welcome: `isSame` when it resumes the session that was. */
  welcome({ credits, seq, max_frame_bytes: maxBytes }, isSame) {
    if (!isSame) {
      this.ledger.abandon();
      this.#echoes = [];
    }
    this.#seq = Math.max(this.#seq, seq);
    this.maxBytes = maxBytes ?? Infinity;
    this.#flow = granted(this.#flow, credits);
  }

  /** Another model answers from now on, in its own time. */
  modelChanged() {
    this.#flow = granted(this.#flow, this.#flow.credits);
  }

  /** A new frame is in the preview: sends it, if one is due and may go. */
  async offer(source) {
    const busy = this.#encoding || this.ledger.pending >= this.#flow.window;
    if (busy || !this.ready) return;
    const due = pace(this.#due, performance.now(), Math.min(this.#flow.fps, this.cap, source.most));
    if (due === null) return;
    this.#due = due;
    const captured = now();
    this.#encoding = true;
    try {
      const jpeg = await this.preview.encode(this.#flow.quality);
      if (jpeg && this.ready) this.#send(captured, jpeg);
    } finally {
      this.#encoding = false;
    }
  }

  #send(captured, jpeg) {
    const message = new Blob([packHeader(this.#seq + 1, captured, this.#echoes), jpeg]);
    if (message.size > this.maxBytes) {
      this.tooLarge();
      return;
    }
    if (!this.socket.send(message)) return;
    this.#seq += 1;
    this.#echoes = [];
    this.ledger.send(this.#seq, captured);
    this.#bytes.add(message.size, performance.now());
  }

  /** Labels arrived. Returns whether they are the newest, and so to be shown. */
  labels(message, show) {
    const isNewest = message.seq > (this.last?.seq ?? 0);
    const captured = this.ledger.answer(message.seq, message.labels, !isNewest);
    if (captured === null) return;
    if (isNewest) {
      this.last = { seq: message.seq, labels: message.labels, model: message.model, version: message.version };
      show(message);
    }
    const roundTrip = now() - captured;
    this.#flow = answered(this.#flow, roundTrip, performance.now());
    if (isNewest) this.#measured(message, roundTrip);
  }

  #measured({ seq, times }, roundTrip) {
    const time = performance.now();
    this.#shown.add(seq, time);
    this.#trips.add({ roundTrip, hops: hops(times, roundTrip) }, time);
    this.#echoes = [...this.#echoes, [seq, roundTrip]].slice(-MAX_ECHOES);
    this.roundTrips.push(roundTrip);
    if (this.roundTrips.length > ROUND_TRIPS_KEPT) this.roundTrips.shift();
  }

  dropped({ seq, also = [], reason }) {
    for (const each of [seq, ...also]) {
      if (this.ledger.drop(each, reason)) this.#flow = dropped(this.#flow, reason, performance.now());
    }
  }

  tooLarge() {
    this.#flow = smaller(this.#flow);
  }

  /** What the meters show now, with `source` before the preview. */
  rates(source) {
    const time = performance.now();
    const trips = this.#trips.values(time);
    const parts = trips.map((trip) => trip.hops).filter(Boolean);
    return {
      fps: this.#shown.rate(time),
      latency: median(trips.map((trip) => trip.roundTrip)),
      hops: parts.length
        ? Object.fromEntries(Object.keys(parts[0]).map((key) => [key, median(parts.map((part) => part[key]))]))
        : null,
      target: Math.min(this.#flow.fps, this.cap, source?.most ?? FPS.most),
      quality: this.#flow.quality,
      bytes: median(this.#bytes.values(time)),
      window: this.#flow.window,
    };
  }
}
