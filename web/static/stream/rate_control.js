// How many frames a second to send, and at which JPEG quality. Every function is pure: a rate in, a rate out.
//
// Both follow AIMD, additive increase and multiplicative decrease (Chiu and Jain, 1989). It lets many pages share
// one server fairly without knowing of each other:
// - Overload is an answer that is stale, expired or over the rate limit, or a smoothed round trip above twice the
//   best one plus 50 ms. It multiplies the frames a second by 0.7 and the quality by 0.9. This happens at most once
//   per half second or round trip, because the frames in flight will report the same overload.
// - Each second without overload adds one frame a second and 0.02 of quality.
// The best round trip moves slowly towards newer ones (by half of the difference in 140 answers), so that a network
// that stays slower does not count as overload for ever.

import { EXPIRED, RATE, STALE, TOO_LARGE } from "../shared/outcomes.js";

export const FPS = { least: 1, most: 30 };
// A picture is sent once. At 0.9, with halved colour, 169 of 200 photographs got their right label; without JPEG 175 did.
export const QUALITY = { least: 0.5, most: 0.9, picture: 1 };

const RAISE_EVERY_MS = 1000;
const LOWER_EVERY_MS = 500;
const OVERLOAD = new Set([STALE, EXPIRED, RATE]);

/** The rate before the first frame. */
export function fullRate() {
  return { fps: FPS.most, quality: QUALITY.most, tooLarge: false, best: Infinity, smooth: null, changed: 0 };
}

/** After a connection or a change of the model: other round trips are to be expected. */
export function withoutRoundTrips(rate) {
  return { ...rate, best: Infinity, smooth: null };
}

/** After labels that came `roundTrip` milliseconds after their frame was captured. */
export function afterLabels(rate, roundTrip, time) {
  const best = roundTrip < rate.best ? roundTrip : rate.best + (roundTrip - rate.best) * 0.005;
  const smooth = rate.smooth === null ? roundTrip : rate.smooth + (roundTrip - rate.smooth) * 0.25;
  const next = { ...rate, best, smooth };
  return smooth > 2 * best + 50 ? lowered(next, time) : raised(next, time);
}

/** After a frame that was dropped for this reason. */
export function afterDrop(rate, reason, time) {
  if (reason === TOO_LARGE) return withLowerQuality(rate);
  return OVERLOAD.has(reason) ? lowered(rate, time) : rate;
}

/** After a frame that had too many bytes. */
export function withLowerQuality(rate) {
  return { ...rate, quality: Math.max(QUALITY.least, rate.quality - 0.1), tooLarge: true };
}

/** The JPEG quality for a source, which may want one of its own, whatever the load. It gets it unless it is too large. */
export function qualityFor(source, rate) {
  return rate.tooLarge ? rate.quality : (source?.quality ?? rate.quality);
}

/**
 * Whether a frame is due at `time`: null when it is not, else the time at which the next one will be due.
 *
 * Cameras do not deliver frames at even intervals, so a frame may go a little early; the next one still counts from
 * the time at which this one was due. A due time more than one interval away comes from a slower rate and is ignored.
 */
export function nextDue(due, time, fps) {
  const interval = 1000 / fps;
  const wait = due - time;
  if (wait > Math.min(8, interval / 4) && wait <= interval) return null;
  const isLate = wait < -interval / 2; // the delay is then not made up for
  return (isLate || wait > interval ? time : due) + interval;
}

function lowered(rate, time) {
  if (time - rate.changed < Math.max(LOWER_EVERY_MS, rate.smooth ?? 0)) return rate;
  return {
    ...rate,
    changed: time,
    fps: Math.max(FPS.least, rate.fps * 0.7),
    quality: Math.max(QUALITY.least, rate.quality * 0.9),
  };
}

function raised(rate, time) {
  if (time - rate.changed < RAISE_EVERY_MS) return rate;
  return {
    ...rate,
    changed: time,
    fps: Math.min(FPS.most, rate.fps + 1),
    quality: Math.min(QUALITY.most, rate.quality + 0.02),
  };
}
