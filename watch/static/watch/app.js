/* The page to watch on: which address shows which screen, and what happens when somebody signs in or out.

   A screen is a function of {query, parameters, signal}; it resolves to {title, content} once it has what it shows, and
   stops what it has begun when the signal is aborted. `whileLoading` makes what is seen until then. */

import { SignedOut } from "./api.js";
import { find, forget, onChange, whoIsSignedIn } from "./account.js";
import { h, say, tell } from "./dom.js";
import { frame } from "./frame.js";
import { again, go, here, rememberedScroll, start, to } from "./router.js";
import { account } from "./screens/account.js";
import { catalogue, catalogueLoading } from "./screens/catalogue.js";
import { activate, newEmail, newPassword } from "./screens/links.js";
import { myList } from "./screens/my-list.js";
import { forgottenPassword, register, signIn } from "./screens/signing-in.js";
import { video, videoLoading } from "./screens/video.js";
import { sentence } from "./words.js";

const LOADING_AFTER_MS = 250;

// `for`: people who are signed in, guests, or anybody. The last two are where links in mails lead.
const SCREENS = [
  { path: /^\/$/, screen: catalogue, for: "people", whileLoading: catalogueLoading },
  { path: /^\/video\/([1-9]\d{0,17})$/, screen: video, for: "people", whileLoading: videoLoading },
  { path: /^\/my-list$/, screen: myList, for: "people" },
  { path: /^\/account$/, screen: account, for: "people" },
  { path: /^\/sign-in$/, screen: signIn, for: "guests" },
  { path: /^\/register$/, screen: register, for: "guests" },
  { path: /^\/forgotten-password$/, screen: forgottenPassword, for: "guests" },
  { path: /^\/pages\/auth\/activate\.html$/, screen: activate, for: "anybody" },
  { path: /^\/pages\/auth\/confirm_password\.html$/, screen: newPassword, for: "anybody" },
  { path: /^\/pages\/auth\/confirm_email\.html$/, screen: newEmail, for: "anybody" },
];
const NOWHERE = { screen: nothingHere, for: "anybody" };

const main = document.getElementById("main");
let audience = "anybody"; // of the screen that is shown
let current = new AbortController();
let noteForNext = "";

async function show(place) {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const found = SCREENS.find(({ path }) => path.test(place.path)) ?? NOWHERE;
  audience = found.for;
  if (isElsewhere(found.for, place.query)) return;
  frame.follow(place);
  const loading = setTimeout(() => showLoading(found), LOADING_AFTER_MS);
  try {
    const parameters = found.path?.exec(place.path)?.slice(1) ?? [];
    present(await found.screen({ query: place.query, parameters, signal }), place, signal);
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof SignedOut) forget();
    else present(failed(error), place, signal);
  } finally {
    clearTimeout(loading);
  }
}

/** Send guests to the form to sign in, and people away from it. */
function isElsewhere(audience, query) {
  if (audience === "people" && !whoIsSignedIn()) go(signInAddress(), { replace: true });
  else if (audience === "guests" && whoIsSignedIn()) go(query.get("next") || "/", { replace: true });
  else return false;
  return true;
}

function signInAddress() {
  return here() === "/" ? "/sign-in" : `/sign-in?${new URLSearchParams({ next: here() })}`;
}

function present({ title, content }, place, signal) {
  if (signal.aborted) return;
  document.title = title === "Videoflix" ? title : `${title} · Videoflix`;
  tell(noteForNext);
  noteForNext = "";
  main.removeAttribute("aria-busy");
  main.replaceChildren(...[content].flat().filter(Boolean));
  if (place.keepsFocus) return;
  scrollTo(0, place.isBack ? rememberedScroll() : 0);
  if (!place.isFirst) focusOnHeading();
}

function focusOnHeading() {
  const target = main.querySelector("[autofocus]") ?? main.querySelector("h1") ?? main;
  if (!target.hasAttribute("tabindex") && target.tagName === "H1") target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

function showLoading({ whileLoading }) {
  main.setAttribute("aria-busy", "true");
  say("Loading");
  if (whileLoading) main.replaceChildren(...[whileLoading()].flat());
}

function failed(error) {
  if (error.status === 404) return nothingHere();
  const retry = h("button", { class: "button", type: "button", on: { click: again } }, "Try again");
  return {
    title: "Something went wrong",
    content: h("div", { class: "empty" }, h("h1", {}, "Something went wrong"), h("p", {}, sentence(error)), retry),
  };
}

function nothingHere() {
  const home = h("a", { class: "button", href: to("/") }, "To the videos");
  return {
    title: "Nothing here",
    content: h("div", { class: "empty" }, h("h1", {}, "Nothing here"), h("p", {}, "This page or video doesn't exist, or not any more."), home),
  };
}

onChange((person, before, isAskedFor) => {
  frame.show(person);
  if (person === null && before !== null) {
    const asked = typeof isAskedFor === "string" ? isAskedFor : "You are signed out.";
    noteForNext = isAskedFor ? asked : "You have been signed out. Sign in to go on where you were.";
    if (isAskedFor && audience === "people") go("/sign-in", { replace: true });
    else if (audience === "people") go(signInAddress(), { replace: true });
  } else if (current.signal.aborted === false && audience !== "anybody") {
    again();
  }
});

async function begin() {
  try {
    await find();
  } catch (error) {
    noteForNext = sentence(error);
  }
  frame.show(whoIsSignedIn());
  start(show);
}

begin();
