// What the operations view says about the gateway now. Pure: the report and its age in, the state out.

import { clockTime } from "../shared/format.js";
import { t } from "../shared/texts.js";

const KAFKA_MS = 1750; // Kafka answers the gateway two times a second or more
const SELF_TEST_MS = 5000; // the gateway sends a picture every three seconds
const WORKER_MS = 4500; // workers report every two seconds

/** Whether a worker has not reported for longer than it should, at the time `now` (milliseconds since 1970). */
export function isSilent(worker, now) {
  return now - worker.at > WORKER_MS;
}

/**
 * The gateway's state: `name`, a short `title`, a `text`, and whether the figures are `current`.
 *
 * @param {object} report the last report
 * @param {number} age milliseconds since it came
 */
export function gatewayState(report, age) {
  const { ready, canary_at: succeededAt, read_at: readAt, workers } = report;
  const now = report.now + age;
  const last = succeededAt
    ? t("The last self-test that succeeded was at {time}.", { time: clockTime(succeededAt) })
    : t("No self-test has succeeded since the gateway’s start.");
  const unready = (title, why, current = true) => ({ name: "unready", title, text: `${why} ${last}`.trim(), current });
  const silent = workers.filter((each) => isSilent(each, now)).length;

  if (readAt !== null && now - readAt > KAFKA_MS) {
    return unready(t("Kafka silent"), t("Kafka does not answer the gateway."), false);
  }
  if (silent === workers.length) return unready(t("No worker"), t("No worker reports to the gateway."));
  if (!ready) return unready(t("Not ready"), "");
  if (now - succeededAt > SELF_TEST_MS) return unready(t("Self-test late"), "");
  const text = silent ? t("Workers that have not reported lately: {number}", { number: silent }) : "";
  return { name: "open", title: t("Ready"), text, current: true };
}
