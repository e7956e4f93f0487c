// The statistics page: fetches the session's report twice a second, shows it, and says whether it is what happens now.

import { onThemeChange } from "../shared/charts.js";
import { copyOnClick } from "../shared/copy_link.js";
import { trouble } from "../shared/freshness.js";
import { ReportFeed } from "../shared/report_feed.js";
import { ROOT } from "../shared/root.js";
import { showState } from "../shared/state_line.js";
import { recentOutcomes, sessionState, UNKNOWN } from "./state.js";
import { StatsCharts } from "./stats_charts.js";
import { StatsTables } from "./stats_tables.js";

const EVERY_MS = 500;
const RECENT_MS = 5000;

const session = decodeURIComponent(location.pathname.split("/").at(-1));
const address = new URL(`api/sessions/${encodeURIComponent(session)}/stats`, ROOT).href;
const tables = new StatsTables(address);
const charts = new StatsCharts();

let reports = []; // those of the last RECENT_MS
let span = Infinity; // milliseconds that the charts show
const feed = new ReportFeed(address, EVERY_MS, { received, tick });

function received(report) {
  const last = reports.at(-1);
  const hasChanged = report.last_seen !== last?.last_seen || report.live !== last.live;
  reports = [...reports.filter(({ now }) => report.now - now <= RECENT_MS), report];
  if (hasChanged) charts.show(report, span);
}

function tick(facts) {
  const report = reports.at(-1);
  const problem = facts.failure === 404 ? UNKNOWN : trouble(facts);
  const state = problem ?? sessionState(report, facts.age, recentOutcomes(reports[0], report));
  showState(state);
  if (report) tables.show(report, state);
}

function drawAgain() {
  charts.reset();
  if (reports.length) charts.show(reports.at(-1), span);
}

onThemeChange(drawAgain);
document.getElementById("spans").addEventListener("change", ({ target }) => {
  span = target.value ? Number(target.value) * 1000 : Infinity;
  if (reports.length) charts.show(reports.at(-1), span);
});
copyOnClick(document.getElementById("copy"), () => location.href);

/** For tests, and for use in the browser's console. */
window.sightstream = Object.freeze({
  get report() {
    return feed.report;
  },
});

feed.start();
