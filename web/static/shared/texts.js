// The texts of the page in the page's language. web/texts.py says where the translations stand.

const table = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");

/** The page's language, such as "en". */
export const LANGUAGE = document.documentElement.lang || "en";

/** An English text in the page's language; `{name}` in it becomes `values.name`. */
export function t(text, values = {}) {
  return (table[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
