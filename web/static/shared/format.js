// Numbers and labels as people read them.

import { OUTCOME_NAMES } from "./outcomes.js";
import { LANGUAGE, t } from "./texts.js";

const integers = new Intl.NumberFormat(LANGUAGE);
const NONE_OF_THESE = "none of these"; // as models/abstain.py writes it

/** "golden_retriever" becomes "golden retriever". */
export function readable(label) {
  return isNoneOfThese(label) ? t("none of these") : label.replaceAll("_", " ");
}

/** Whether a label is the answer of a model that it sees none of its classes. */
export function isNoneOfThese(label) {
  return label === NONE_OF_THESE;
}

/** 12345 becomes "12,345". */
export function count(number) {
  return integers.format(number);
}

/** 0.873 becomes "87 %". A value below 1 % becomes "<1 %", never "0 %". */
export function percent(probability) {
  const value = Math.round(probability * 100);
  return value < 1 ? "<1\u00a0%" : `${value}\u00a0%`;
}

/** Milliseconds without their unit: one decimal below 10, a dash for none. */
export function milliseconds(value) {
  return value === null || value === undefined ? "–" : rounded(value);
}

/** Frames a second without their unit: one decimal below 10. */
export function framesPerSecond(value) {
  return rounded(value);
}

/** 9.53 becomes "9.5", 1234.5 becomes "1,235". */
export function rounded(value) {
  return value < 10 ? decimal(value, 1) : count(Math.round(value));
}

/** 3.14159 with 2 digits becomes "3.14". */
export function decimal(value, digits) {
  return value.toLocaleString(LANGUAGE, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A time span in milliseconds, in its one or two largest units. */
export function duration(span) {
  const seconds = Math.max(0, Math.round(span / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return `${minutes} min ${seconds % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `{stale: 2, too_large: 1}` becomes ["2 too old", "1 too large"]. */
export function reasons(counts) {
  return Object.entries(counts).map(([reason, frames]) => `${count(frames)} ${outcomeName(reason)}`);
}

/** What an outcome is called for people. A newer server may have outcomes that this page does not know. */
export function outcomeName(outcome) {
  return OUTCOME_NAMES[outcome] ?? readable(outcome);
}
