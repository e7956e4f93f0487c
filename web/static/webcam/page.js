// The camera page: connects source, preview, sender and socket, and shows their state.

import { copyOnClick } from "../shared/copy_link.js";
import { keepFocus } from "../shared/focus.js";
import { outcomeName } from "../shared/format.js";
import { TOO_LARGE, UNKNOWN_MODEL, UNREADABLE } from "../shared/outcomes.js";
import { ROOT } from "../shared/root.js";
import { t } from "../shared/texts.js";
import { watchCameras } from "../sources/camera.js";
import { watchFiles } from "../sources/file_inputs.js";
import { SourceController } from "../sources/source_controller.js";
import { now } from "../stream/frame.js";
import { FrameEncoder } from "../stream/frame_encoder.js";
import { FrameSender } from "../stream/frame_sender.js";
import { ClockOffset } from "../stream/measurements.js";
import { serverText } from "../stream/server_words.js";
import { SessionToken } from "../stream/session_token.js";
import { Socket } from "../stream/socket.js";
import { Announcer } from "./announcer.js";
import { fitFirstScreen } from "./first_screen.js";
import { Headline } from "./headline.js";
import { LabelList } from "./labels.js";
import { liveness } from "./liveness.js";
import { PageView } from "./page_view.js";
import { remember, rememberChoice, remembered } from "./preferences.js";
import { Preview } from "./preview.js";
import { Toolbar } from "./toolbar.js";

const LOOK_EVERY_MS = 100;
const SHOW_NUMBERS_EVERY_MS = 250;
const ASK_AFTER_MS = 500; // a server that frames await an answer of, and that has been silent for so long, is asked
const ASK_IDLE_AFTER_MS = 1000; // the same while nothing is awaited
const CHECK_PIXELS_EVERY_MS = 1000;
const EXPLAINED = new Set([UNREADABLE, TOO_LARGE, UNKNOWN_MODEL]); // other drops are normal and need no notice

const view = new PageView();
const token = new SessionToken();
const encoder = new FrameEncoder();
const preview = new Preview(view.at("preview"), encoder);
const labelList = new LabelList(view.at("labels"));
const headline = new Headline();
const announcer = new Announcer(view.at("announcer"));
const socket = new Socket(address, protocols, ping, { message: receive, state: connectionChanged, closed: connectionClosed });
const sender = new FrameSender(preview, socket, token);
const controller = new SourceController(view.at("video"), {
  frame: showFrame,
  changed: refresh,
  replaced: sourceReplaced,
  failed: (title, text) => view.showNotice("source", title, text),
  cameras(cameras, current) {
    view.showCameras(cameras, current);
    toolbar.cameras = cameras;
  },
});
const toolbar = new Toolbar((id) => view.at(id), {
  frame: showFrame,
  changed: refresh,
  openCamera: openOtherCamera,
  load,
  answer: () => ({
    headline: view.at("headline").textContent,
    labels: labelList.labels,
    model: view.at("labels-model").textContent,
    encode: (canvas, quality) => encoder.encode(canvas, quality),
  }),
});
let results = null; // of several files; it is loaded when there are some

let session = null;
let clock = new ClockOffset();
let models = [];
let model = null; // the one that answers this page; null while no worker is ready
let chosenModel = remembered("model"); // the name of the one that the person chose
let serverError = ""; // the last error message of this connection
let closeReason = ""; // why the server closed the last connection
let labelled = -Infinity; // when the last labels of this source came
let expected = 0; // since when labels can be expected

function address() {
  const url = new URL("ws", ROOT);
  url.protocol = url.protocol.replace("http", "ws");
  const query = { model: chosenModel, pending: sender.counts.pendingNumbers.join(","), sent: token.value && token.sent };
  url.search = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  return url.href;
}

// Addresses stand in logs, and the token is a secret: it is offered as a subprotocol, see web/protocol.py.
function protocols() {
  return ["sightstream", ...(token.value ? [`token.${token.value}`] : [])];
}

function ping() {
  return { type: "ping", sent: now(), offset: clock.best?.offset ?? null };
}

