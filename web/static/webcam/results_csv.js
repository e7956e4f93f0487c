// The results of several files as a table for spreadsheets (RFC 4180).

const LABELS = 5;

/**
 * @param {Array<{file: string, labels?: Array<{label: string, probability: number}>, model?: string, version?: string,
 *   error?: string}>} results
 */
export function csvText(results) {
  const ranked = Array.from({ length: LABELS }, (_, i) => (i === 0 ? "" : `_${i + 1}`));
  const head = ["file", ...ranked.flatMap((end) => [`label${end}`, `probability${end}`]), "model", "version", "error"];
  const rows = results.map(({ file, labels = [], model = "", version = "", error = "" }) => {
    const pairs = ranked.flatMap((_, i) => [labels[i]?.label ?? "", labels[i]?.probability ?? ""]);
    return [file, ...pairs, model, version, error];
  });
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

// A spreadsheet would run a text that begins like a formula: an apostrophe makes it a text again (OWASP, CSV injection).
function cell(value) {
  if (typeof value === "number") return `${value}`;
  const text = /^\s*[=+\-@\t\r＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
