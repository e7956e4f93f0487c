// The statistics page: asks for the session's report again and again, and shows it.

import { Graphs } from "./graphs.js";
import { Figures } from "./figures.js";

const EVERY_MS = 1000;
const AT_REST_MS = 5000; // once the session has ended
const LONG_AGO_MS = 60_000;

const session = decodeURIComponent(location.pathname.split("/").at(-1));
const address = new URL(`../api/sessions/${encodeURIComponent(session)}/stats`, location.href).href;
const figures = new Figures(address);
const graphs = new Graphs();

let report = null;
let timer = null;
let span = Infinity; // milliseconds that the charts show

async function turn() {
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
    // the gateway is away, or the network is: what was known stays on the page
  }
  figures.state(state);
  if (report) {
    figures.show(report);
    graphs.show(report, span);
  }
  const rested = state === "ended" && report.now - report.last_seen > LONG_AGO_MS;
  timer = setTimeout(turn, rested || state === "gone" ? AT_REST_MS : EVERY_MS);
}

document.addEventListener("visibilitychange", turn);
addEventListener("online", turn);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  graphs.repaint();
  if (report) graphs.show(report, span);
});
document.getElementById("spans").addEventListener("change", ({ target }) => {
  span = target.value ? Number(target.value) * 1000 : Infinity;
  if (report) graphs.show(report, span);
});

/** For tests, and for the curious at the console. */
window.sightstream = Object.freeze({
  get report() {
    return report;
  },
});

turn();
