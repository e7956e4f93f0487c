// Why a video file does not play, or does not play to its end, in the words of the commands.

import { t } from "../shared/texts.js";
import { UnreadableFile, damaged } from "./file_kind.js";

/** Why a video file could not be opened. */
export async function whyNotOpened(file) {
  if (await isCutOff(file)) return damaged(t("video"));
  return new UnreadableFile(t("this browser cannot play it: save it as MP4 (H.264)"));
}

/** The error for a file that plays, but shows nothing. */
export function noVideoStream() {
  return new UnreadableFile(t("no video stream in it: choose another file"));
}

/** Why a video that played stopped, `frames` frames after it began. */
export async function whyStopped(file, { currentTime, duration }, frames) {
  if (frames === 0 || !Number.isFinite(duration)) return damaged(t("video"));
  const percent = Math.floor((100 * currentTime) / duration);
  return new UnreadableFile(
    (await isCutOff(file))
      ? t("ends early, {percent} % of it could be read: copy it again", { percent })
      : t("damaged, {percent} % of it could be read: copy it again", { percent }),
  );
}

/** Whether a box of an MP4 file ends behind the end of the file, or the index of its frames is missing. */
async function isCutOff(file) {
  let hasIndex = false;
  for (let at = 0; at + 8 <= file.size; ) {
    const view = new DataView(await file.slice(at, at + 16).arrayBuffer());
    const name = String.fromCharCode(...new Uint8Array(view.buffer, 4, 4));
    if (at === 0 && !["ftyp", "moov", "wide", "mdat"].includes(name)) return false; // another format
    const short = view.getUint32(0);
    const size = short === 1 && view.byteLength === 16 ? Number(view.getBigUint64(8)) : short || file.size - at;
    if (size < 8 || at + size > file.size) return true;
    hasIndex ||= name === "moov";
    at += size;
  }
  return !hasIndex;
}
