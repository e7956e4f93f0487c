// What the person chose (model, camera, rate, mirror) is stored for the next visit, if the browser allows it.

import { valueOrNull } from "../shared/storage.js";

const PREFIX = "sightstream-";

/** The remembered choice `name`, or null. What it names may be gone: a model, a camera. */
export function remembered(name) {
  return valueOrNull(() => localStorage.getItem(PREFIX + name));
}

export function remember(name, value) {
  valueOrNull(() => localStorage.setItem(PREFIX + name, value));
}

/** Remembers what is chosen in `select`, and chooses again what was chosen on the visit before. */
export function rememberChoice(select, name) {
  select.addEventListener("change", () => remember(name, select.value));
  const before = remembered(name);
  if (before === select.value || ![...select.options].some(({ value }) => value === before)) return;
  select.value = before;
  select.dispatchEvent(new Event("change"));
}
