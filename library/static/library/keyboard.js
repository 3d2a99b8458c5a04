/* Makes Unfold's pages usable with a keyboard and a screen reader: icons that are only <span>s with a click handler
   become buttons, and the page's main part gets its role. */
"use strict";

(() => {
  const WORDS = { dock_to_right: "Show or hide the menu", close: "Close", cancel: "Close" };

  function enable(element) {
    const word = element.textContent.trim();
    element.setAttribute("role", "button");
    element.setAttribute("tabindex", "0");
    if (WORDS[word]) element.setAttribute("aria-label", WORDS[word]);
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      element.click();
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const main = document.getElementById("main") ?? document.getElementById("page");
    main?.setAttribute("role", "main");
    const clickable = ":is(span, div, a:not([href]))[x-on\\:click]:not([role], [tabindex])";
    [...document.querySelectorAll(clickable)].filter((element) => element.textContent.trim()).forEach(enable);
  });

  /* Unfold's pages are hidden until Alpine has started, and a browser gives what is hidden no focus of its own accord. */
  function focusFirst() {
    if (document.activeElement === document.body) document.querySelector("[autofocus]")?.focus();
  }

  document.addEventListener("alpine:initialized", () => requestAnimationFrame(focusFirst));

  /* Django's two-column chooser makes these when everything is loaded; a name needs a role. */
  window.addEventListener("load", () => {
    const hints = () => document.querySelectorAll("span.help-tooltip[aria-label]");
    setTimeout(() => hints().forEach((hint) => hint.setAttribute("role", "img")));
  });
})();
