/* What stands around every screen: the name, the search, and who is signed in. */

import { signOut } from "./account.js";
import { h, svg, tell } from "./dom.js";
import { SEARCH } from "./icons.js";
import { go, to } from "./router.js";
import { sentence } from "./words.js";

const SEARCH_AFTER_MS = 300;

const top = document.getElementById("top");
let place = { path: "/", query: new URLSearchParams() };
let typing = 0;

const words = h("input", {
  type: "search",
  name: "search",
  id: "search",
  placeholder: "Search",
  autocomplete: "off",
  maxlength: "200",
  "aria-label": "Search the videos",
  on: { input: searchSoon },
});
const searching = h("form", { role: "search", on: { submit: searchNow } }, svg(SEARCH), words);

export const frame = {
  /** For somebody who is signed in, or for null. */
  show(person) {
    top.replaceChildren(name(), ...(person ? [searching, account(person)] : []));
  },

  /** Agree with the address. */
  follow(arrivedAt) {
    place = arrivedAt;
    if (document.activeElement !== words) words.value = isOnCatalogue() ? (place.query.get("search") ?? "") : "";
  },
};

function name() {
  return h("a", { class: "name", href: to("/") }, "Videoflix");
}

function account(person) {
  const signingOut = h("button", { class: "button quiet", type: "button", on: { click: leave } }, "Sign out");
  return h(
    "nav",
    { "aria-label": "Account" },
    h("a", { class: "button quiet", href: to("/my-list") }, "My list"),
    accountLink(person),
    person.is_staff && h("a", { class: "button quiet", href: "/admin/" }, "Admin"),
    signingOut,
  );
}

/** Called by the e-mail where there is room for it. */
function accountLink({ email }) {
  const attributes = { class: "button quiet", href: to("/account"), title: email, "aria-label": `Account: ${email}` };
  return h("a", attributes, email && h("span", { class: "who" }, email), h("span", { class: email ? "short" : "" }, "Account"));
}

async function leave() {
  try {
    if (await signOut()) tell("You are signed in to the admin as well. Sign out there.");
  } catch (error) {
    tell(sentence(error));
  }
}

function isOnCatalogue() {
  return place.path === "/";
}

function searchSoon() {
  clearTimeout(typing);
  if (isOnCatalogue()) typing = setTimeout(() => search({ replace: true }), SEARCH_AFTER_MS);
}

function searchNow(event) {
  event.preventDefault();
  clearTimeout(typing);
  search({ replace: isOnCatalogue() });
}

function search({ replace }) {
  const query = new URLSearchParams(isOnCatalogue() ? place.query : "");
  query.delete("page");
  query.set("search", words.value.trim());
  if (!query.get("search")) query.delete("search");
  go(query.size ? `/?${query}` : "/", { replace, keepsFocus: true });
}
