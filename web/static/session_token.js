// The token that lets this tab resume its session, kept over a reload and never shared with another tab.
//
// A duplicated tab gets a copy of sessionStorage, so while the page lives the token is not in it: it is taken
// out when the page loads and put back when the page goes.

const KEY = "sightstream-token";

export class Pass {
  token = null;

  constructor(storage = readable(() => sessionStorage)) {
    this.storage = storage;
    this.#take();
    addEventListener("pagehide", () => this.token && readable(() => storage.setItem(KEY, this.token)));
    addEventListener("pageshow", (event) => event.persisted && this.#take());
  }

  #take() {
    this.token = readable(() => this.storage.getItem(KEY)) ?? this.token;
    readable(() => this.storage.removeItem(KEY));
  }
}

/** A browser may forbid storage; the page then lives with one session per load. */
function readable(read) {
  try {
    return read();
  } catch {
    return null;
  }
}
