// The operations view: fetches the gateway's report every second, shows it, and keeps some minutes for the charts.

import { onThemeChange } from "../shared/charts.js";
import { trouble } from "../shared/freshness.js";
import { ReportFeed } from "../shared/report_feed.js";
import { ROOT } from "../shared/root.js";
import { showState } from "../shared/state_line.js";
import { OpsCharts } from "./ops_charts.js";
import { showReport } from "./ops_tables.js";
import { gatewayState } from "./state.js";

const EVERY_MS = 1000;
const SIGN_IN_OVER = 401;
const TURNED_OFF = 404;

const charts = new OpsCharts();
const feed = new ReportFeed(new URL("api/ops", ROOT), EVERY_MS, { received: (report) => charts.add(report), tick });

function tick(facts) {
  if (facts.failure === SIGN_IN_OVER) return location.replace(new URL("ops?over", ROOT)); // the form says why
  if (facts.failure === TURNED_OFF) return location.reload(); // so does this page
  const { report } = feed;
  showState(trouble(facts) ?? gatewayState(report, facts.age));
  if (report) showReport(report, facts.age, charts);
}

onThemeChange(() => charts.reset());

/** For tests, and for use in the browser's console. */
window.sightstream = Object.freeze({
  get report() {
    return feed.report;
  },
});

feed.start();
