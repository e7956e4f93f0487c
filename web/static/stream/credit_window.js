// How many frames may be in flight at once. Every function is pure: a window in, a window out.
//
// The size lies between 1 and the credits that the server grants. It follows AIMD, additive increase and
// multiplicative decrease (Chiu and Jain, 1989): a superseded frame halves the size, because a newer frame of this
// session pushed out one that was still waiting, and 32 answers in a row without one add one frame. Other drops
// change nothing. infra/client/credit_window.py follows the same rule; tests/credit_window_cases.json tests both.

const ANSWERS_TO_WIDEN = 32;

/** The full window, before its first frame. */
export function fullWindow(credits) {
  return { credits, size: credits, answers: 0 };
}

/** After a frame that came back with labels. */
export function answered({ credits, size, answers }) {
  if (answers + 1 < ANSWERS_TO_WIDEN) return { credits, size, answers: answers + 1 };
  return { credits, size: Math.min(credits, size + 1), answers: 0 };
}

/** After a frame that a newer one of this session pushed out. */
export function superseded({ credits, size }) {
  return { credits, size: Math.max(1, Math.floor(size / 2)), answers: 0 };
}
