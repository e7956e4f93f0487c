// Shows a page's state: its title in the header, and why the figures below are not what happens now.

import { setText } from "./elements.js";
import { duration } from "./format.js";
import { t } from "./texts.js";

/**
 * @param {{name: string, title: string, text: string, current?: boolean, age?: number | null}} state
 *   `current`: the figures are what happens now; `age`: else, their age in milliseconds, where it is to be said
 */
export function showState({ name, title, text, current = false, age = null }) {
  const at = (id) => document.getElementById(id);
  at("state").dataset.state = at("board").dataset.state = name;
  at("board").classList.toggle("outdated", !current);
  setText(at("state"), title);
  setText(at("why"), text);
  setText(at("as-of"), age === null ? "" : t("These figures are from {time} ago.", { time: duration(age) }));
}
