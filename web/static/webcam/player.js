// The controls of a video file: play, pause and seek.

import { t } from "../shared/texts.js";

const STEPS = 200; // of the slider
const ICONS = { play: "M7 4.5v15l12.5-7.5z", pause: "M7.5 5.5h2v13h-2zM14.5 5.5h2v13h-2z" };

/** Fills `element` with the controls of `video`. It is called once. */
export function createPlayer(element, video) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tool";
  button.innerHTML = `<svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><path/></svg>`;
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0 });
  slider.setAttribute("aria-label", t("Position"));
  const time = document.createElement("span");
  time.className = "time";
  element.replaceChildren(button, slider, time);

  button.addEventListener("click", () => (video.paused ? video.play().catch(() => {}) : video.pause()));
  slider.addEventListener("input", () => (video.currentTime = slider.value));
  const show = () => {
    const { duration, currentTime, paused } = video;
    button.ariaLabel = paused ? t("Play") : t("Pause");
    button.dataset.tip = button.ariaLabel;
    button.querySelector("path").setAttribute("d", paused ? ICONS.play : ICONS.pause);
    slider.disabled = !Number.isFinite(duration); // some recordings do not say how long they are
    slider.max = slider.disabled ? 1 : duration;
    slider.step = slider.max / STEPS;
    if (!video.seeking) slider.value = slider.disabled ? 0 : currentTime;
    const values = { time: clock(currentTime), duration: clock(duration) };
    time.textContent = slider.disabled ? values.time : `${values.time} / ${values.duration}`;
    slider.ariaValueText = t("{time} of {duration}", values);
  };
  for (const event of ["play", "pause", "timeupdate", "seeked", "durationchange"]) video.addEventListener(event, show);
  show();
}

/** 83.4 becomes "1:23", 3723 becomes "1:02:03". */
export function clock(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] > 0 ? parts : parts.slice(1);
  return shown.map((part, i) => (i === 0 ? `${part}` : `${part}`.padStart(2, "0"))).join(":");
}
