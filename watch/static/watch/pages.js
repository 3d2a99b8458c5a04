/* The way through what is shown a page at a time. */

import { h } from "./dom.js";
import { to } from "./router.js";

/** Links to the pages before and after; null where there is only one. */
export function pages({ path, query, page, last }) {
  if (last < 2 || page > last) return null;
  const link = (number, label) => {
    const other = new URLSearchParams(query);
    other.set("page", number);
    return h("a", { class: "button", href: to(`${path}?${other}`), rel: number < page ? "prev" : "next" }, label);
  };
  return h(
    "nav",
    { class: "pages", "aria-label": "Pages" },
    page > 1 && link(page - 1, "Newer"),
    h("span", {}, `Page ${page} of ${last}`),
    page < last && link(page + 1, "Older"),
  );
}
