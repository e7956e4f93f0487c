// What a file is, by its first bytes. Name and type of a file are often wrong, and browsers go by them.

import { t } from "../shared/texts.js";
import { PICTURE_KINDS } from "./picture_kinds.js";

const { head, kinds, sentences } = PICTURE_KINDS;
const RULES = kinds.map(({ kind, begins, any_case, refused, suffixes }) => ({
  name: kind,
  begins: new RegExp(`^(?:${begins})`, any_case ? "is" : "s"),
  refused,
  isPicture: !refused || suffixes, // suffixes: of pictures that are not read
}));
// as in models/picture_folder.py; a test compares them
export const VIDEO_SUFFIXES = new Set(
  (
    "3g2 3gp asf avi divx dv f4v flv m1v m2t m2ts m2v m4v mjpeg mjpg mk3d mkv mov mp4 mpe mpeg mpg mts mxf ogm ogv " +
    "qt rm rmvb ts vob webm wmv y4m"
  ).split(" "),
);

/** A file that cannot be shown. The message is what the commands print after the file's name. */
export class UnreadableFile extends Error {}

/** The error for a file that is cut off, or broken in another way. */
export function damaged(kind) {
  return new UnreadableFile(t(sentences.damaged, { kind }));
}

/** The error for a file that is sound, but of a form of its format that is not read. */
export function uncommon(kind, what) {
  return new UnreadableFile(t(sentences.uncommon, { kind, what }));
}

/** The error for a picture whose pixels would take too much memory. */
export function tooLarge(width, height) {
  return new UnreadableFile(t(sentences.too_large, { width, height }));
}

/** The error for a file of the kind `name`, which is not read. */
export function refusal(name) {
  return new UnreadableFile(t(kinds.find(({ kind }) => kind === name).refused));
}

/**
 * The name of the kind of a picture that can be read, or "video". Throws UnreadableFile for all other files.
 *
 * @param {File} file
 */
export async function kindOf(file) {
  const bytes = new Uint8Array(await file.slice(0, head).arrayBuffer().catch(notReadable));
  if (bytes.length === 0) throw new UnreadableFile(t(sentences.empty));
  const text = String.fromCharCode(...bytes); // one character a byte, as the rules expect
  const { name, refused, isPicture } = RULES.find(({ begins }) => begins.test(text)) ?? {};
  const calledVideo = !isPicture && VIDEO_SUFFIXES.has(/\.(\w+)$/.exec(file.name)?.[1].toLowerCase());
  if (name === "video" || (calledVideo && (!name || name === "sound"))) return "video";
  if (!name) throw new UnreadableFile(t(sentences.unknown));
  if (refused) throw new UnreadableFile(t(calledVideo ? refused.replaceAll("picture", "video") : refused));
  return name;
}

function notReadable() {
  throw new UnreadableFile(t("a folder, or a file that was moved or may not be read"));
}
