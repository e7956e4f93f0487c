// The five labels with their bars. The rows are made once; only their texts and widths change.

const ANNOUNCE_MS = 2000;

/** "golden_retriever" as people write it. */
export function spoken(label) {
  return label.replaceAll("_", " ");
}

/** 0.873 as "87 %"; never "0 %" for something that was seen. */
export function percent(probability) {
  const value = Math.round(probability * 100);
  return value < 1 ? "<1\u00a0%" : `${value}\u00a0%`;
}

export class LabelList {
  #rows;
  #said = "";
  #saidAt = -Infinity;

  /** Fills `list`, an <ol>; `voice` is a live region for those who listen. */
  constructor(list, voice) {
    this.list = list;
    this.voice = voice;
    this.#rows = Array.from({ length: 5 }, () => row(list));
  }

  show(labels, time) {
    this.list.classList.remove("resting");
    this.#rows.forEach(({ name, share, bar }, i) => {
      const label = labels[i];
      write(name, label ? spoken(label.label) : "");
      write(share, label ? percent(label.probability) : "");
      bar.style.setProperty("--share", label ? label.probability.toFixed(3) : "0");
    });
    if (labels.length > 0) this.#say(spoken(labels[0].label), time);
  }

  /** Nothing is looked at any more: the last labels stay, dimmed. */
  rest() {
    this.list.classList.add("resting");
  }

  // A voice that reads thirty labels a second says nothing: only a change is said, and not too often.
  #say(text, time) {
    if (text === this.#said || time - this.#saidAt < ANNOUNCE_MS) return;
    this.#said = text;
    this.#saidAt = time;
    this.voice.textContent = text;
  }
}

function row(list) {
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

/** Text that did not change is not written, so that nothing is laid out again for it. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
