// What the page says in large letters: the settled label, or that the model is not sure.

import { isNoneOfThese, readable } from "../shared/format.js";
import { t } from "../shared/texts.js";

export class Headline {
  #seen = new Set(); // labels that this source and this model have given

  /** Another source or another model follows. */
  clear() {
    this.#seen.clear();
  }

  /**
   * The headline for a message with labels.
   *
   * The server smooths labels over all frames of a session. So a settled label counts only once the present source has
   * given it: until then it may be that of the source before. A picture that stands still needs no smoothing.
   *
   * @param {{labels: Array<{label: string, probability: number}>, steady?: {label: string, probability: number}}} message
   * @param {{isStill: boolean, unsureBelow: number}} options `unsureBelow` is the probability below which the model is
   *   wrong more often than right
   */
  of({ labels, steady }, { isStill, unsureBelow }) {
    for (const { label } of labels) this.#seen.add(label);
    const { label, probability } = !isStill && steady && this.#seen.has(steady.label) ? steady : (labels[0] ?? {});
    if (label === undefined) return t("Nothing seen yet");
    if (isNoneOfThese(label)) return t("None of these");
    if (probability < unsureBelow) return t("Not sure");
    return t("Mostly: {label}", { label: readable(label) });
  }
}
