// What the page says about its labels: that they are of now, or else why not. Pure: facts in, words out.

import { outcomeName } from "../shared/format.js";
import { EXPIRED, STALE, SUPERSEDED } from "../shared/outcomes.js";
import { t } from "../shared/texts.js";

export const FRESH_MS = 1500; // older labels are not of now
const PATIENCE_MS = 700; // for the answer to a ping
const TOO_SLOW = new Set([STALE, SUPERSEDED]);

/**
 * @param {object} facts all times are milliseconds by one clock
 * @param {number} facts.time
 * @param {boolean} facts.online navigator.onLine
 * @param {boolean} facts.hidden document.hidden
 * @param {object} facts.link the facts of the Socket, with `reason`, the server's words for why it closed it
 * @param {boolean} facts.served whether a model is served
 * @param {object | null} facts.source its `kind`; `still`, whether the picture stands still; `interruption`, why the
 *   system paused it, or null; `framed`, when its last frame came
 * @param {number} facts.since when labels could first be expected: all was there that is needed
 * @param {number} facts.labelled when the last labels of this source came; -Infinity for none
 * @param {boolean} facts.current whether they are those of the picture that is shown
 * @param {boolean} facts.blocked whether the browser gives noise instead of the pixels of a canvas
 * @param {boolean} facts.isDetour whether there is another way to read them
 * @param {Array<string | null>} facts.outcomes why the latest frames got no labels; null for each that got some
 * @param {number} facts.awaited frames in flight
 * @returns {{name: string, title: string, text: string, isLive: boolean, isStale: boolean,
 *   header: {name: string, title: string}}} the state's name, the same in two words, and in a sentence; whether labels
 *   of now are shown; whether the labels that are shown are old; the state for the head of the page, which is "open"
 *   while nothing is wrong
 */
export function liveness(facts) {
  const isFresh = facts.time - facts.labelled < FRESH_MS;
  const link = linkTrouble(facts, isFresh);
  const { isTrouble = false, ...state } = ofLabels(facts, isFresh, link);
  const { name, title } = link ?? (isTrouble ? state : { name: "open", title: t("Connected") });
  return { isLive: false, isStale: true, text: "", ...state, header: { name, title } };
}

function ofLabels(facts, isFresh, link) {
  const { time, source, since, labelled, current, hidden, blocked } = facts;
  if (!source) return link ?? (blocked ? noise() : stopped(labelled));
  const still = source.still ? { name: source.kind, title: standing(source), isStale: false } : null;
  if (still && current) return { ...still, text: link?.text };
  if (hidden) return { name: "hidden", title: t("Paused"), text: t("Paused while this tab is hidden.") };
  if (source.interruption) return interrupted(source.interruption);
  if (blocked) return noise();
  if (link) return link;
  if (isFresh) return still ?? { name: "live", title: t("Live"), isLive: true, isStale: false, text: remark(facts) };
  return time - since < FRESH_MS ? { name: "starting", title: t("Starting…") } : unlabelled(facts);
}

function standing({ kind }) {
  return { picture: t("Picture"), camera: t("Frozen"), video: t("Paused") }[kind];
}

function stopped(labelled) {
  return { name: "open", title: t("Connected"), text: labelled > -Infinity ? t("Stopped: the last labels stay.") : "" };
}

/** What is wrong with the connection, or null. */
function linkTrouble({ time, online, link, served }, isFresh) {
  const offline = () =>
    trouble("offline", t("Offline"), t("This device is offline. The page goes on when the network is back."));
  if (link.state === "refused") return trouble("refused", t("Not connected"), refusal(link.reason));
  if (link.state !== "open") return online ? unreached(time, link, isFresh) : offline();
  const isSilent = !isFresh && link.asked > 0 && time - link.asked > PATIENCE_MS;
  if (isSilent) return online ? silent() : offline();
  if (served) return null;
  const text = t("The server has no model at work now. The page goes on when it has one.");
  return trouble("idle", t("Waiting for a worker"), text);
}

function unreached(time, { state, since, failed, reason, retryAt }, isFresh) {
  if (state === "connecting" && time - since > FRESH_MS) return silent();
  if (!failed) return isFresh ? null : trouble("connecting", t("Connecting…"));
  const why = reason ? reason.replace(/[^.]$/, "$&.") : t("The server cannot be reached.");
  const seconds = Math.max(1, Math.ceil((retryAt - time) / 1000));
  const next = state === "waiting" ? t("Trying again in {seconds} s.", { seconds }) : t("Trying again now.");
  return trouble("unreached", t("Server not reached"), `${why} ${next}`);
}

function silent() {
  return trouble("unreached", t("Server not reached"), t("The server does not answer. The page goes on when it does."));
}

function refusal(reason) {
  if (!reason) return t("The server ended this connection.");
  return t("The server ended this connection: {reason}", { reason });
}

function interrupted(why) {
  const text =
    why === "muted"
      ? t("The system has paused the camera, perhaps for a call. The page goes on when the camera is back.")
      : t("The camera was paused. The page tries to play it again.");
  return trouble("interrupted", t("Camera paused"), text);
}

function noise() {
  const text = t(
    "This browser hides from pages what they draw, so frames would be noise, and none are sent. " +
      "Allow this page to read canvas data: with the picture sign beside the page’s address, " +
      "or in the settings against fingerprinting.",
  );
  return trouble("blocked", t("Pixels hidden"), text);
}

/** Why no labels come, though all is there that is needed. */
function unlabelled(facts) {
  const { time, source, awaited, outcomes } = facts;
  if (!source.still && time - source.framed > FRESH_MS) {
    const text = source.kind === "camera" ? t("The camera gives no pictures.") : t("The video does not go on.");
    return trouble("frameless", t("No pictures"), text);
  }
  const without = outcomes.filter((each) => each !== null);
  if (isOverloaded(without)) return trouble("busy", t("Model busy"), overload());
  const other = without.findLast((each) => each !== EXPIRED);
  if (other) {
    return trouble("failing", t("No labels"), t("Frames get no labels: {reason}.", { reason: outcomeName(other) }));
  }
  const text =
    awaited > 0 || without.length > 0
      ? t("The server answers, but no labels come: the model has stopped, or is too busy.")
      : t("The next labels are late.");
  return trouble("unanswered", t("No answers"), text);
}

function remark({ outcomes, isDetour }) {
  if (isOverloaded(outcomes)) return overload();
  return isDetour ? t("This browser hides canvas data: frames are read in another way.") : "";
}

/** Whether most of these frames were too old when their turn came. */
function isOverloaded(outcomes) {
  return outcomes.filter((each) => TOO_SLOW.has(each)).length > outcomes.length / 2;
}

function overload() {
  return t("Most frames are too old: the model is busy.");
}

function trouble(name, title, text = "") {
  return { name, title, text, isTrouble: true };
}
