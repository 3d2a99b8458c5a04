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
  const { restored, taken } = await restoreUploads(zone, draft);
  const isSaved = taken > 0 && !restored && !("answer" in root.dataset); // its answer was lost
  if (isSaved) {
    zone.form.reset();
    draft.forget();
  } else if (isTyped || (restored && !("answer" in root.dataset))) {
    draft.tell();
  }
  zone.draft = draft;
  zone.changed();
  zone.form.addEventListener("submit", (event) => { if (!event.defaultPrevented) draft.keep({ wasSent: true }); });
  root.dataset.ready = "";
}