function receive(message) {
  switch (message.type) {
    case "welcome":
      sender.connected(message, message.session === session);
      session = message.session;
      clock = new ClockOffset(); // the server may be another one
      token.value = message.token;
      serverError = closeReason = "";
      view.hideNotice("connection");
      view.showStatsLink(message.stats && new URL(message.stats, ROOT).href);
      modelsChanged(message);
      break;
    case "models":
      modelsChanged(message);
      break;
    case "labels":
      sender.receiveLabels(message, showLabels);
      break;
    case "dropped":
      sender.receiveDrop(message);
      if (EXPLAINED.has(message.reason)) {
        const detail = message.message ? `: ${message.message}` : "";
        view.showNotice("frame", t("A frame got no labels"), outcomeName(message.reason) + detail);
      }
      break;
    case "pong":
      clock.addPong(message.sent, message.server, now());
      break;
    case "error":
      serverError = serverText(message);
      view.showNotice("connection", t("The server says"), serverError);
  }
}

function showLabels({ labels, steady, model: name, version }) {
  labelled = performance.now();
  labelList.show(labels);
  const unsureBelow = models.find((each) => each.name === name)?.unsure_below ?? 0;
  view.showHeadline(headline.of({ labels, steady }, { isStill: controller.source.still, unsureBelow }));
  view.showLabelsModel(name, version);
  view.hideNotice("frame");
  refresh();
}

function modelsChanged(message) {
  if (chosenModel && message.models.length > 0 && !message.models.some(({ name }) => name === chosenModel)) {
    chosenModel = null; // it is no longer served, but another one is
    socket.open();
    return;
  }
  if (JSON.stringify(message.model) !== JSON.stringify(model)) {
    sender.modelChanged();
    headline.clear();
  }
  models = message.models;
  model = message.model;
  if (model) preview.model = model;
  toolbar.show(controller.source, model);
  view.showModels(models, model);
  refresh();
}

function connectionChanged(state, reason) {
  const isOver = state === "waiting" || state === "refused";
  if (isOver) closeReason = reason || state === "refused" ? serverError || reason : "";
  if (state === "refused") {
    const action = { name: t("Connect again"), run: () => socket.open() };
    view.showNotice("connection", t("The server ended this connection"), closeReason || t("It gave no reason."), action);
  }
  refresh();
}

function connectionClosed(next) {
  if (next === "new session") token.value = null;
  if (next === "smaller frames") sender.frameTooLarge();
}

function showFrame(source) {
  preview.draw(source);
  sender.pictureChanged();
  sender.offer(source);
}

/** There is another source, or none: what is shown of the one before is over. */
function sourceReplaced() {
  const { source, opening } = controller;
  sender.sourceChanged();
  headline.clear();
  if (source || !opening) toolbar.show(source, model); // the buttons do not go between two sources
  expected = performance.now();
  if (source) view.hideNotice("source");
  else preview.clear();
  if (source || opening) {
    labelled = -Infinity;
    labelList.clear();
    view.showHeadline(t("Nothing seen yet"));
    view.showLabelsModel();
  }
  refresh();
}

/** Shows the present state: whether the labels are of now, and why not. */
function refresh() {
  const { source } = controller;
  const isReady = socket.state === "open" && model !== null && source !== null;
  const isExpecting = isReady && !document.hidden && !source.interruption && !encoder.blocked;
  const time = performance.now();
  if (!isExpecting) expected = time;
  sender.ready = isReady; // after Stop, a picture that is still being encoded is not sent
  const state = liveness({
    time,
    online: navigator.onLine,
    hidden: document.hidden,
    link: { ...socket.facts, reason: closeReason },
    served: model !== null,
    source,
    since: expected,
    labelled,
    current: sender.isCurrent,
    blocked: encoder.blocked,
    isDetour: encoder.isDetour,
    outcomes: sender.outcomes.values(time),
    awaited: sender.counts.pending,
  });
  view.showState(state);
  view.showSource(controller, toolbar.viewfinder.caption);
  const trouble = state.header.name === "open" ? "" : state.header.title;
  announcer.say(state.isStale ? trouble : view.at("headline").textContent, time);
}

