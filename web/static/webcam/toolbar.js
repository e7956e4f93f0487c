// The buttons on the picture. Each is there only where it can do something.

import { Fullscreen } from "./fullscreen.js";
import { remember, remembered } from "./preferences.js";
import { Viewfinder } from "./viewfinder.js";

const ON = "on";

export class Toolbar {
  #source = null;
  #cameras = [];

  /**
   * @param {(id: string) => HTMLElement} at
   * @param {{frame(source): void, changed(): void, openCamera(which: object): void,
   *   load(part: () => Promise<object>): Promise<object | null>,
   *   answer(): {headline: string, labels: Array<object>, model: string}}} page
   *   `changed` is called when something else is shown than before, `load` loads a part of the page, `answer` gives what
   *   the page says of the picture
   */
  constructor(at, page) {
    this.at = at;
    this.page = page;
    this.viewfinder = new Viewfinder(at("picture"), at("video"), at("still"));
    this.fullscreen = new Fullscreen(at("first-screen"), () => this.#refresh());
    const click = (id, act) => at(id).addEventListener("click", act);
    click("other-camera", () => page.openCamera(otherCamera(this.#source, this.#cameras)));
    click("mirror", () => this.#mirror(!this.viewfinder.mirrored));
    click("freeze", () => this.#freeze(!this.#source.held));
    click("snapshot", () => this.#takeSnapshot());
    click("network-view", () => this.#showNetwork(!this.viewfinder.network));
    click("fullscreen", () => this.fullscreen.toggle());
  }

  /** The source that is shown now, or null, and the model that answers, or null. */
  show(source, model) {
    const isOther = source !== this.#source;
    this.#source = source;
    if (isOther) {
      this.viewfinder.mirrored = source?.kind === "camera" && isMirrored(source.facing);
    }
    this.viewfinder.show(source, model);
    if (isOther && source?.kind === "video") this.#showPlayer();
    this.#refresh();
  }

  set cameras(cameras) {
    this.#cameras = cameras;
    this.#refresh();
  }

  #mirror(mirrored) {
    this.viewfinder.mirrored = mirrored;
    remember(`mirror-${this.#source.facing}`, mirrored ? ON : "off");
    this.#refresh();
  }

  /** What the network gets stands still, too: the labels become those of the frame that is shown. */
  #freeze(held) {
    this.#source.held = held;
    if (held) this.viewfinder.hold();
    else this.viewfinder.release();
    this.page.frame(this.#source);
    this.#changed();
  }

  #showNetwork(network) {
    this.viewfinder.network = network;
    this.#changed();
  }

  async #takeSnapshot() {
    const shown = { ...this.viewfinder.shown, ...this.page.answer(), time: new Date() };
    const part = await this.page.load(() => import("./snapshot.js"));
    await part?.showSnapshot(shown);
  }

  async #showPlayer() {
    const part = await this.page.load(() => import("./player.js"));
    if (part && !this.at("player").hasChildNodes()) part.createPlayer(this.at("player"), this.at("video"));
  }

  #changed() {
    this.#refresh();
    this.page.changed();
  }

  #refresh() {
    const isCamera = this.#source?.kind === "camera";
    const { activeElement } = document;
    this.at("toolbar").hidden = !this.#source;
    this.at("player").hidden = this.#source?.kind !== "video";
    this.#showButton("other-camera", isCamera && this.#cameras.length > 1);
    this.#showButton("mirror", isCamera && !this.viewfinder.network, this.viewfinder.mirrored);
    this.#showButton("freeze", isCamera, this.#source?.held ?? false);
    this.#showButton("snapshot", true);
    this.#showButton("network-view", true, this.viewfinder.network);
    this.#showButton("fullscreen", this.fullscreen.available, this.fullscreen.on);
    if (activeElement?.closest("[hidden]")) this.at("start").focus(); // the focus is never lost
  }

  #showButton(id, isThere, isPressed) {
    this.at(id).hidden = !isThere;
    if (isPressed !== undefined) this.at(id).ariaPressed = isPressed;
  }
}

/** A camera that faces the person is shown as in a mirror, until the person chooses otherwise. */
function isMirrored(facing) {
  return (remembered(`mirror-${facing}`) ?? (facing === "user" ? ON : "off")) === ON;
}

/** On a phone the camera that faces the other way; else the next one. */
function otherCamera({ facing, camera }, cameras) {
  const next = cameras[(cameras.findIndex(({ id }) => id === camera) + 1) % cameras.length].id;
  return { id: next, facing: { user: "environment", environment: "user" }[facing] };
}
