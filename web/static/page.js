// The page: joins stage, preview, sender, socket and view, and says what is so.

import { watchCameras } from "./camera.js";
import { now } from "./frame.js";
import { watchFiles } from "./intake.js";
import { LabelList } from "./labels.js";
import { Clock } from "./meters.js";
import { Pass } from "./session_token.js";
import { Preview } from "./preview.js";
import { Sender } from "./sender.js";
import { Socket } from "./socket.js";
import { Stage } from "./source_controller.js";
import { View } from "./view.js";

const METERS_MS = 250;
const ASTRAY = new Set(["unreadable", "too_large", "unknown_model"]); // the other drops pass by themselves

const view = new View();
const pass = new Pass();
const preview = new Preview(view.at("preview"));
const list = new LabelList(view.at("labels"), view.at("voice"));
const socket = new Socket(address, ping, { word: hear, state: connectionChanged, closed });
const sender = new Sender(preview, socket);
const stage = new Stage(view.at("video"), {
  frame(source) {
    preview.draw(source);
    sender.offer(source);
  },
  changed: refresh,
  failed: (title, text) => view.notice("source", title, text),
  cameras: (cameras, current) => view.cameras(cameras, current),
});

let session = null;
let clock = new Clock();
let model = null; // the one that answers here; null while no worker is ready
let wanted = null; // the name of the one that the person picked
let complaint = ""; // what the server said last, before it closed

function address() {
  const url = new URL("ws", location.href.replace(/^http/, "ws"));
  const wishes = { token: pass.token, model: wanted, pending: sender.ledger.waiting.join(",") };
  url.search = new URLSearchParams(Object.entries(wishes).filter(([, wish]) => wish));
  return url.href;
}

function ping() {
  return { type: "ping", sent: now(), offset: clock.best?.offset ?? null };
}

function hear(message) {
  switch (message.type) {
    case "welcome":
      sender.welcome(message, message.session === session);
      session = message.session;
      clock = new Clock(); // it may be another server's
      pass.token = message.token;
      complaint = "";
      view.settled("connection");
      view.stats(message.stats);
      serve(message);
      break;
    case "models":
      serve(message);
      break;
    case "labels":
      sender.labels(message, ({ labels, steady, model, version }) => {
        if (!stage.source) return; // it was under way when the camera was stopped
        list.show(labels, performance.now());
        view.seenBy(model, version);
        view.steady(steady);
        view.settled("frame");
      });
      break;
    case "dropped":
      sender.dropped(message);
      if (ASTRAY.has(message.reason)) {
        view.notice("frame", "A frame got no labels", message.message ?? message.reason);
      }
      break;
    case "pong":
      clock.pong(message.sent, message.server, now());
      break;
    case "error":
      complaint = message.message;
      view.notice("connection", "The server says", complaint);
  }
}

function serve({ models, model: answering }) {
  if (wanted && models.length > 0 && !models.some(({ name }) => name === wanted)) {
    wanted = null; // it is no longer served, and another is
    socket.open();
    return;
  }
  if (answering?.name !== model?.name) sender.modelChanged();
  model = answering;
  preview.side = model?.input_size;
  view.models(models, model);
  refresh();
}

function connectionChanged(state, reason) {
  if (state === "refused") {
    const again = { name: "Connect again", run: () => socket.open() };
    view.notice("connection", "The server ended this connection", complaint || reason || "It gave no reason.", again);
  }
  refresh();
}

function closed(next) {
  if (next === "anew") pass.token = null;
  if (next === "smaller") sender.tooLarge();
}

/** Shows what is so now: connected or not, sending or not, and why not. */
function refresh() {
  const state = socket.state === "open" && !model ? "idle" : socket.state;
  const { source } = stage;
  sender.ready = state === "open" && source !== null; // a picture still being encoded is not sent after Stop
  view.connection(state === "waiting" && !navigator.onLine ? "offline" : state);
  if (source) view.settled("source");
  else {
    preview.clear();
    list.rest();
    view.steady(null);
  }
  view.stage(stage, source ? doing(state) : "", preview.side);
}

function doing(state) {
  if (document.hidden) return "Paused while this tab is hidden";
  return { open: "Live", idle: "Waiting for a worker" }[state] ?? "Waiting for the server";
}

const picked = () => view.at("cameras").value || undefined;
view.at("start").addEventListener("click", () => {
  if (stage.source || stage.opening) stage.stop();
  else stage.camera(picked());
});
view.at("cameras").addEventListener("change", () => stage.source?.kind === "camera" && stage.camera(picked()));
view.at("cap").addEventListener("change", (event) => (sender.cap = Number(event.target.value)));
view.at("model-choice").addEventListener("change", (event) => {
  wanted = event.target.value;
  socket.open();
});
view.at("notice-close").addEventListener("click", () => view.settled(view.at("notice").dataset.about));
watchCameras(() => stage.listCameras());
watchFiles(
  { picker: view.at("file"), samples: document.querySelectorAll(".sample"), root: document.documentElement },
  (file) => stage.file(file),
  () => view.notice("source", "Nothing to look at in that", "Drop a picture or a video file from a folder here."),
);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) socket.hurry();
  refresh();
});
addEventListener("online", () => socket.hurry());
addEventListener("offline", refresh);
addEventListener("pageshow", (event) => event.persisted && socket.hurry());
setInterval(() => {
  view.speed(sender.rates(stage.source));
  view.counts(sender.ledger.counts);
}, METERS_MS);

/** For tests, and for the curious at the console. */
window.sightstream = Object.freeze({
  get session() {
    return session;
  },
  get counts() {
    return sender.ledger.counts;
  },
  get late() {
    return sender.ledger.late;
  },
  get labels() {
    return sender.ledger.labels;
  },
  get last() {
    return sender.last;
  },
  get fps() {
    return sender.rates().fps;
  },
  get latency() {
    return sender.rates().latency;
  },
  get flow() {
    const { target, quality, window } = sender.rates(stage.source);
    return { fps: target, quality, window };
  },
  get roundTrips() {
    return [...sender.roundTrips];
  },
  get clock() {
    return clock.best;
  },
});

stage.listCameras();
socket.open();
