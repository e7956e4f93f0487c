// The five labels with their bars. The rows are created once; only their texts and widths change.

import { setText } from "../shared/elements.js";
import { percent, readable } from "../shared/format.js";

const ROWS = 5;

export class LabelList {
  labels = []; // that are shown
  #rows;

  /** Fills `list`, an <ol>. */
  constructor(list) {
    this.list = list;
    this.#rows = Array.from({ length: ROWS }, () => createRow(list));
  }

  show(labels) {
    this.labels = labels;
    this.#rows.forEach(({ name, share, bar }, i) => {
      const label = labels[i];
      setText(name, label ? readable(label.label) : "");
      setText(share, label ? percent(label.probability) : "");
      bar.style.setProperty("--share", label ? label.probability.toFixed(3) : "0");
    });
  }

  clear() {
    this.show([]);
    for (const { name } of this.#rows) setText(name, "–");
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
