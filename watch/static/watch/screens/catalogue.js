/* All videos as posters: searched, by category, a page at a time. */

import { Refused, call } from "../api.js";
import { begunGrid, emptyGrid, grid } from "../cards.js";
import { categories, nameOf } from "../categories.js";
import { h, say } from "../dom.js";
import { pages } from "../pages.js";
import { to } from "../router.js";
import { begunVideos, forget } from "../watching.js";
import { counted } from "../words.js";

const PAGE = 24;
const MOST_BEGUN = 6;

let chips = { from: null, shown: [] };

export async function catalogue({ query, signal }) {
  const [search, category] = [query.get("search") ?? "", query.get("category") ?? ""];
  const page = Math.max(1, Math.floor(Number(query.get("page"))) || 1);
  const isStart = !search && !category && page === 1;
  const [found, shown, begun] = await Promise.all([
    list({ search, category, page, signal }),
    withVideos(signal),
    isStart ? begunVideos(MOST_BEGUN, signal).catch(() => null) : null, // an extra: the videos are shown without it
  ]);
  const title = category ? nameOf(category) : "Videos";
  say(search || category ? `${counted(found.total, "video")} found` : "");
  return {
    title: search ? `${title}: “${search}”` : title,
    content: [
      begun?.body.length > 0 && continuing(begun.body),
      h("div", { class: "head" }, h("h1", {}, search ? `${title} with “${search}”` : title), chipRow(shown, category, search)),
      found.body.length ? grid(found.body) : nothing({ search, category, page }),
      pages({ path: "/", query, page, last: Math.ceil(found.total / PAGE) }),
    ],
  };
}

function continuing(videos) {
  const section = h("section", { class: "continue", "aria-labelledby": "continue" }, h("h2", { id: "continue" }, "Continue watching"));
  const forgetting = {
    label: (title) => `Don't continue ${title}`,
    remove: ({ id }) => forget(id),
    afterLast: () => section.remove(),
  };
  section.append(begunGrid(videos, forgetting));
  return section;
}

export function catalogueLoading() {
  return [h("div", { class: "head" }, h("h1", {}, "Videos")), emptyGrid(8)];
}

async function list({ search, category, page = 1, limit = PAGE, signal }) {
  const query = new URLSearchParams({ limit, offset: (page - 1) * limit });
  if (search) query.set("search", search);
  if (category) query.set("category", category);
  try {
    return await call(`video/?${query}`, { signal });
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 400) throw error;
    return { body: [], total: 0 }; // a category that there isn't
  }
}

/** The categories that have videos; which do is asked whenever the categories were. */
async function withVideos(signal) {
  const all = await categories(signal);
  if (chips.from !== all) {
    const found = await Promise.all(all.map(({ slug }) => list({ category: slug, limit: 1, signal })));
    chips = { from: all, shown: all.filter((category, position) => found[position].total > 0) };
  }
  return chips.shown;
}

function chipRow(shown, chosen, search) {
  if (shown.length < 2) return null;
  const chip = (category, label) => {
    const query = new URLSearchParams();
    if (search) query.set("search", search);
    if (category) query.set("category", category);
    const attributes = { class: "chip", href: to(query.size ? `/?${query}` : "/") };
    return h("li", {}, h("a", { ...attributes, "aria-current": category === chosen ? "true" : null }, label));
  };
  const links = [chip("", "All"), ...shown.map(({ slug, name }) => chip(slug, name))];
  return h("nav", { "aria-label": "Categories" }, h("ul", { class: "chips" }, ...links));
}

function nothing({ search, category, page }) {
  if (page > 1) return empty("There is no such page.", "To the first page");
  if (search) return empty(`No video has “${search}” in its title or description.`, "Show all videos");
  if (category) return empty("There is no video in this category.", "Show all videos");
  return h("div", { class: "empty" }, h("p", {}, "There is nothing to watch yet. A video appears here as soon as it is ready."));
}

function empty(text, label) {
  return h("div", { class: "empty" }, h("p", {}, text), h("a", { class: "button", href: to("/") }, label));
}
