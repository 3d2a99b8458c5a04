/* Buttons that copy the text of the field they name. Without a script, or without leave, the field can be copied by hand. */
"use strict";

document.addEventListener("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  let isCopied;
  try {
    await navigator.clipboard.writeText(field.value);
    isCopied = true;
  } catch {
    isCopied = document.execCommand("copy"); // pages without TLS have no clipboard of their own
  }
  button.querySelector("[role=status]").textContent = isCopied ? "Copied" : "Press Ctrl+C";
});
