/* How loud it is, remembered for the next video. */

import { h, svg } from "../dom.js";
import { LOUD, MUTED } from "../icons.js";

const KEPT_AS = "videoflix.volume";
const STEP = 0.1;

export function volume(video) {
  const button = h("button", { class: "control", type: "button" });
  const range = h("input", { type: "range", class: "loudness", min: "0", max: "1", step: "0.05", "aria-label": "Volume" });

  function shape() {
    const isSilent = video.muted || video.volume === 0;
    button.replaceChildren(svg(isSilent ? MUTED : LOUD));
    button.setAttribute("aria-label", isSilent ? "Unmute (M)" : "Mute (M)");
    button.title = button.getAttribute("aria-label");
    range.value = isSilent ? "0" : String(video.volume);
    range.setAttribute("aria-valuetext", isSilent ? "Muted" : `${Math.round(100 * video.volume)} %`);
    range.style.setProperty("--played", `${100 * Number(range.value)}%`);
  }

  function toggle() {
    video.muted = !video.muted;
    if (!video.muted && video.volume === 0) video.volume = 0.5;
  }

  function step(direction) {
    video.muted = false;
    video.volume = Math.min(1, Math.max(0, Math.round(10 * (video.volume + direction * STEP)) / 10));
  }

  button.addEventListener("click", toggle);
  range.addEventListener("input", () => {
    video.muted = false;
    video.volume = Number(range.value);
  });
  Object.assign(video, kept());
  video.addEventListener("volumechange", () => {
    shape();
    localStorage.setItem(KEPT_AS, JSON.stringify({ volume: video.volume, muted: video.muted }));
  });
  shape();
  return { element: h("div", { class: "volume" }, button, range), toggle, step };
}

function kept() {
  try {
    const { volume: loudness, muted } = JSON.parse(localStorage.getItem(KEPT_AS));
    return loudness >= 0 && loudness <= 1 ? { volume: loudness, muted: muted === true } : {};
  } catch {
    return {};
  }
}
