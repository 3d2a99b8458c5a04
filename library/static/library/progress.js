/* Keeps the progress that the admin shows up to date, without a reload.

   Every element with data-live (a video's id, or "dashboard") and data-live-part (which fragment) is filled again from
   one request for the whole page: every two seconds while something is active, more rarely while the tab is hidden or
   the server can't be reached, and not at all when nothing runs. */
"use strict";

(() => {
  const EVERY_MS = 2000;
  const HIDDEN_MS = 30000;
  const SLOWEST_MS = 30000;
  const said = Object.assign(document.createElement("p"), { className: "vf-unseen", role: "status" });
  let timer = null;
  let failures = 0;

  const elements = () => [...document.querySelectorAll("[data-live]")];
  const active = () => elements().filter((element) => element.hasAttribute("data-live-active"));

  function address(wanted) {
    const query = new URLSearchParams();
    new Set(wanted.map((element) => element.dataset.live)).forEach((id) => query.append("id", id));
    new Set(wanted.map((element) => element.dataset.livePart)).forEach((part) => query.append("part", part));
    return `${wanted[0].dataset.liveUrl}?${query}`;
  }

  /* Changes what differs and keeps the rest, so that bars move smoothly, the focus stays, and nothing flickers. */
  function change(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh.cloneNode(true));
      return;
    }
    if (old.nodeType === Node.TEXT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) return;
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    changeChildren(old, fresh);
  }

  function changeChildren(old, fresh) {
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    after.forEach((node, index) => (before[index] ? change(before[index], node) : old.append(node.cloneNode(true))));
    before.slice(after.length).forEach((node) => node.remove());
  }

  function show(answer) {
    for (const element of elements()) {
      const fragment = answer.fragments[element.dataset.live]?.[element.dataset.livePart];
      if (fragment === undefined) continue;
      const fresh = document.createElement("template");
      fresh.innerHTML = fragment;
      changeChildren(element, fresh.content);
      const was = element.hasAttribute("data-live-active");
      const is = answer.active.map(String).includes(element.dataset.live);
      element.toggleAttribute("data-live-active", is);
      if (was && !is) announce(element);
    }
  }

  /* Tells screen readers the new state of a video that is no longer being made. */
  function announce(element) {
    const label = ["cell", "panel"].includes(element.dataset.livePart) && element.querySelector(".vf-label");
    const title = element.closest("tr")?.querySelector(".vf-title")?.textContent ?? "";
    if (label) said.textContent = `${title} ${label.textContent}`.trim();
  }

  async function look(wanted) {
    if (!wanted.length) return;
    try {
      const response = await fetch(address(wanted), { headers: { Accept: "application/json" }, redirect: "error" });
      if (!response.ok) throw new Error(String(response.status));
      show(await response.json());
      failures = 0;
    } catch {
      failures += 1;
    }
    schedule();
  }

  function schedule() {
    clearTimeout(timer);
    if (!active().length) return;
    const pause = document.hidden ? HIDDEN_MS : EVERY_MS;
    timer = setTimeout(() => look(active()), Math.min(Math.max(pause, EVERY_MS * 2 ** failures), SLOWEST_MS));
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? schedule() : look(elements())));
  window.addEventListener("online", () => look(elements()));
  document.addEventListener("DOMContentLoaded", () => {
    document.body.append(said);
    schedule();
  });
})();
