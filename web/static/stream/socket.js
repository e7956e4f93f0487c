// The WebSocket: it reconnects by itself and reports its state.

const TIMEOUT_MS = 15_000; // for the welcome, and for the answer to a ping
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
  #received = 0; // when the last message came
  #pinged = 0; // when the first ping without an answer was sent
  #pongs = 0;

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
    this.#received = performance.now();
    if (message.type === "welcome") {
      clearTimeout(this.#timer);
      this.#opened = this.#received;
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
    if (this.#pinged > this.#received && performance.now() - this.#pinged > TIMEOUT_MS) {
      this.#lost(1006, "");
      return;
    }
    if (this.#pinged <= this.#received) this.#pinged = performance.now();
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
    const attempt = wasStable ? 0 : this.#attempt;
    this.#attempt = attempt + 1;
    this.#timer = setTimeout(() => this.open(), backoff(attempt));
    this.#setState("waiting");
  }

  #close() {
    clearTimeout(this.#timer);
    clearInterval(this.#pingTimer);
    const ws = this.#ws;
    this.#ws = null;
    this.#pinged = 0;
    this.#pongs = 0;
    ws?.close();
  }

  #setState(state, reason) {
    this.state = state;
    this.on.state(state, reason);
  }
}
