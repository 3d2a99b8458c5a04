/* The line to seek on, with a picture of the moment that is pointed at, and marks where chapters begin. */

import { h } from "../dom.js";
import { clock, spoken } from "../words.js";
import { chapterAt, marks } from "./chapters.js";
import { cueAt } from "./storyboard.js";

const HIDE_AFTER_MS = 1500;

export function timeline(video, chapters) {
  const range = h("input", { type: "range", class: "seek", min: "0", max: "1", step: "any", value: "0", "aria-label": "Seek" });
  const picture = h("span", { class: "picture" });
  const time = h("span", { class: "time" });
  const title = h("span", { class: "title" });
  const preview = h("span", { class: "preview", "aria-hidden": "true", hidden: true }, picture, title, time);
  const marked = marks(chapters);
  const element = h("div", { class: "timeline" }, range, marked.element, preview);
  let cues = [];
  let isDragged = false;
  let hiding = 0;

  function shape() {
    if (Number.isFinite(video.duration)) range.max = String(video.duration);
    if (!isDragged) range.value = String(video.currentTime);
    const chapter = chapterAt(chapters, video.currentTime);
    const said = `${spoken(video.currentTime)} of ${spoken(video.duration)}${chapter ? `, ${chapter.title}` : ""}`;
    if (range.getAttribute("aria-valuetext") !== said) range.setAttribute("aria-valuetext", said);
    const length = Number(range.max) || 1;
    marked.place(length);
    element.style.setProperty("--played", `${(100 * Number(range.value)) / length}%`);
    element.style.setProperty("--buffered", `${(100 * bufferedTo(video)) / length}%`);
  }

  function point(seconds) {
    const length = Number(range.max) || 1;
    const cue = cueAt(cues, seconds);
    picture.hidden = cue === null;
    if (cue) {
      Object.assign(picture.style, { width: `${cue.width}px`, height: `${cue.height}px` });
      Object.assign(picture.style, { backgroundImage: `url("${cue.sheet}")`, backgroundPosition: `-${cue.x}px -${cue.y}px` });
    }
    time.textContent = clock(seconds);
    title.textContent = chapterAt(chapters, seconds)?.title ?? "";
    title.hidden = title.textContent === "";
    preview.hidden = false;
    const [width, room] = [preview.offsetWidth, element.clientWidth];
    const left = Math.min(Math.max(0, (room * seconds) / length - width / 2), Math.max(0, room - width));
    preview.style.left = `${left}px`;
  }

  function hide() {
    preview.hidden = true;
  }

  function pointFor(seconds) {
    point(seconds);
    clearTimeout(hiding);
    hiding = setTimeout(hide, HIDE_AFTER_MS);
  }

  element.addEventListener("pointermove", ({ clientX }) => {
    clearTimeout(hiding);
    const { left, width } = range.getBoundingClientRect();
    point(Math.min(1, Math.max(0, (clientX - left) / width)) * Number(range.max));
  });
  element.addEventListener("pointerleave", hide);
  range.addEventListener("input", () => {
    isDragged = true;
    pointFor(Number(range.value));
    shape();
  });
  range.addEventListener("change", () => {
    isDragged = false;
    video.currentTime = Number(range.value);
  });
  for (const event of ["timeupdate", "durationchange", "progress", "seeking", "loadedmetadata"]) {
    video.addEventListener(event, shape);
  }
  shape();
  return {
    element,
    /** Show the picture of a moment for a while: for whoever seeks by keys. */
    pointFor,
    setCues(loaded) {
      cues = loaded;
    },
  };
}

/** The end of what is buffered without a hole from where the video is. */
function bufferedTo({ buffered, currentTime }) {
  for (let index = 0; index < buffered.length; index += 1) {
    if (buffered.start(index) <= currentTime + 0.1 && currentTime <= buffered.end(index)) return buffered.end(index);
  }
  return currentTime;
}