/** What is done again and again. */
function look() {
  const { source } = controller;
  const silence = performance.now() - socket.facts.heard;
  if (source && !document.hidden && silence > (sender.counts.pending > 0 ? ASK_AFTER_MS : ASK_IDLE_AFTER_MS)) {
    socket.askNow();
  }
  if (source?.still && !document.hidden) sender.offer(source); // it may have got no answer, or another model is there
  refresh();
}

function showNumbers() {
  view.showSpeed(sender.speed(controller.source));
  view.showCounts(sender.counts.counts);
}

/** The camera that was picked; before the cameras are known, the one of the visit before. */
const chosenCamera = () => ({ id: view.at("cameras").value, wish: remembered("camera") });

async function openOtherCamera(which) {
  await controller.openCamera(which);
  if (controller.source?.camera) remember("camera", controller.source.camera);
}

/** A part of the page that is seldom used, or null: without the network it cannot be loaded. */
async function load(part) {
  try {
    return await part();
  } catch {
    const text = t("A part of this page could not be loaded. Reload the page when the server can be reached.");
    view.showNotice("part", t("This does not work now"), text);
    return null;
  }
}

async function openFiles(files, more) {
  encoder.check().then(refresh);
  if (files.length === 1) {
    controller.openFile(files[0]);
    return;
  }
  const part = await load(() => import("./file_results.js"));
  if (!part) return;
  results ??= new part.FileResults(view.at("results"), {
    picture: view.at("picture"),
    sender,
    encoder,
    model: () => model,
    isOpen: () => socket.state === "open" && model !== null && !encoder.blocked,
    open: (file) => controller.openFile(file),
  });
  results.add(files, more);
}

view.at("start").addEventListener("click", () => {
  if (controller.source || controller.opening) controller.stop();
  else {
    encoder.check().then(refresh);
    controller.openCamera(chosenCamera());
  }
});
view.at("cameras").addEventListener("change", () => {
  remember("camera", view.at("cameras").value); // empty for any
  if (controller.source?.kind === "camera") controller.openCamera(chosenCamera());
});
view.at("cap").addEventListener("change", (event) => (sender.maxFps = Number(event.target.value)));
rememberChoice(view.at("cap"), "fps");
copyOnClick(view.at("copy-stats"), () => view.at("stats").href);
view.at("model-choice").addEventListener("change", (event) => {
  chosenModel = event.target.value;
  remember("model", chosenModel);
  socket.open();
});
view.at("notice-close").addEventListener("click", () => view.hideNotice());
keepFocus(view.at("start"));
fitFirstScreen(view.at("first-screen"), view.at("picture-space"));
watchCameras(() => controller.listCameras());
watchFiles(
  { picker: view.at("file"), samples: document.querySelectorAll(".sample"), root: document.documentElement },
  openFiles,
  () => view.showNotice("source", t("That is not a file"), t("Drop a picture or a video file from a folder here.")),
  () => {
    const why = navigator.onLine ? t("The server cannot be reached.") : t("This device is offline.");
    view.showNotice("source", t("The sample could not be loaded"), why);
  },
);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) socket.check();
  refresh();
});
addEventListener("online", () => socket.check());
addEventListener("offline", refresh);
addEventListener("pageshow", (event) => event.persisted && socket.check());
setInterval(look, LOOK_EVERY_MS);
setInterval(showNumbers, SHOW_NUMBERS_EVERY_MS);
setInterval(() => encoder.blocked && encoder.check(), CHECK_PIXELS_EVERY_MS); // the person may have allowed it meanwhile

/** For tests, and for use in the browser's console. */
window.sightstream = Object.freeze({
  get session() {
    return session;
  },
  get counts() {
    return sender.counts.counts;
  },
  get late() {
    return sender.counts.late;
  },
  get labels() {
    return sender.counts.labels;
  },
  get last() {
    return sender.last;
  },
  get fps() {
    return sender.speed().fps;
  },
  get latency() {
    return sender.speed().latency;
  },
  get limits() {
    const { target, quality, window } = sender.speed(controller.source);
    return { fps: target, quality, window };
  },
  get roundTrips() {
    return [...sender.roundTrips];
  },
  get clock() {
    return clock.best;
  },
});

controller.listCameras();
socket.open();
