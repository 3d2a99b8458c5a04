/* What the viewer has put on their list: a page at a time, each to be taken off again. */

import { grid } from "../cards.js";
import { categories } from "../categories.js";
import { h } from "../dom.js";
import { pages } from "../pages.js";
import { again, to } from "../router.js";
import { listed, takeOffList } from "../watching.js";

const PAGE = 24;
const TAKING_OFF = { label: (title) => `Take ${title} off your list`, remove: ({ id }) => takeOffList(id), afterLast: again };

export async function myList({ query, signal }) {
  const page = Math.max(1, Math.floor(Number(query.get("page"))) || 1);
  const names = categories(signal).catch(() => null); // an extra: the list is shown without them
  const [{ body: videos, total }] = await Promise.all([listed({ limit: PAGE, offset: (page - 1) * PAGE, signal }), names]);
  return {
    title: "My list",
    content: [
      h("div", { class: "head" }, h("h1", {}, "My list")),
      videos.length ? grid(videos, TAKING_OFF) : nothing(),
      pages({ path: "/my-list", query, page, last: Math.ceil(total / PAGE) }),
    ],
  };
}

function nothing() {
  const words = "Nothing is on your list here. Each video's page has a button that puts it there.";
  return h("div", { class: "empty" }, h("p", {}, words), h("a", { class: "button", href: to("/") }, "To the videos"));
}
