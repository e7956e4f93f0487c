// The words for what can happen to a frame, and for the steps of its way, as streams/contract/outcomes.py defines them.
//
// No other file writes the codes as strings; tests/browser/test_vocabulary.py compares codes and words with the Python
// enums.

import { t } from "./texts.js";

export const EXPIRED = "expired"; // the gateway got no answer in time
export const SUPERSEDED = "superseded"; // a newer frame of the same session was waiting
export const STALE = "stale"; // it waited longer than the freshness limit
export const RATE = "rate"; // its session sends more frames a second than it may
export const TOO_LARGE = "too_large"; // it has too many bytes or pixels
export const UNREADABLE = "unreadable"; // it is not a whole JPEG
export const UNKNOWN_MODEL = "unknown_model"; // it asks for a model that is not served
export const FAILED = "failed"; // an unexpected failure of the decoder or the engine
export const OTHER_REASON = "other_reason"; // one that only a newer version knows

/** What the outcomes of frames without labels are called for people. */
export const OUTCOME_NAMES = {
  [EXPIRED]: t("no answer"),
  [SUPERSEDED]: t("replaced by a newer frame"),
  [STALE]: t("too old"),
  [RATE]: t("too many frames a second"),
  [TOO_LARGE]: t("too large"),
  [UNREADABLE]: t("not readable"),
  [UNKNOWN_MODEL]: t("model not served"),
  [FAILED]: t("error in the worker"),
  [OTHER_REASON]: t("another reason"),
};

/** The timed hops of a frame, in order, with the names that people read. */
export const HOP_NAMES = {
  received: t("To the gateway"),
  queued: t("To the worker"),
  decoded: t("Reading the picture"),
  classified: t("The neural network"),
  published: t("Sending the answer"),
  delivered: t("Back to the screen"),
};
export const HOPS = Object.keys(HOP_NAMES);
