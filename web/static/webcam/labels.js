// The five labels with their bars. The rows are created once; only their texts and widths change.

import { setText } from "../shared/elements.js";
import { percent, readable } from "../shared/format.js";

const ROWS = 5;
const ANNOUNCE_EVERY_MS = 2000;

export class LabelList {
  #rows;
  #announced = "";
  #announcedAt = -Infinity;

  /** Fills `list`, an <ol>; `announcer` is a live region for screen readers. */
  constructor(list, announcer) {
    this.list = list;
    this.announcer = announcer;
    this.#rows = Array.from({ length: ROWS }, () => createRow(list));
  }

  show(labels, time) {
    this.list.classList.remove("inactive");
    this.#rows.forEach(({ name, share, bar }, i) => {
      const label = labels[i];
      setText(name, label ? readable(label.label) : "");
      setText(share, label ? percent(label.probability) : "");
      bar.style.setProperty("--share", label ? label.probability.toFixed(3) : "0");
    });
    if (labels.length > 0) this.#announce(readable(labels[0].label), time);
  }

  /** The source has stopped: the last labels stay, dimmed. */
  dim() {
    this.list.classList.add("inactive");
  }

  // A screen reader cannot follow thirty labels a second: only changes are announced, at most one in two seconds.
  #announce(text, time) {
    if (text === this.#announced || time - this.#announcedAt < ANNOUNCE_EVERY_MS) return;
    this.#announced = text;
    this.#announcedAt = time;
    this.announcer.textContent = text;
  }
}

function createRow(list) {
  const item = document.createElement("li");
  const [name, share, bar] = ["name", "share", "bar"].map((kind) => {
    const part = document.createElement("span");
    part.className = kind;
    return part;
  });
  bar.setAttribute("aria-hidden", "true");
  name.textContent = "–";
  item.append(name, share, bar);
  list.append(item);
  return { name, share, bar };
}
