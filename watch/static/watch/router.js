/* Addresses below /watch/ and the screens that they name. Links are plain links; clicks on them load no page anew. */

const ROOT = "/watch";

let show = () => {};
let shown = "";

/** Begin to show what the address says; `shows` gets {path, query, isBack, keepsFocus}. */
export function start(shows) {
  show = shows;
  history.scrollRestoration = "manual";
  document.addEventListener("click", followLink);
  addEventListener("popstate", () => {
    if (address() !== shown) arrive({ isBack: true });
  });
  arrive({});
}

/** "/video/7?x=1" as an address for links. */
export function to(path) {
  return `${ROOT}${path}`;
}

/** Where we are, as `go` takes it. */
export function here() {
  return address().slice(ROOT.length) || "/";
}

/** Show another screen. With `replace` the way back skips this one. */
export function go(path, { replace = false, keepsFocus = false } = {}) {
  rememberScroll();
  history[replace ? "replaceState" : "pushState"]({}, "", to(path));
  arrive({ keepsFocus });
}

/** Show the same again. */
export function again() {
  arrive({});
}

/** How far the page was scrolled when it was left. */
export function rememberedScroll() {
  return history.state?.scroll ?? 0;
}

function arrive({ isBack = false, keepsFocus = false }) {
  const isFirst = shown === "";
  shown = address();
  const url = new URL(location.href);
  const path = url.pathname.slice(ROOT.length).replace(/\/+$/, "") || "/";
  show({ path, query: url.searchParams, isFirst, isBack, keepsFocus });
}

function address() {
  return `${location.pathname}${location.search}`;
}

function rememberScroll() {
  history.replaceState({ scroll: scrollY }, "");
}

function followLink(event) {
  const link = event.target.closest("a[href]");
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
  const isOurs = link.pathname === ROOT || link.pathname.startsWith(`${ROOT}/`);
  if (!isOurs || link.hash) return;
  event.preventDefault();
  go(`${link.pathname}${link.search}`.slice(ROOT.length) || "/");
}
