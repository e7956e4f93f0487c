// How much to send, decided by what comes back. Every function is pure: a flow in, a flow out.
//
// Window. At most `window` frames are on their way. A `superseded` answer means that a newer frame overtook
// one that was still waiting, so a second frame in flight only costs bandwidth: the window falls to 1. After
// 32 answers in a row without one it returns to the credits that the server grants.
//
// Rate and quality follow AIMD, additive increase and multiplicative decrease (Chiu and Jain, 1989), which
// lets many pages share one server fairly without knowing of each other:
// - trouble (an answer `stale`, `expired` or `rate`, or a smoothed round trip above twice the best plus 50 ms)
//   takes 0.7 of the frames per second and 0.9 of the JPEG quality, once per half second or round trip,
//   because the frames already on their way will tell of the same trouble;
// - each second without trouble gives one frame per second and 0.02 of quality back.
// The best round trip is forgotten slowly (half of the difference in 140 answers), so that a network that
// stays slower is not mistaken for trouble for ever.

export const FPS = { least: 1, most: 30 };
export const QUALITY = { least: 0.5, most: 0.9 };

const CALM_ANSWERS = 32;
const CALM_MS = 1000;
const RESPITE_MS = 500;
const TROUBLE = new Set(["stale", "expired", "rate"]);

/** A flow before its first frame. */
export function begin(credits) {
  return {
    credits,
    window: credits,
    calm: 0,
    fps: FPS.most,
    quality: QUALITY.most,
    best: Infinity,
    smooth: null,
    changed: 0,
  };
}

/** After a (re)connection, or when another model answers: other credits, and other round trips to expect. */
export function granted(flow, credits) {
  return { ...flow, credits, window: credits, calm: 0, best: Infinity, smooth: null };
}

/** After labels that came `roundTrip` milliseconds after their frame was captured. */
export function answered(flow, roundTrip, time) {
  const best = roundTrip < flow.best ? roundTrip : flow.best + (roundTrip - flow.best) * 0.005;
  const smooth = flow.smooth === null ? roundTrip : flow.smooth + (roundTrip - flow.smooth) * 0.25;
  const next = widened({ ...flow, best, smooth });
  return smooth > 2 * best + 50 ? lowered(next, time) : raised(next, time);
}

/** After a frame that was dropped, for whatever reason. */
export function dropped(flow, reason, time) {
  if (reason === "superseded") return { ...flow, window: 1, calm: 0 };
  const next = widened(flow);
  if (reason === "too_large") return smaller(next);
  return TROUBLE.has(reason) ? lowered(next, time) : next;
}

/** After a frame that was too large to be taken. */
export function smaller(flow) {
  return { ...flow, quality: Math.max(QUALITY.least, flow.quality - 0.1) };
}

/**
 * Whether a frame is due: null when it is not, else the time at which the next one will be.
 *
 * Cameras tick unevenly, so a frame may go a little early; the next one still counts from when this was due.
 * A due time further away than one interval stems from a slower rate, and no longer counts.
 */
export function pace(due, time, fps) {
  const interval = 1000 / fps;
  const wait = due - time;
  if (wait > Math.min(8, interval / 4) && wait <= interval) return null;
  const isLate = wait < -interval / 2; // then it is not made up for
  return (isLate || wait > interval ? time : due) + interval;
}

function widened(flow) {
  const calm = flow.calm + 1;
  return { ...flow, calm, window: calm >= CALM_ANSWERS ? flow.credits : flow.window };
}

function lowered(flow, time) {
  if (time - flow.changed < Math.max(RESPITE_MS, flow.smooth ?? 0)) return flow;
  return {
    ...flow,
    changed: time,
    fps: Math.max(FPS.least, flow.fps * 0.7),
    quality: Math.max(QUALITY.least, flow.quality * 0.9),
  };
}

function raised(flow, time) {
  if (time - flow.changed < CALM_MS) return flow;
  return {
    ...flow,
    changed: time,
    fps: Math.min(FPS.most, flow.fps + 1),
    quality: Math.min(QUALITY.most, flow.quality + 0.02),
  };
}
