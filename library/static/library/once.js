/* Sends a form once where its button is clicked twice: the second would cancel the answer to the first, which may be all
   that ever shows something, such as a key or recovery codes. */
"use strict";

(() => {
  const TWICE_WITHIN_MS = 3000;
  const sentAt = new WeakMap();

  window.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    const now = performance.now();
    if (now - (sentAt.get(form) ?? -Infinity) < TWICE_WITHIN_MS) event.preventDefault();
    else sentAt.set(form, now);
  });

  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) [...document.forms].forEach((form) => sentAt.delete(form));
  });
})();
