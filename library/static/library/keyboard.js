/* What Unfold's pages lack for people without a mouse or a screen: icons that are mere <span>s with a click handler
   become buttons, and the page's main part says that it is. */
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
    document.getElementById("main")?.setAttribute("role", "main");
    const mute = ":is(span, div, a:not([href]))[x-on\\:click]:not([role], [tabindex])";
    [...document.querySelectorAll(mute)].filter((element) => element.textContent.trim()).forEach(enable);
  });
})();
