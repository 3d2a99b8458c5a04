/* The player: the video, what stands over it, and the controls below. */

import { h, svg } from "../dom.js";
import { FULL, PAUSE, PLAY, QUALITY, REPLAY, SMALL } from "../icons.js";
import { clock } from "../words.js";
import { chapterList } from "./chapters.js";
import { AUTO } from "./choices.js";
import { listen } from "./keys.js";
import { lifting } from "./lifting.js";
import { menu } from "./menu.js";
import { reporting } from "./reporting.js";
import { resuming } from "./resuming.js";
import { open } from "./source.js";
import { load } from "./storyboard.js";
import { timeline } from "./timeline.js";
import { tracks as trackMenus } from "./tracks.js";
import { volume } from "./volume.js";

const QUIET_AFTER_MS = 2500;

/** Plays what `address` of the API's `detail` names, from `from` seconds on. `onTrouble` gets an HTTP status, or 0, and
    `report` where the player is; it ends with the signal. */
export function player({ title, master, poster, storyboard, resolutions, tracks, chapters, from, report, onTrouble, signal }) {
  const video = h("video", { playsinline: true, preload: "auto", poster, "aria-label": title });
  const line = timeline(video, chapters);
  const lift = lifting(video, line.element);
  const loudness = volume(video);
  const quality = menu({ label: "Quality", icon: QUALITY, onChoose: (id) => choose(id) });
  const alternatives = trackMenus();
  const playing = h("button", { class: "control", type: "button", on: { click: toggle } });
  const start = h("button", { class: "start", type: "button", on: { click: toggle } });
  const time = h("span", { class: "time" });
  const full = h("button", { class: "control", type: "button", on: { click: fullScreen } });
  const resume = resuming(video, { from, toggle });
  const trouble = h("div", { class: "trouble", role: "alert", hidden: true });
  const menus = [alternatives.texts, alternatives.sounds, quality.element];
  const bar = h("div", { class: "bar" }, playing, loudness.element, time, h("span", { class: "room" }), ...menus, full);
  const controls = h("div", { class: "controls" }, line.element, bar);
  const spinner = h("span", { class: "spinner", "aria-hidden": "true" });
  const element = h("section", { class: "player", "aria-label": "Player" }, video, spinner, start, resume.element, trouble, controls);
  let source = null;
  let isToBegin = false; // asked for before there was anything to play
  let quietening = 0;

  function toggle() {
    if (source === null) isToBegin = !isToBegin;
    else if (video.paused) video.play().catch(() => {});
    else video.pause();
  }

  function jump(share) {
    skip(share * video.duration - video.currentTime);
  }

  function skip(seconds) {
    if (!Number.isFinite(video.duration)) return;
    video.currentTime = Math.min(video.duration, Math.max(0, video.currentTime + seconds));
    stir();
    line.pointFor(video.currentTime);
  }

  function fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (element.requestFullscreen) element.requestFullscreen().catch(() => {});
    else video.webkitEnterFullscreen?.(); // iPhones
  }

  function choose(id) {
    source.choose(id);
    shapeMenus();
  }

  /** From the list of chapters: to be watched from there. */
  function goTo(seconds) {
    skip(seconds - video.currentTime);
    if (video.paused) toggle();
  }

  function shapeMenus() {
    if (source === null) return;
    alternatives.shape(source);
    const chosen = source.qualities.find(({ id }) => id === source.quality);
    const auto = source.playing && source.quality === AUTO ? `Auto (${source.playing})` : "Auto";
    const items = source.qualities.length > 1 ? [{ id: AUTO, label: auto }, ...source.qualities] : [];
    quality.show({ items, chosen: source.quality, summary: chosen?.label ?? auto });
  }

  function shape() {
    const [icon, label] = video.ended ? [REPLAY, "Play again"] : video.paused ? [PLAY, "Play"] : [PAUSE, "Pause"];
    for (const button of [playing, start]) {
      button.replaceChildren(svg(icon));
      button.setAttribute("aria-label", button === start ? `${label}: ${title}` : `${label} (K)`);
    }
    const isCovered = !video.paused || !trouble.hidden;
    start.hidden = isCovered || resume.isAsking();
    resume.element.hidden = isCovered || !resume.isAsking();
    element.classList.toggle("is-playing", !video.paused);
    stir();
  }

  function shapeTime() {
    const length = Number.isFinite(video.duration) ? ` / ${clock(video.duration)}` : "";
    const shown = `${clock(video.currentTime)}${length}`;
    if (time.textContent !== shown) time.textContent = shown;
  }

  /** Show the controls, and hide them again when nothing is done and the video plays. */
  function stir() {
    beQuiet(false);
    clearTimeout(quietening);
    quietening = setTimeout(() => {
      const isInUse = quality.isOpen() || alternatives.isOpen() || controls.querySelector(":focus-visible, :hover");
      beQuiet(!video.paused && !isInUse);
    }, QUIET_AFTER_MS);
  }

  function beQuiet(isQuiet) {
    element.classList.toggle("is-quiet", isQuiet);
    lift(!isQuiet);
  }

  function shapeFull() {
    const isFull = document.fullscreenElement === element;
    full.replaceChildren(svg(isFull ? SMALL : FULL));
    full.setAttribute("aria-label", isFull ? "Leave full screen (F)" : "Full screen (F)");
  }

  for (const event of ["play", "pause", "ended", "seeked"]) video.addEventListener(event, shape);
  for (const event of ["timeupdate", "durationchange", "seeking"]) video.addEventListener(event, shapeTime);
  for (const event of ["waiting", "seeking"]) video.addEventListener(event, () => element.classList.add("is-waiting"));
  for (const event of ["playing", "canplay", "seeked", "pause"]) {
    video.addEventListener(event, () => element.classList.remove("is-waiting"));
  }
  for (const event of ["pointermove", "focusin", "keydown"]) element.addEventListener(event, stir);
  video.addEventListener("click", ({ pointerType }) => {
    if (pointerType !== "touch") toggle();
    else if (element.classList.contains("is-quiet")) stir();
    else beQuiet(!video.paused);
  });
  video.addEventListener("dblclick", fullScreen);
  document.addEventListener("fullscreenchange", shapeFull, { signal });
  const { toggleTexts } = alternatives;
  reporting(video, { report, signal });
  listen({ toggle, skip, jump, louder: loudness.step, mute: loudness.toggle, toggleTexts, fullScreen }, signal);

  async function begin() {
    const opened = await open(video, { master, resolutions, tracks, from, onChange: shapeMenus, onTrouble });
    if (signal.aborted) return opened.destroy();
    source = opened;
    shapeMenus();
    if (isToBegin) toggle();
    signal.addEventListener("abort", () => source.destroy());
    line.setCues(storyboard ? await load(storyboard, signal) : []);
    return undefined;
  }

  shape();
  shapeTime();
  shapeFull();
  begin();
  return {
    element,
    chapters: chapterList(chapters, { video, goTo }),
    /** Fetch everything anew, from where it was. */
    reload: () => source.reload(),
    /** Say over the picture what is wrong; with nothing to say the picture is free again. */
    tell(...words) {
      trouble.replaceChildren(...words);
      trouble.hidden = words.length === 0;
      shape();
    },
  };
}
