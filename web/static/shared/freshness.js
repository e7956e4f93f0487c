// Whether a page's report of the gateway is current, and if not, why. Pure: facts in, what the page says out.

import { t } from "./texts.js";

export const CURRENT_MS = 1500; // an older report is not current

/** Why a request failed, beside the statuses of HTTP. */
export const SILENT = "silent"; // no answer in time
export const STOPPED = "stopped"; // nothing takes the connection

/**
 * What a page says when its report is not current: `name`, a short `title`, a `text`, and the report's `age`.
 * Null while it is current.
 *
 * @param {object} facts
 * @param {boolean} facts.online what the browser says of its network
 * @param {number | null} facts.age milliseconds since the report came; null before the first one
 * @param {string | number | null} facts.failure why the last request failed: SILENT, STOPPED, or a status of HTTP
 * @param {number} facts.waited milliseconds since the page began to ask, or since it is visible again
 */
export function trouble({ online, age, failure, waited }) {
  const state = (name, title, text) => ({ name, title, text, age });
  if (!online && failure !== null) return state("offline", t("Offline"), t("Your browser is offline."));
  if (age !== null && age <= CURRENT_MS) return null;
  switch (failure) {
    case SILENT:
      return state("silent", t("Gateway silent"), t("The gateway does not answer."));
    case STOPPED:
      return state("stopped", t("Gateway stopped"), t("The gateway cannot be reached: it or the network is down."));
    case 503:
      return state("loading", t("Loading…"), t("The gateway is still reading from Kafka."));
    case null:
      if (waited <= CURRENT_MS) return state("loading", t("Loading…"), "");
      return state("silent", t("Gateway silent"), t("The gateway does not answer."));
    default:
      return state("error", t("Gateway failed"), t("The gateway answers with error {status}.", { status: failure }));
  }
}
