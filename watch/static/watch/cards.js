/* Videos as posters in a grid. */

import { local } from "./api.js";
import { nameOf } from "./categories.js";
import { h } from "./dom.js";
import { to } from "./router.js";
import { clock, spoken } from "./words.js";

/** What the list says of videos, as a grid. */
export function grid(videos) {
  return h("ul", { class: "grid" }, ...videos.map(tile));
}

/** As many empty places, while it loads. */
export function emptyGrid(number) {
  const places = Array.from({ length: number }, () => h("li", { class: "tile" }, h("span", { class: "poster" })));
  return h("ul", { class: "grid waiting", "aria-hidden": "true" }, ...places);
}

function tile(video) {
  const length = video.duration === null ? null : clock(video.duration);
  return h(
    "li",
    { class: "tile" },
    h(
      "a",
      { href: to(`/video/${video.id}`) },
      h("span", { class: "poster" }, picture(video), length && h("span", { class: "length", "aria-hidden": "true" }, length)),
      h("span", { class: "title" }, video.title),
    ),
    h("span", { class: "facts" }, nameOf(video.category), length && h("span", { class: "unseen" }, `, ${spoken(video.duration)}`)),
  );
}

function picture({ thumbnail_url: url, title }) {
  if (!url) return h("span", { class: "letter", "aria-hidden": "true" }, title.charAt(0));
  const image = h("img", { src: local(url), alt: "", loading: "lazy", decoding: "async", width: "480", height: "270" });
  image.addEventListener("error", () => image.replaceWith(picture({ thumbnail_url: null, title })));
  return image;
}
