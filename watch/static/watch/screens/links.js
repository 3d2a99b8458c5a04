/* Where the links in mails lead: ?uid=…&token=… opens an account, or lets somebody choose a new password. */

import { Refused, call } from "../api.js";
import { h } from "../dom.js";
import { form } from "../forms.js";
import { to } from "../router.js";
import { askAgain, card } from "./signing-in.js";

const SIGN_IN = { class: "button main", href: to("/sign-in"), autofocus: true };

export async function activate({ query, signal }) {
  try {
    await call(`activate/${address(query)}/`, { isOpen: true, signal });
  } catch (error) {
    if (!isRefused(error)) throw error;
    return card(
      "This link doesn't work",
      h("p", {}, "It may have been used already, and then you can sign in, or it may have expired."),
      h("p", {}, h("a", { ...SIGN_IN, class: "button" }, "Sign in")),
      h("h2", {}, "A new link"),
      ...askAgain(),
    );
  }
  return card("Welcome", h("p", {}, "Your account is ready."), h("p", {}, h("a", SIGN_IN, "Sign in")));
}

export async function newPassword({ query }) {
  const hint = "At least 8 characters, and no common password.";
  const fields = [
    { name: "new_password", label: "New password", type: "password", autocomplete: "new-password", hint, autofocus: true },
    { name: "confirm_password", label: "New password again", type: "password", autocomplete: "new-password" },
  ];
  const shown = card("Choose a new password");
  const send = async (values) => {
    await call(`password_confirm/${address(query)}/`, { method: "POST", body: values, isOpen: true });
    shown.content.replaceChildren(
      h("h1", { tabindex: "-1" }, "Your password is changed"),
      h("p", {}, "You are signed out everywhere. Sign in with the new one."),
      h("p", {}, h("a", SIGN_IN, "Sign in")),
    );
    shown.content.querySelector("h1").focus();
  };
  shown.content.append(
    form({ fields, action: "Set the password", send }),
    h("p", {}, h("a", { href: to("/forgotten-password") }, "Ask for a new link")),
  );
  return shown;
}

export async function newEmail({ query, signal }) {
  const body = { uid: query.get("uid") ?? "", token: query.get("token") ?? "" };
  try {
    await call("me/email/confirm/", { method: "POST", body, isOpen: true, signal });
  } catch (error) {
    if (!isRefused(error)) throw error;
    return card(
      "This link doesn't work",
      h("p", {}, "It may have been used already, or it has expired. Ask for another one on the page of your account."),
      h("p", {}, h("a", { class: "button", href: to("/account"), autofocus: true }, "To your account")),
    );
  }
  const words = "This is the e-mail of your account now: sign in with it from now on.";
  return card("Your e-mail is changed", h("p", {}, words), h("p", {}, h("a", { ...SIGN_IN, href: to("/") }, "To the videos")));
}

function address(query) {
  return ["uid", "token"].map((name) => encodeURIComponent(query.get(name) || "-")).join("/");
}

function isRefused(error) {
  return error instanceof Refused && [400, 404].includes(error.status);
}
