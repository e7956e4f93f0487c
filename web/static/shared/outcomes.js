// The words for what can happen to a frame, as streams/contract/outcomes.py defines them.
//
// Only the outcomes that the page treats in a special way are here. No other file writes these words as strings;
// tests/browser/test_vocabulary.py compares them with the Python enums.

export const EXPIRED = "expired"; // the gateway got no answer in time
export const SUPERSEDED = "superseded"; // a newer frame of the same session was waiting
export const STALE = "stale"; // it waited longer than the freshness limit
export const RATE = "rate"; // its session sends more frames a second than it may
export const TOO_LARGE = "too_large"; // it has too many bytes or pixels
export const UNREADABLE = "unreadable"; // it is not a whole JPEG
export const UNKNOWN_MODEL = "unknown_model"; // it asks for a model that is not served

/** The timed hops of a frame, in order, with the names that people read. */
export const HOP_NAMES = {
  received: "To the gateway",
  queued: "To the worker",
  decoded: "Decoding",
  classified: "The network",
  published: "Publishing",
  delivered: "Back to the screen",
};
export const HOPS = Object.keys(HOP_NAMES);
