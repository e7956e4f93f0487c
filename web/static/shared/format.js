// Numbers and labels as people read them.

import { LANGUAGE } from "./texts.js";

const integers = new Intl.NumberFormat(LANGUAGE);

/** "golden_retriever" becomes "golden retriever". */
export function readable(label) {
  return label.replaceAll("_", " ");
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
  if (value === null || value === undefined) return "–";
  return value < 10 ? value.toFixed(1) : count(Math.round(value));
}

/** Frames a second without their unit: one decimal below 10. */
export function framesPerSecond(value) {
  return value.toFixed(value < 10 ? 1 : 0);
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

/** `{stale: 2, too_large: 1}` becomes ["2 stale", "1 too large"]. */
export function reasons(counts) {
  return Object.entries(counts).map(([reason, frames]) => `${count(frames)} ${readable(reason)}`);
}
