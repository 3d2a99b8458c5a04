/* The account: names and language, password, e-mail, where it is signed in, what is kept, and its end. */

import { remove, update } from "../account.js";
import { call } from "../api.js";
import { devices } from "../devices.js";
import { h, tell } from "../dom.js";
import { busy, form } from "../forms.js";
import { sentence } from "../words.js";

const LANGUAGES = ["ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "hu", "it", "ja", "ko", "nb", "nl", "pl", "pt", "ro", "ru", "sv", "tr", "uk", "zh"];
const PASSWORD = { name: "password", label: "Your password", type: "password", autocomplete: "current-password" };
const FILE = "videoflix-account.json";

export async function account({ signal }) {
  const [{ body: me }, { body: sessions }] = await Promise.all([call("me/", { signal }), call("me/sessions/", { signal })]);
  return {
    title: "Your account",
    content: h(
      "div",
      { class: "account" },
      h("h1", {}, "Your account"),
      section("You", about(me)),
      section("E-mail", ...email(me)),
      section("Password", ...password()),
      section("Signed in on", devices(sessions)),
      section("Your data", ...data()),
      section("Delete the account", ...ending()),
    ),
  };
}

function section(title, ...content) {
  return h("section", { class: "card" }, h("h2", {}, title), ...content);
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

function email(me) {
  const fields = [{ name: "email", label: "New e-mail", type: "email", autocomplete: "email", inputmode: "email" }, PASSWORD];
  const send = async (values) => {
    const { detail } = (await call("me/email/", { method: "POST", body: values })).body;
    tellDone(detail);
  };
  return [
    h("p", {}, "It is ", h("strong", {}, me.email || "not set"), "."),
    me.new_email && h("p", { class: "hint" }, "It is to be ", h("strong", {}, me.new_email), " once the link that was mailed there is opened."),
    form({ fields, action: "Change the e-mail", send, prefix: "email-" }),
  ];
}

function password() {
  const hint = "At least 8 characters, and no common password.";
  const fields = [
    { name: "old_password", label: "Old password", type: "password", autocomplete: "current-password" },
    { name: "new_password", label: "New password", type: "password", autocomplete: "new-password", hint },
    { name: "confirm_password", label: "New password again", type: "password", autocomplete: "new-password" },
  ];
  const send = async (values) => {
    tellDone((await call("me/password/", { method: "POST", body: values })).body.detail);
    shown.reset();
  };
  const shown = form({ fields, action: "Change the password", send, prefix: "password-" });
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

function ending() {
  const send = ({ password: told }) => remove(told);
  return [
    h("p", {}, "Everything that is kept about you is gone then: where you stopped, your list, and the account. Nobody can bring it back."),
    form({ fields: [PASSWORD], action: "Delete my account", send, prefix: "delete-" }),
  ];
}

/** Above the screen, where it can be seen. */
function tellDone(words) {
  tell(words);
  scrollTo(0, 0);
}
