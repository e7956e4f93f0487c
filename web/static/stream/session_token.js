// The token with which this tab resumes its session. It survives a reload and is never shared with another tab.
//
// A duplicated tab gets a copy of sessionStorage. So the token is in the storage only while no page is loaded: it is
// read and removed when the page loads, and stored when the page goes away. Where a browser forbids storage, the page has
// a new session after every load.

import { valueOrNull } from "../shared/storage.js";

const KEY = "sightstream-token";

export class SessionToken {
  value = null;

  constructor(storage = valueOrNull(() => sessionStorage)) {
    this.storage = storage;
    this.#load();
    addEventListener("pagehide", () => this.value && valueOrNull(() => storage.setItem(KEY, this.value)));
    addEventListener("pageshow", (event) => event.persisted && this.#load());
  }

  #load() {
    this.value = valueOrNull(() => this.storage.getItem(KEY)) ?? this.value;
    valueOrNull(() => this.storage.removeItem(KEY));
  }
}
