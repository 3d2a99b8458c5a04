/* Where somebody is signed in, each to be signed out. */

import { signOut } from "./account.js";
import { SignedOut, call } from "./api.js";
import { h, say, tell } from "./dom.js";
import { busy } from "./forms.js";
import { moment, sentence } from "./words.js";

/** The list of the API's sessions. Sign-ins to the admin are not among them. */
export function devices(sessions) {
  if (sessions.length === 0) return h("p", { class: "hint" }, "You are signed in to the admin alone.");
  return h("ul", { class: "devices" }, ...sessions.map(row));
}

function row({ id, device, first_seen_at: since, last_seen_at: last, is_current: isHere }) {
  const button = h("button", { class: "button", type: "button", "aria-label": `Sign out: ${device}` }, "Sign out");
  const item = h(
    "li",
    {},
    h(
      "div",
      {},
      h("strong", {}, device),
      isHere && h("span", { class: "here" }, "This device"),
      h("span", { class: "hint" }, "Since ", time(since), ", last used ", time(last)),
    ),
    button,
  );
  const end = async () => {
    try {
      if (isHere) return await signOut();
      await call(`me/sessions/${id}/`, { method: "DELETE" }).catch(unlessGone);
      say(`Signed out: ${device}`);
      (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("button").focus();
      return item.remove();
    } catch (error) {
      if (error instanceof SignedOut) return signOut();
      return tell(sentence(error));
    }
  };
  button.addEventListener("click", () => busy(button, end));
  return item;
}

function time(iso) {
  return h("time", { datetime: iso }, moment(iso));
}

function unlessGone(error) {
  if (error.status !== 404) throw error;
}
