// The camera page: connects source, preview, sender and socket, and shows their state.

import { TOO_LARGE, UNKNOWN_MODEL, UNREADABLE } from "../shared/outcomes.js";
import { ROOT } from "../shared/root.js";
import { watchCameras } from "../sources/camera.js";
import { watchFiles } from "../sources/file_inputs.js";
import { SourceController } from "../sources/source_controller.js";
import { now } from "../stream/frame.js";
import { FrameSender } from "../stream/frame_sender.js";
import { ClockOffset } from "../stream/measurements.js";
import { SessionToken } from "../stream/session_token.js";
import { Socket } from "../stream/socket.js";
import { LabelList } from "./labels.js";
import { PageView } from "./page_view.js";
import { Preview } from "./preview.js";

const SHOW_SPEED_EVERY_MS = 250;
const EXPLAINED = new Set([UNREADABLE, TOO_LARGE, UNKNOWN_MODEL]); // other drops are normal and need no notice

const view = new PageView();
const token = new SessionToken();
const preview = new Preview(view.at("preview"));
const labelList = new LabelList(view.at("labels"), view.at("announcer"));
const socket = new Socket(address, protocols, ping, { message: receive, state: connectionChanged, closed: connectionClosed });
const sender = new FrameSender(preview, socket);
const controller = new SourceController(view.at("video"), {
  frame(source) {
    preview.draw(source);
    sender.offer(source);
  },
  changed: refresh,
  failed: (title, text) => view.showNotice("source", title, text),
  remark: (title, text) => view.showNotice("files", title, text),
  cameras: (cameras, current) => view.showCameras(cameras, current),
});

let session = null;
let clock = new ClockOffset();
let model = null; // the one that answers this page; null while no worker is ready
let chosenModel = null; // the name of the one that the person chose
let serverError = ""; // the last error message of this connection

function address() {
  const url = new URL("ws", ROOT);
  url.protocol = url.protocol.replace("http", "ws");
  const query = { model: chosenModel, pending: sender.counts.pendingNumbers.join(",") };
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
      serverError = "";
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
        view.showNotice("frame", "A frame got no labels", message.message ?? message.reason);
      }
      break;
    case "pong":
      clock.addPong(message.sent, message.server, now());
      break;
    case "error":
      serverError = message.message;
      view.showNotice("connection", "The server says", serverError);
  }
}

function showLabels({ labels, steady, model, version }) {
  if (!controller.source) return; // the source was stopped while this frame was in flight
  labelList.show(labels, performance.now());
  view.showLabelsModel(model, version);
  view.showSteadyLabel(steady);
  view.hideNotice("frame");
}

function modelsChanged({ models, model: answering }) {
  if (chosenModel && models.length > 0 && !models.some(({ name }) => name === chosenModel)) {
    chosenModel = null; // it is no longer served, but another one is
    socket.open();
    return;
  }
  const isSame = answering?.name === model?.name && answering?.version === model?.version;
  if (!isSame) sender.modelChanged(); // also at a promotion: the next version may be slower, and cut pictures otherwise
  model = answering;
  if (model) preview.model = model;
  view.showModels(models, model);
  refresh();
}

function connectionChanged(state, reason) {
  if (state === "refused") {
    const action = { name: "Connect again", run: () => socket.open() };
    const text = serverError || reason || "It gave no reason.";
    view.showNotice("connection", "The server ended this connection", text, action);
  }
  refresh();
}

function connectionClosed(next) {
  if (next === "new session") token.value = null;
  if (next === "smaller frames") sender.frameTooLarge();
}

/** Shows the present state: whether the page is connected and sending, and why not. */
function refresh() {
  const state = socket.state === "open" && !model ? "idle" : socket.state;
  const { source } = controller;
  sender.ready = state === "open" && source !== null; // after Stop, a picture that is still being encoded is not sent
  view.showConnection(state === "waiting" && !navigator.onLine ? "offline" : state);
  if (source) view.hideNotice("source");
  else {
    preview.clear();
    labelList.dim();
    view.showSteadyLabel(null);
  }
  view.showSource(controller, source ? sourceStatus(state) : "", preview.side);
}

function sourceStatus(state) {
  if (document.hidden) return "Paused while this tab is hidden";
  return { open: "Live", idle: "Waiting for a worker" }[state] ?? "Waiting for the server";
}

const chosenCamera = () => view.at("cameras").value || undefined;
view.at("start").addEventListener("click", () => {
  if (controller.source || controller.opening) controller.stop();
  else controller.openCamera(chosenCamera());
});
view.at("cameras").addEventListener("change", () => {
  if (controller.source?.kind === "camera") controller.openCamera(chosenCamera());
});
view.at("cap").addEventListener("change", (event) => (sender.maxFps = Number(event.target.value)));
view.at("model-choice").addEventListener("change", (event) => {
  chosenModel = event.target.value;
  socket.open();
});
view.at("notice-close").addEventListener("click", () => view.hideNotice());
watchCameras(() => controller.listCameras());
watchFiles(
  { picker: view.at("file"), samples: document.querySelectorAll(".sample"), root: document.documentElement },
  (files) => {
    view.hideNotice("files");
    controller.openFiles(files);
  },
  () => view.showNotice("source", "That is not a file", "Drop a picture or a video file from a folder here."),
);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) socket.reconnectNow();
  refresh();
});
addEventListener("online", () => socket.reconnectNow());
addEventListener("offline", refresh);
addEventListener("pageshow", (event) => event.persisted && socket.reconnectNow());
setInterval(() => {
  view.showSpeed(sender.speed(controller.source));
  view.showCounts(sender.counts.counts);
}, SHOW_SPEED_EVERY_MS);

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
