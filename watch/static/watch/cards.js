/* Videos as posters in a grid. */

import { local } from "./api.js";
import { nameOf } from "./categories.js";
import { h, svg, tell } from "./dom.js";
import { busy } from "./forms.js";
import { CLOSE } from "./icons.js";
import { to } from "./router.js";
import { clock, sentence, spoken, spokenShortly } from "./words.js";

/** What the list says of videos, as a grid. `removing` puts a button on each: {label(title), remove(video), afterLast()}. */
export function grid(videos, removing = null) {
  return h("ul", { class: "grid" }, ...videos.map((video) => h("li", { class: "tile" }, ...tile(video, removing))));
}

/** The same of videos that were begun, each with a bar that tells how far. */
export function begunGrid(videos, removing) {
  return h("ul", { class: "grid begun" }, ...videos.map((video) => h("li", { class: "begun-tile" }, ...begunTile(video, removing))));
}

/** As many empty places, while it loads. */
export function emptyGrid(number) {
  const places = Array.from({ length: number }, () => h("li", { class: "tile" }, h("span", { class: "poster" })));
  return h("ul", { class: "grid waiting", "aria-hidden": "true" }, ...places);
}

function tile(video, removing) {
  const length = video.duration === null ? null : clock(video.duration);
  const marks = [length && h("span", { class: "length", "aria-hidden": "true" }, length)];
  return [
    link(video, marks, h("span", { class: "title" }, video.title)),
    h("span", { class: "facts" }, nameOf(video.category), length && h("span", { class: "unseen" }, `, ${spoken(video.duration)}`)),
    removing && remover(video, removing),
  ];
}

function begunTile(video, removing) {
  const bar = h("span", { class: "done", "aria-hidden": "true" });
  if (video.duration) bar.style.setProperty("--done", `${Math.min(100, (100 * video.position) / video.duration)}%`);
  const title = h("span", { class: "title" }, h("span", { class: "unseen" }, "Continue: "), video.title);
  const left = video.duration === null ? "" : `${spokenShortly(video.duration - video.position)} left`;
  return [link(video, [video.duration !== null && bar], title), h("span", { class: "facts" }, left), remover(video, removing)];
}

function link(video, marks, title) {
  return h("a", { href: to(`/video/${video.id}`) }, h("span", { class: "poster" }, picture(video), ...marks), title);
}

/** Takes its tile away once `remove` has done its part. */
function remover(video, { label, remove, afterLast }) {
  const words = label(video.title);
  const button = h("button", { class: "remove", type: "button", "aria-label": words, title: words }, svg(CLOSE));
  const take = async () => {
    try {
      await remove(video);
      const tile = button.closest("li");
      const beside = tile.nextElementSibling ?? tile.previousElementSibling;
      tile.remove();
      if (beside) beside.querySelector("a").focus();
      else afterLast();
    } catch (error) {
      tell(sentence(error));
    }
  };
  button.addEventListener("click", () => busy(button, take));
  return button;
}

function picture({ thumbnail_url: url, title }) {
  if (!url) return h("span", { class: "letter", "aria-hidden": "true" }, title.charAt(0));
  const image = h("img", { src: local(url), alt: "", loading: "lazy", decoding: "async", width: "480", height: "270" });
  image.addEventListener("error", () => image.replaceWith(picture({ thumbnail_url: null, title })));
  return image;
}
