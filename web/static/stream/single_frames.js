// Frames that are sent once and whose answers are waited for, on the same connection as the frames of a source.

import { EXPIRED, RATE, STALE, SUPERSEDED, TOO_LARGE } from "../shared/outcomes.js";
import { now } from "./frame.js";
import { QUALITY } from "./rate_control.js";

const TRY_AGAIN = new Set([RATE, STALE, EXPIRED, SUPERSEDED, TOO_LARGE]);
const TRIES = 6;
const WAIT_MS = 50; // before looking again whether there is room

const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

/**
 * Sends a frame and waits for its answer. It is sent again where it was dropped for a reason that passes.
 *
 * @param {FrameSender} sender
 * @param {() => boolean} isOpen whether there are a connection and a model now
 * @param {(quality: number) => Promise<Blob | null>} encode gives the JPEG
 * @param {AbortSignal} signal ends the waiting: its reason is thrown
 * @returns {Promise<object | null>} the message of type "labels" or "dropped"; null if it could not be sent
 */
export async function ask(sender, isOpen, encode, signal) {
  let quality = QUALITY.most;
  for (let tries = 1; ; tries++) {
    while (!isOpen() || !sender.hasRoom) {
      await pause(WAIT_MS);
      signal.throwIfAborted();
    }
    const captured = now();
    const answer = await sender.sendOnce(captured, await encode(quality));
    signal.throwIfAborted();
    if (answer?.type === "labels" || tries === TRIES) return answer;
    if (answer && !TRY_AGAIN.has(answer.reason)) return answer;
    if (!answer || answer.reason === TOO_LARGE) quality = Math.max(QUALITY.least, quality - 0.1);
    await pause(2 ** tries * WAIT_MS);
  }
}
