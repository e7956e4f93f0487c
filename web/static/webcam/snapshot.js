// A picture of what is shown and what the network says to it, to be saved or shared.

import { percent, readable } from "../shared/format.js";
import { LANGUAGE, t } from "../shared/texts.js";
import { centreSquare } from "../stream/frame.js";

const LEAST_WIDTH = 640; // pixels: the texts would else be too small
const ROWS = 5;
const QUALITY = 0.92;

/**
 * Draws the snapshot at the full resolution of the picture.
 *
 * @param {{element: CanvasImageSource, width: number, height: number, crop: number, headline: string,
 *   labels: Array<{label: string, probability: number}>, model: string, time: Date}} shown
 *   `crop` is the share of the short side that the network gets, `model` its name and version
 * @param {number} share of the full resolution
 * @returns {HTMLCanvasElement}
 */
export function drawSnapshot({ element, width, height, crop, headline, labels, model, time }, share = 1) {
  const theme = getComputedStyle(document.documentElement);
  const colour = (name) => theme.getPropertyValue(name).trim();
  const scale = Math.max(share, LEAST_WIDTH / width);
  const across = Math.round(width * scale);
  const down = Math.round(height * scale);
  const unit = across / LEAST_WIDTH;
  const rows = labels.slice(0, ROWS);
  const panel = Math.round((118 + 36 * rows.length) * unit);
  const canvas = Object.assign(document.createElement("canvas"), { width: across, height: down + panel });
  const pen = canvas.getContext("2d", { alpha: false });
  const write = (text, x, y, size, name, most, { weight = 400, align = "left" } = {}) => {
    pen.font = `${weight} ${size * unit}px system-ui, sans-serif`;
    pen.fillStyle = colour(name);
    pen.textAlign = align;
    pen.fillText(text, x * unit, down + y * unit, most * unit);
  };
  pen.imageSmoothingQuality = "high";
  pen.drawImage(element, 0, 0, across, down);
  markCrop(pen, centreSquare(width, height, crop), scale, unit);
  pen.fillStyle = colour("--card");
  pen.fillRect(0, down, across, panel);
  write(headline, 24, 50, 32, "--text", 592, { weight: 650 });
  rows.forEach(({ label, probability }, i) => {
    const y = 90 + 36 * i;
    write(readable(label), 24, y, 17, "--text", 500);
    write(percent(probability), 616, y, 17, "--muted", 80, { align: "right" });
    for (const [name, share] of [["--track", 1], ["--accent", probability]]) {
      pen.fillStyle = colour(name);
      pen.fillRect(24 * unit, down + (y + 8) * unit, 592 * share * unit, 5 * unit);
    }
  });
  const when = time.toLocaleString(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });
  write(`${model} · ${when}`, 24, 96 + 36 * rows.length, 14, "--muted", 470);
  write("Sightstream", 616, 96 + 36 * rows.length, 14, "--muted", 120, { align: "right" });
  return canvas;
}

/** Shows the snapshot, with buttons to save it and, where the browser can, to share it. */
export async function showSnapshot(shown) {
  // a canvas that is larger than the browser allows becomes no JPEG
  const blob =
    (await shown.encode(drawSnapshot(shown), QUALITY)) ?? (await shown.encode(drawSnapshot(shown, 0.5), QUALITY));
  if (!blob) return;
  const file = new File([blob], fileName(shown), { type: blob.type });
  const url = URL.createObjectURL(file);
  const dialog = document.createElement("dialog");
  dialog.className = "snapshot";
  dialog.setAttribute("aria-label", t("Snapshot"));
  const image = Object.assign(document.createElement("img"), { src: url, alt: `${shown.headline}. ${shown.model}` });
  const save = Object.assign(document.createElement("a"), { href: url, download: file.name, textContent: t("Save") });
  save.className = "button primary";
  const buttons = document.createElement("div");
  buttons.className = "actions";
  buttons.append(save);
  const addButton = (name, act) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    button.addEventListener("click", act);
    buttons.append(button);
  };
  const files = [file];
  // a person who closes the list of programs has not met an error
  if (navigator.canShare?.({ files })) addButton(t("Share…"), () => navigator.share({ files }).catch(() => {}));
  addButton(t("Close"), () => dialog.close());
  dialog.append(image, buttons);
  dialog.addEventListener("close", () => {
    dialog.remove();
    URL.revokeObjectURL(url);
  });
  document.body.append(dialog);
  dialog.showModal();
}

function markCrop(pen, { x, y, side }, scale, unit) {
  const { width, height } = pen.canvas;
  const square = [x, y, side, side].map((number) => number * scale);
  const line = 2 * unit;
  pen.save();
  pen.beginPath();
  pen.rect(0, 0, width, height);
  pen.rect(...square);
  pen.fillStyle = "rgb(12 18 18 / 45%)";
  pen.fill("evenodd");
  pen.lineWidth = line;
  pen.strokeStyle = "#fff";
  pen.strokeRect(square[0] + line / 2, square[1] + line / 2, square[2] - line, square[3] - line);
  pen.restore();
}

function fileName({ headline, time }) {
  const what = headline.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 40);
  const local = new Date(time - time.getTimezoneOffset() * 60_000);
  return `sightstream-${what || "picture"}-${local.toISOString().slice(0, 19).replace(/[T:]/g, "-")}.jpg`;
}
