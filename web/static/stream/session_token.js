// The token with which this tab resumes its session, and the number of the session's last frame: a gateway that does not
// know the session cannot say it. Both survive a reload and are never shared with another tab.
//
// A duplicated tab gets a copy of sessionStorage. So the token is in the storage only while no page is loaded: it is
// read and removed when the page loads, and stored when the page goes away. Where a browser forbids storage, the page has
// a new session after every load.

import { valueOrNull } from "../shared/storage.js";

const KEY = "sightstream-token";

export class SessionToken {
  value = null;
  sent = 0; // the number of the last frame

  constructor(storage = valueOrNull(() => sessionStorage)) {
    this.storage = storage;
    this.#load();
    const stored = () => `${this.value} ${this.sent}`;
    addEventListener("pagehide", () => this.value && valueOrNull(() => storage.setItem(KEY, stored())));
    addEventListener("pageshow", (event) => event.persisted && this.#load());
  }

  #load() {
    const [value, sent] = (valueOrNull(() => this.storage.getItem(KEY)) ?? "").split(" ");
    if (value) this.value = value;
    if (sent) this.sent = Number(sent);
    valueOrNull(() => this.storage.removeItem(KEY));
  }
}
