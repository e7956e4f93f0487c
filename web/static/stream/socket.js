// The WebSocket: it reconnects by itself and reports its state.

const TIMEOUT_MS = 8_000; // for the welcome, and for the answer to a ping: a phone network may stall for seconds
const CHECK_MS = 5_000; // for the answer to a ping, after the network has changed or the page was hidden
const PING_MS = 4_000;
const FIRST_PINGS = 3;
const STABLE_MS = 5_000; // a connection that lasted longer starts the backoff again

/**
 * What to do after a close code: "stop", connect without the token ("new session"), send "smaller frames", or only
 * "reconnect".
 *
 * 4409 says that another tab uses this session: this tab then starts its own.
 */
export function afterClose(code) {
  if (code === 1008 || code === 4400 || code === 4403) return "stop";
  if (code === 4401 || code === 4409) return "new session";
  if (code === 1009) return "smaller frames";
  return "reconnect";
}

/** Exponential backoff with jitter, in milliseconds: 250 to 500 at first, 250 to 10,000 in the end. */
export function backoff(attempt, random = Math.random()) {
  return 250 + random * (Math.min(10_000, 500 * 2 ** attempt) - 250);
}

export class Socket {
  #ws = null;
  #attempt = 0;
  #timer = 0;
  #pingTimer = 0;
  #opened = 0; // when the welcome came
  #pongs = 0;
  #since = 0; // when the state began
  #failed = false; // whether the last attempt to connect failed, or the connection broke off
  #retryAt = 0; // when the next attempt to connect begins
  #heard = 0; // when the last message came
  #asked = 0; // when the first ping was sent that nothing has come after; 0 for none

  /**
   * @param {() => string} address gives the address for every attempt to connect
   * @param {() => string[]} protocols gives the subprotocols that are offered then
   * @param {() => object} ping gives the ping message that is sent every few seconds
   * @param {{message(message: object): void, state(name: string, reason?: string): void,
   *   closed(next: string): void}} on
   *   states are "connecting", "open" (the welcome came), "waiting" (for the next attempt) and "refused"
   */
  constructor(address, protocols, ping, on) {
    this.address = address;
    this.protocols = protocols;
    this.ping = ping;
    this.on = on;
    this.state = "waiting";
  }

  /** Connects now, and closes the connection that there may be. */
  open() {
    this.#close();
    this.#setState("connecting");
    const ws = new WebSocket(this.address(), this.protocols());
    this.#ws = ws;
    this.#timer = setTimeout(() => this.#lost(1006, ""), TIMEOUT_MS);
    ws.onmessage = (event) => ws === this.#ws && this.#read(event.data);
    ws.onclose = (event) => ws === this.#ws && this.#lost(event.code, event.reason);
  }

  /** Connects now if the next attempt is waited for: the network or the person is back. */
  reconnectNow() {
    if (this.state === "waiting") this.open();
  }

  /** The network or the person is back: connects now, or finds out soon whether the connection still works. */
  check() {
    this.reconnectNow();
    if (this.state !== "open") return;
    this.askNow();
    const asked = this.#asked;
    setTimeout(() => asked > 0 && asked === this.#asked && this.#lost(1006, ""), CHECK_MS);
  }

  /** Sends a ping, unless the answer to an earlier one is still awaited. */
  askNow() {
    if (this.state === "open" && this.#asked === 0) this.#ping();
  }

  /**
   * What is known of the connection: its state and since when; whether it broke off or could not be made; when the next
   * attempt begins; when the last message came; since when the answer to a ping is awaited (0 for none).
   */
  get facts() {
    return {
      state: this.state,
      since: this.#since,
      failed: this.#failed,
      retryAt: this.#retryAt,
      heard: this.#heard,
      asked: this.#asked,
    };
  }

  /** Whether the bytes were handed to an open connection. */
  send(bytes) {
    if (this.state !== "open" || this.#ws.readyState !== WebSocket.OPEN) return false;
    this.#ws.send(bytes);
    return true;
  }

  #read(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    this.#heard = performance.now();
    this.#asked = 0;
    if (message.type === "welcome") {
      clearTimeout(this.#timer);
      this.#opened = this.#heard;
      this.#failed = false;
      this.#setState("open");
      this.#ping();
      this.#pingTimer = setInterval(() => this.#ping(), PING_MS);
    }
    // The first pings follow each other at once: their answers give the difference between the clocks.
    if (message.type === "pong" && this.#pongs++ < FIRST_PINGS) this.#ping();
    this.on.message(message);
  }

  // A connection may end without a close event. It then still looks open, but a ping gets no answer.
  #ping() {
    if (this.#asked > 0 && performance.now() - this.#asked > TIMEOUT_MS) {
      this.#lost(1006, "");
      return;
    }
    if (this.#asked === 0) this.#asked = performance.now();
    this.send(JSON.stringify(this.ping()));
  }

  #lost(code, reason) {
    const wasStable = this.state === "open" && performance.now() - this.#opened > STABLE_MS;
    this.#close();
    const next = afterClose(code);
    this.on.closed(next);
    if (next === "stop") {
      this.#setState("refused", reason);
      return;
    }
    this.#failed = true;
    const attempt = wasStable ? 0 : this.#attempt;
    this.#attempt = attempt + 1;
    const wait = backoff(attempt);
    this.#timer = setTimeout(() => this.open(), wait);
    this.#retryAt = performance.now() + wait;
    this.#setState("waiting", reason);
  }

  #close() {
    clearTimeout(this.#timer);
    clearInterval(this.#pingTimer);
    const ws = this.#ws;
    this.#ws = null;
    this.#asked = 0;
    this.#pongs = 0;
    ws?.close();
  }

  #setState(state, reason) {
    if (state !== this.state) this.#since = performance.now();
    this.state = state;
    this.on.state(state, reason);
  }
}
