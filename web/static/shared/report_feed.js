// Fetches a report of the gateway again and again while the page is visible, and knows how old it is.

import { SILENT, STOPPED } from "./freshness.js";

const TIMEOUT_MS = 1500;
const TICK_MS = 200;

export class ReportFeed {
  report = null;
  every; // milliseconds between the beginnings of two requests
  #address;
  #calls;
  #failure = null;
  #askedAt = -Infinity;
  #receivedAt = null;
  #since = performance.now();
  #isAsking = false;

  /**
   * @param {string} address
   * @param {number} every
   * @param {{received: (report) => void, tick: (facts) => void}} calls `tick` is called five times a second, with the
   *   facts that `trouble` of freshness.js takes
   */
  constructor(address, every, calls) {
    this.#address = address;
    this.every = every;
    this.#calls = calls;
  }

  start() {
    document.addEventListener("visibilitychange", () => this.#begin());
    addEventListener("online", () => this.#begin());
    addEventListener("offline", () => this.#tick());
    setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  /** Milliseconds since the report came; null before the first one. */
  get age() {
    return this.#receivedAt === null ? null : performance.now() - this.#receivedAt;
  }

  #begin() {
    this.#since = performance.now();
    this.#askedAt = -Infinity;
    this.#failure = null;
    this.#tick();
  }

  #tick() {
    if (document.hidden) return;
    if (!this.#isAsking && performance.now() - this.#askedAt >= this.every) this.#ask();
    const waited = performance.now() - this.#since;
    this.#calls.tick({ online: navigator.onLine, age: this.age, failure: this.#failure, waited });
  }

  async #ask() {
    this.#isAsking = true;
    this.#askedAt = performance.now();
    let report = null;
    try {
      const answer = await fetch(this.#address, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (answer.ok) report = await answer.json();
      this.#failure = answer.ok ? null : answer.status;
    } catch (error) {
      this.#failure = error.name === "TimeoutError" ? SILENT : STOPPED;
    }
    this.#isAsking = false;
    if (report) {
      this.report = report;
      this.#receivedAt = performance.now();
      this.#calls.received(report);
    }
    this.#tick();
  }
}
