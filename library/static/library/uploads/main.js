/* Starts the upload field, and the draft of the form that it is in. */

import { Draft, forgetSaved } from "./draft.js";
import { restoreUploads } from "./restoring.js";
import { Zone } from "./zone.js";

document.querySelectorAll(".vf-picture-input input[type=file]").forEach((input) => { input.hasChangeListener = true; });
forgetSaved();

const root = document.querySelector("[data-video-input]");
if (root) {
  const draft = new Draft(root.closest("form"));
  const zone = new Zone(root, null);
  if ("offered" in root.dataset) draft.takeAll();
  const isTyped = draft.restore();
  const hasUploads = await restoreUploads(zone, draft);
  zone.draft = draft;
  zone.changed();
  if (isTyped || (hasUploads && !("answer" in root.dataset))) draft.tell();
  zone.form.addEventListener("submit", (event) => { if (!event.defaultPrevented) draft.keep({ wasSent: true }); });
  root.dataset.ready = "";
}
