/* Signing in, registering, and asking for a new password. */

import { NEEDS_CODE, signIn as enter } from "../account.js";
import { call } from "../api.js";
import { h } from "../dom.js";
import { busy, form } from "../forms.js";
import { to } from "../router.js";
import { refusal, singleSignOn } from "../single-sign-on.js";
import { sentence } from "../words.js";

const EMAIL = { name: "email", label: "E-mail", type: "email", autocomplete: "username", inputmode: "email" };
const FIRST = { ...EMAIL, autofocus: true };
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

export async function signIn({ query }) {
  const password = { name: "password", label: "Password", type: "password", autocomplete: "current-password" };
  const next = query.get("next") ? `?${new URLSearchParams({ next: query.get("next") })}` : "";
  const fields = [FIRST, password];
  const send = async ({ email, password }) => {
    try {
      await enter(email, password);
    } catch (error) {
      if (error.body?.code !== NEEDS_CODE) throw error;
      shown.content.replaceChildren(...secondStep(email, password));
      shown.content.querySelector("input").focus();
    }
  };
  const error = query.get("error");
  const shown = card(
    "Sign in",
    error && h("p", { class: "wrong", role: "alert" }, refusal(error)),
    form({ fields, action: "Sign in", send }),
    await otherWay(query.get("next") ?? "/"),
    h("p", {}, h("a", { href: to("/forgotten-password") }, "Forgot your password?")),
    h("p", {}, "New here? ", h("a", { href: to(`/register${next}`) }, "Create an account")),
  );
  return shown;
}

/** A link to the identity provider, where there is one. It comes back to `next`, or to here with an error.

    A password does without it: whatever is wrong with the answer, the form is shown. */
async function otherWay(next) {
  const found = await singleSignOn({ next, back: `/sign-in?${new URLSearchParams({ next })}` });
  return found && h("a", { class: "button", href: found.address }, `Sign in with ${found.name}`);
}

/** For accounts with a second factor. */
function secondStep(email, password) {
  const hint = "Six digits from your authenticator app, or one of your recovery codes.";
  const code = { name: "otp", label: "Code", autocomplete: "one-time-code", autocapitalize: "none", spellcheck: "false", hint };
  return [
    h("h1", {}, "Enter your code"),
    form({ fields: [code], action: "Sign in", send: ({ otp }) => enter(email, password, otp) }),
    h("p", {}, h("a", { href: to("/sign-in") }, "Back to sign in")),
  ];
}

export async function register() {
  const hint = "At least 8 characters, and no common password.";
  const fields = [
    FIRST,
    { name: "password", label: "Password", type: "password", autocomplete: "new-password", hint },
    { name: "confirmed_password", label: "Password again", type: "password", autocomplete: "new-password" },
  ];
  const send = async (values) => {
    await call("register/", { method: "POST", body: values, isOpen: true });
    shown.replaceChildren(...lookAtYourMail(values.email));
    shown.querySelector("h1").focus();
  };
  const shown = h("div", { class: "card" });
  shown.append(
    h("h1", {}, "Create an account"),
    form({ fields, action: "Create account", send }),
    h("p", {}, "Have one already? ", h("a", { href: to("/sign-in") }, "Sign in")),
  );
  return { title: "Create an account", content: shown };
}

export async function forgottenPassword() {
  const shown = h("div", { class: "card" });
  const send = async (values) => {
    await call("password_reset/", { method: "POST", body: values, isOpen: true });
    shown.replaceChildren(
      h("h1", { tabindex: "-1" }, "Look at your mail"),
      h("p", {}, "If there is an account with ", h("strong", {}, values.email), ", a link to choose a new password is on its way. It works once."),
      whereMailIs(),
      h("p", {}, h("a", { href: to("/sign-in") }, "Back to sign in")),
    );
    shown.querySelector("h1").focus();
  };
  shown.append(
    h("h1", {}, "Forgot your password?"),
    h("p", {}, "We mail you a link to choose a new one."),
    form({ fields: [FIRST], action: "Send the link", send }),
    h("p", {}, h("a", { href: to("/sign-in") }, "Back to sign in")),
  );
  return { title: "Forgot your password?", content: shown };
}

/** A form that mails a new activation link. */
export function askAgain() {
  const done = h("p", { role: "status" });
  const send = async (values) => {
    done.textContent = (await call("activation/resend/", { method: "POST", body: values, isOpen: true })).body.detail;
  };
  return [form({ fields: [EMAIL], action: "Send a new link", send }), done];
}

/** A screen of one narrow column. */
export function card(title, ...content) {
  return { title, content: h("div", { class: "card" }, h("h1", {}, title), ...content) };
}

function lookAtYourMail(email) {
  const said = h("span", { role: "status" });
  const again = h("button", { class: "button quiet", type: "button" }, "Send it again");
  const send = async () => {
    try {
      said.textContent = (await call("activation/resend/", { method: "POST", body: { email }, isOpen: true })).body.detail;
    } catch (error) {
      said.textContent = sentence(error);
    }
  };
  again.addEventListener("click", () => busy(again, send));
  return [
    h("h1", { tabindex: "-1" }, "Look at your mail"),
    h("p", {}, "We've sent a link to ", h("strong", {}, email), ". Open it, and your account is ready. It works once."),
    whereMailIs(),
    h("p", { class: "row" }, again, said),
    h("p", {}, h("a", { href: to("/sign-in") }, "To sign in")),
  ];
}

/** On a developer's own machine mails are files, unless a mail server was named. */
function whereMailIs() {
  return (
    LOOPBACK.includes(location.hostname) &&
    h(
      "p",
      { class: "hint" },
      "Trying this on your own machine? Without ",
      h("code", {}, "EMAIL_HOST"),
      " mails are files: the newest is in the folder that ",
      h("code", {}, "make run"),
      " printed beside “Mail”, usually ",
      h("code", {}, "var/mail"),
      ".",
    )
  );
}
