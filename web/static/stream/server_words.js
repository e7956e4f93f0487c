// What the server says to people, by the code of its error. Its own words are English, and hold the details.

import { t } from "../shared/texts.js";

const TEXTS = {
  old_page: t("This page is older than the server: reload it."),
  taken_over: t("This session goes on in another tab or window."),
  too_many: t("Too many connections are open, in all or from this address: try again later."),
};

/** The text of an error message; one without a translation is shown as the server wrote it. */
export function serverText({ code, message }) {
  return TEXTS[code] ?? message;
}
