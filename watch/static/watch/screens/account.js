/* The account: names and language, password, e-mail, where it is signed in, what is kept, and its end.

   Who has no password, because they came by single sign-on, signs in again by that instead: the API counts it for some
   minutes, in which the forms ask for none. */

import { remove, update } from "../account.js";
import { Refused, call } from "../api.js";
import { devices } from "../devices.js";
import { h, tell } from "../dom.js";
import { busy, form } from "../forms.js";
import { refusal, singleSignOn } from "../single-sign-on.js";
import { sentence, timeOfDay } from "../words.js";

const LANGUAGES = ["ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "hu", "it", "ja", "ko", "nb", "nl", "pl", "pt", "ro", "ru", "sv", "tr", "uk", "zh"];
const PASSWORD = { name: "password", label: "Your password", type: "password", autocomplete: "current-password" };
const FIRST = "First show that it is you, above.";
const CHANGES = "change the e-mail, choose a password, or delete the account";
const FILE = "videoflix-account.json";

export async function account({ signal, query }) {
  const [{ body: me }, { body: sessions }] = await Promise.all([call("me/", { signal }), call("me/sessions/", { signal })]);
  const isProvable = me.has_password || me.proved_until !== null;
  return {
    title: "Your account",
    content: h(
      "div",
      { class: "account" },
      h("h1", {}, "Your account"),
      !me.has_password && (await proving(me, query.get("error"))),
      section("You", about(me)),
      section("E-mail", ...email(me, isProvable)),
      section("Password", ...(isProvable ? password(me) : [h("p", {}, "You have none. ", FIRST)])),
      section("Signed in on", devices(sessions)),
      section("Your data", ...data()),
      section("Delete the account", ...ending(me, isProvable)),
    ),
  };
}

function section(title, ...content) {
  return h("section", { class: "card" }, h("h2", {}, title), ...content);
}

/** For who has no password: what they do instead, and how long that counts. */
async function proving(me, error) {
  const words = me.proved_until ? [h("p", {}, `You have signed in again. Until ${timeOfDay(me.proved_until)} you can ${CHANGES}.`)] : await asking(me);
  const alert = error && !me.proved_until && h("p", { class: "wrong", role: "alert" }, refusal(error));
  const shown = section("Is it you?", alert, ...words);
  shown.classList.add("wide");
  return shown;
}

async function asking(me) {
  const found = await singleSignOn({ again: "1", next: "/account", back: "/account" });
  if (!found) return [h("p", {}, `You have no password here. To ${CHANGES}, you need one.`), linkByMail(me.email)];
  return [
    h("p", {}, `You have no password here: you sign in with ${found.name}. To ${CHANGES}, sign in there once more.`),
    h("p", {}, h("a", { class: "button main", href: found.address }, `Sign in again with ${found.name}`)),
  ];
}

/** The mail of a forgotten password does for a first one, too. */
function linkByMail(email) {
  const said = h("span", { role: "status" });
  const button = h("button", { class: "button", type: "button" }, "Mail me a link to choose one");
  const ask = async () => {
    try {
      said.textContent = (await call("password_reset/", { method: "POST", body: { email }, isOpen: true })).body.detail;
    } catch (error) {
      said.textContent = sentence(error);
    }
  };
  button.addEventListener("click", () => busy(button, ask));
  return h("p", { class: "row" }, button, said);
}

function about(me) {
  const known = LANGUAGES.includes(me.language) || !me.language ? LANGUAGES : [me.language, ...LANGUAGES];
  const fields = [
    { name: "first_name", label: "First name", value: me.first_name, autocomplete: "given-name", maxlength: 150, isOptional: true },
    { name: "last_name", label: "Last name", value: me.last_name, autocomplete: "family-name", maxlength: 150, isOptional: true },
    { name: "language", label: "Language", value: me.language, options: [["", "None chosen"], ...known.map(named)], isOptional: true },
  ];
  const send = async (values) => {
    update((await call("me/", { method: "PATCH", body: values })).body);
    tellDone("Saved.");
  };
  return form({ fields, action: "Save", send, prefix: "about-" });
}

/** "de" with what it calls itself. */
function named(code) {
  const name = new Intl.DisplayNames([code], { type: "language" }).of(code);
  return [code, name.charAt(0).toLocaleUpperCase(code) + name.slice(1)];
}

function email(me, isProvable) {
  const wanted = { name: "email", label: "New e-mail", type: "email", autocomplete: "email", inputmode: "email" };
  const fields = me.has_password ? [wanted, PASSWORD] : [wanted];
  const send = async (values) => {
    const { detail } = (await call("me/email/", { method: "POST", body: { password: "", ...values } })).body;
    tellDone(detail);
  };
  return [
    h("p", {}, "It is ", h("strong", {}, me.email || "not set"), "."),
    me.new_email && h("p", { class: "hint" }, "It is to be ", h("strong", {}, me.new_email), " once the link that was mailed there is opened."),
    isProvable ? form({ fields, action: "Change the e-mail", send, prefix: "email-" }) : h("p", { class: "hint" }, FIRST),
  ];
}

function password(me) {
  const hint = "At least 8 characters, and no common password.";
  const fields = [
    me.has_password && { name: "old_password", label: "Old password", type: "password", autocomplete: "current-password" },
    { name: "new_password", label: "New password", type: "password", autocomplete: "new-password", hint },
    { name: "confirm_password", label: "New password again", type: "password", autocomplete: "new-password" },
  ].filter(Boolean);
  const send = async (values) => {
    const { detail } = (await call("me/password/", { method: "POST", body: { old_password: "", ...values } })).body;
    if (me.has_password) shown.reset();
    else shown.closest(".account").replaceWith((await account({ query: new URLSearchParams() })).content);
    tellDone(detail);
  };
  const action = me.has_password ? "Change the password" : "Choose this password";
  const shown = form({ fields, action, send, prefix: "password-" });
  return [h("p", { class: "hint" }, "You are signed out everywhere else then."), shown];
}

function data() {
  const button = h("button", { class: "button", type: "button" }, "Download your data");
  const download = async () => {
    try {
      save((await call("me/export/")).body);
    } catch (error) {
      tell(sentence(error));
    }
  };
  button.addEventListener("click", () => busy(button, download));
  return [h("p", {}, "Everything that is kept about you, in one file."), h("p", {}, button)];
}

function save(body) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(body, null, 2)], { type: "application/json" }));
  h("a", { href: url, download: FILE }).click();
  setTimeout(() => URL.revokeObjectURL(url));
}

function ending(me, isProvable) {
  const again = { name: "again", label: "Your e-mail, to be sure", type: "email", autocomplete: "off", inputmode: "email" };
  const send = ({ password: told = "", again }) => {
    if (!me.has_password && again.trim().toLowerCase() !== me.email) throw new Refused(400, { again: ["This is not your e-mail."] });
    return remove(told);
  };
  const fields = [me.has_password ? PASSWORD : again];
  return [
    h("p", {}, "Everything that is kept about you is gone then: where you stopped, your list, and the account. Nobody can bring it back."),
    isProvable ? form({ fields, action: "Delete my account", send, prefix: "delete-" }) : h("p", { class: "hint" }, FIRST),
  ];
}

/** Above the screen, where it can be seen. */
function tellDone(words) {
  tell(words);
  scrollTo(0, 0);
}
