/* Loads the queue's page again every five seconds while its tab is visible. */
"use strict";

(() => {
  const EVERY_MS = 5000;
  const box = document.getElementById("hs-content");

  async function look() {
    if (document.hidden) return;
    const response = await fetch(location.href, { redirect: "error" }).catch(() => null);
    if (!response?.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    box.replaceChildren(...page.getElementById("hs-content").childNodes);
  }

  if (box) setInterval(look, EVERY_MS);
})();
