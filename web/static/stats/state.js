// What the statistics page says about its session now. Pure: the report and its age in, the state out.

import { outcomeName } from "../shared/format.js";
import { EXPIRED, STALE, SUPERSEDED } from "../shared/outcomes.js";
import { t } from "../shared/texts.js";

const LABEL_MS = 1600; // a session without a label for so long is not live
const ELSEWHERE_MS = 3000; // the same for a session at another gateway: its statistics take up to 1.5 s to this one
const READ_MS = 1600; // statistics are not current when Kafka has been silent for so long
const BEHIND_MS = 3000; // nor when they miss so much of what the gateway saw
const WORKER_MS = 5000; // workers report every two seconds
const FRAME_MS = 2000; // a page that sends frames sends one within this time

const TOO_SLOW = new Set([STALE, SUPERSEDED]);

/** The state of a session of which the gateway has no statistics (any more). */
export const UNKNOWN = {
  name: "gone",
  title: t("Forgotten"),
  text: t("The gateway has no statistics of this session any more: it ended too long ago."),
};

/**
 * The session's state: `name`, a short `title`, a `text`, whether the figures are `current`, and if not, their `age`.
 *
 * @param {object} report the last report
 * @param {number} age milliseconds since it came
 * @param {{answered: number, lost: Array<[string, number]>}} recent outcomes of its last frames
 */
export function sessionState(report, age, recent) {
  const { answered_at: labelledAt, sent } = report;
  const { read_at: readAt, worker_at: workerAt, here } = report.freshness;
  const since = (at) => (at === null ? Infinity : report.now + age - at);
  const state = (name, title, text, then = labelledAt) => ({ name, title, text, age: then && since(then) });

  if (since(readAt) > READ_MS) {
    return state("outdated", t("Not current"), t("Kafka does not answer, so the gateway gets no statistics."), readAt);
  }
  if (Math.min(since(labelledAt), since(here?.answered_at ?? null)) <= (here ? LABEL_MS : ELSEWHERE_MS)) {
    if (labelledAt === null) return state("waiting", t("Waiting"), t("The first figures come in a moment."));
    if (since(labelledAt) > BEHIND_MS) {
      return state("outdated", t("Not current"), t("Labels come, but the statistics do not count them yet."));
    }
    return { name: "open", title: t("Live"), text: loss(recent), current: true };
  }
  if (here?.connected && (here.unanswered > 0 || since(here.received_at) <= FRAME_MS)) {
    if (since(workerAt) > WORKER_MS) {
      return state("unanswered", t("No worker"), t("Frames get no labels, because no worker reports to the gateway."));
    }
    const why = loss(recent);
    if (why && TOO_SLOW.has(recent.lost[0][0])) return state("busy", t("Too busy"), why);
    return state("unanswered", t("No labels"), why || t("Frames are sent, but the worker does not answer."));
  }
  if (sent === 0) return state("waiting", t("Waiting"), t("The session’s page has sent no frame yet."));
  if (here?.connected) {
    const why = t("The session’s page sends no frames: it is stopped, hidden or interrupted, or shows a still picture.");
    return state("idle", t("Paused"), why);
  }
  const why = here
    ? t("The session’s page is closed, or has lost its connection.")
    : t("The session’s page is closed, has lost its connection, or sends no frames.");
  return { name: "ended", title: t("Ended"), text: why };
}

/** The outcomes of the frames between two reports: how many were answered, and the others by reason, most first. */
export function recentOutcomes(first, last) {
  const losses = ({ dropped, expired }) => ({ ...dropped, [EXPIRED]: expired });
  const before = losses(first);
  const lost = Object.entries(losses(last)).map(([reason, frames]) => [reason, frames - (before[reason] ?? 0)]);
  return { answered: last.answered - first.answered, lost: lost.sort(([, a], [, b]) => b - a) };
}

/** What is said when most frames get no label; empty when most get one. */
function loss({ answered, lost }) {
  const all = lost.reduce((sum, [, frames]) => sum + frames, 0);
  if (all <= answered) return "";
  const [[most]] = lost;
  if (TOO_SLOW.has(most)) return t("Most frames get no label: the model is too busy.");
  return t("Most frames get no label. Reason: {reason}", { reason: outcomeName(most) });
}
