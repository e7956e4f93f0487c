// The WebSocket, held open: it reconnects by itself, and says what state it is in.

const PATIENCE_MS = 15_000; // for a welcome, and for the answer to a ping
const PING_MS = 4_000;
const EAGER_PINGS = 3;
const SETTLED_MS = 5_000;

/**
 * What a close code asks for: "stop", "anew" (without the token), "smaller" frames, or just "again".
 *
 * 4409 says that another tab goes on with this session: this one then starts its own.
 */
export function afterClose(code) {
  if (code === 1008 || code === 4400) return "stop";
  if (code === 4401 || code === 4409) return "anew";
  if (code === 1009) return "smaller";
  return "again";
}

/** Exponential backoff with full jitter: 0.25 s to 0.5 s at first, 0.25 s to 10 s in the end. */
export function backoff(attempt, random = Math.random()) {
  return 250 + random * (Math.min(10_000, 500 * 2 ** attempt) - 250);
}

export class Socket {
  #ws = null;
  #attempt = 0;
  #timer = 0;
  #pinger = 0;
  #welcomed = 0;
  #heard = 0;
  #pinged = 0;
  #pongs = 0;

  /**
   * @param {() => string} address where to connect, asked before every attempt
   * @param {() => object} ping what to ask the server every few seconds
   * @param {{word(message): void, state(name: string, reason?: string): void, closed(next: string): void}} on
   *   states are "connecting", "open" (the server said welcome), "waiting" (for the next attempt) and "refused"
   */
  constructor(address, ping, on) {
    this.address = address;
    this.ping = ping;
    this.on = on;
    this.state = "waiting";
  }

  /** Connects now, whether connected or not. */
  open() {
    this.#drop();
    this.#enter("connecting");
    const ws = new WebSocket(this.address());
    this.#ws = ws;
    this.#timer = setTimeout(() => this.#lost(1006, ""), PATIENCE_MS);
    ws.onmessage = (event) => ws === this.#ws && this.#read(event.data);
    ws.onclose = (event) => ws === this.#ws && this.#lost(event.code, event.reason);
  }

  /** Connects now if it was waiting to: the network is back, or the person is. */
  hurry() {
    if (this.state === "waiting") this.open();
  }

  /** Whether the bytes went on their way. */
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
    if (message.type === "welcome") {
      clearTimeout(this.#timer);
      this.#welcomed = this.#heard;
      this.#enter("open");
      this.#ping();
      this.#pinger = setInterval(() => this.#ping(), PING_MS);
    }
    // The first answers are asked for at once: they tell by how much the clocks differ.
    if (message.type === "pong" && this.#pongs++ < EAGER_PINGS) this.#ping();
    this.on.word(message);
  }

  // A connection that died without a word looks open: a ping that stays unanswered tells.
  #ping() {
    if (this.#pinged > this.#heard && performance.now() - this.#pinged > PATIENCE_MS) {
      this.#lost(1006, "");
      return;
    }
    if (this.#pinged <= this.#heard) this.#pinged = performance.now();
    this.send(JSON.stringify(this.ping()));
  }

  #lost(code, reason) {
    const lasted = this.state === "open" && performance.now() - this.#welcomed > SETTLED_MS;
    this.#drop();
    const next = afterClose(code);
    this.on.closed(next);
    if (next === "stop") {
      this.#enter("refused", reason);
      return;
    }
    const attempt = lasted ? 0 : this.#attempt;
    this.#attempt = attempt + 1;
    this.#timer = setTimeout(() => this.open(), backoff(attempt));
    this.#enter("waiting");
  }

  #drop() {
    clearTimeout(this.#timer);
    clearInterval(this.#pinger);
    const ws = this.#ws;
    this.#ws = null;
    this.#pinged = 0;
    this.#pongs = 0;
    ws?.close();
  }

  #enter(state, reason) {
    this.state = state;
    this.on.state(state, reason);
  }
}
