// The statistics page: fetches the session's report every second and shows it.

import { ROOT } from "../shared/root.js";
import { StatsCharts } from "./stats_charts.js";
import { StatsTables } from "./stats_tables.js";

const REFRESH_MS = 1000;
const SLOW_REFRESH_MS = 5000; // some time after the session has ended
const SLOW_AFTER_MS = 60_000;

const session = decodeURIComponent(location.pathname.split("/").at(-1));
const address = new URL(`api/sessions/${encodeURIComponent(session)}/stats`, ROOT).href;
const tables = new StatsTables(address);
const charts = new StatsCharts();

let report = null;
let timer = null;
let span = Infinity; // milliseconds that the charts show

async function refresh() {
  clearTimeout(timer);
  if (document.hidden) return;
  let state = "offline";
  try {
    const answer = await fetch(address, { cache: "no-store" });
    if (answer.ok) {
      report = await answer.json();
      state = report.live ? "open" : report.sent === 0 ? "waiting" : "ended";
    } else if (answer.status === 404) state = "gone";
    else state = "connecting";
  } catch {
    // the gateway or the network does not answer: the page keeps showing the last report
  }
  tables.showState(state);
  if (report) {
    tables.show(report);
    charts.show(report, span);
  }
  const isOver = state === "ended" && report.now - report.last_seen > SLOW_AFTER_MS;
  timer = setTimeout(refresh, isOver || state === "gone" ? SLOW_REFRESH_MS : REFRESH_MS);
}

document.addEventListener("visibilitychange", refresh);
addEventListener("online", refresh);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  charts.reset();
  if (report) charts.show(report, span);
});
document.getElementById("spans").addEventListener("change", ({ target }) => {
  span = target.value ? Number(target.value) * 1000 : Infinity;
  if (report) charts.show(report, span);
});

/** For tests, and for use in the browser's console. */
window.sightstream = Object.freeze({
  get report() {
    return report;
  },
});

refresh();
