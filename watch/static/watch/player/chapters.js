/* Chapters: marks on the timeline, and a list to go to one. A chapter is {start, end, title}, in seconds. */

import { h } from "../dom.js";
import { clock } from "../words.js";

/** The chapter of a moment; null between two, and where there are none. */
export function chapterAt(chapters, time) {
  return chapters.findLast(({ start, end }) => start <= time && time <= end) ?? null;
}

/** A mark where each chapter but the first begins; `place(length)` puts them on a line of so many seconds. */
export function marks(chapters) {
  const all = chapters.filter(({ start }) => start > 0).map(({ start }) => ({ start, mark: h("span", { class: "mark" }) }));
  const element = h("span", { class: "marks", "aria-hidden": "true" }, ...all.map(({ mark }) => mark));
  return {
    element,
    place(length) {
      for (const { start, mark } of all) {
        mark.hidden = start >= length;
        mark.style.left = `${(100 * start) / length}%`;
      }
    },
  };
}

/** The list below the video; null without chapters. `goTo` gets seconds. */
export function chapterList(chapters, { video, goTo }) {
  if (chapters.length === 0) return null;
  const buttons = chapters.map(({ start, title }) =>
    h(
      "button",
      { type: "button", on: { click: () => goTo(start) } },
      h("span", { class: "time" }, clock(start)),
      h("span", {}, title),
    ),
  );
  const shape = () => {
    const now = chapters.indexOf(chapterAt(chapters, video.currentTime));
    buttons.forEach((button, index) => {
      if (index === now) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
  };
  for (const event of ["timeupdate", "seeking"]) video.addEventListener(event, shape);
  shape();
  const items = buttons.map((button) => h("li", {}, button));
  return h("section", { class: "chapters" }, h("h2", {}, "Chapters"), h("ol", {}, ...items));
}
