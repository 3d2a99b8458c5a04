/* Keeps what was typed into a form, and which uploads belong to it, until the server says that it was saved.

   1. Each change is written to the tab's sessionStorage, below the page's path.
   2. The form sends the draft's name along. Once the server has saved the form, it repeats the name in a cookie, and
      the draft is dropped.
   3. A draft that is still there when the page is opened again was not saved: a reload, a session that ended, or a lost
      connection came between. Its values are put back, and a sentence says so. */

import { button, make } from "./elements.js";

const PREFIX = "videoflix-form:";
const UNSENT = "What you had entered here is back.";
const UNSAVED = "This was not saved: you had been signed out, or the connection was lost. What you had entered is back; please save again.";

const kept = ({ name, type }) => name && !["hidden", "file", "password", "submit", "button"].includes(type) && !name.startsWith("row_");
const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value);

function isChanged(field) {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
  const options = [...field.options];
  return field.value !== (options.find((option) => option.defaultSelected) ?? options[0])?.value;
}

/* Forgets the drafts that the server says it has saved. */
export function forgetSaved() {
  const saved = document.cookie.split("; ").filter((pair) => /^[^=]*saved_form=/.test(pair)).map((pair) => pair.split("=")[1]);
  for (const key of Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX))) {
    if (saved.includes(JSON.parse(sessionStorage[key]).name)) sessionStorage.removeItem(key);
  }
}

export class Draft {
  constructor(form) {
    this.form = form;
    this.key = PREFIX + location.pathname;
    const stored = JSON.parse(sessionStorage.getItem(this.key) ?? "{}");
    this.name = stored.name ?? Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-");
    this.fields = stored.fields ?? {};
    this.uploads = stored.uploads ?? [];
    this.wasSent = stored.wasSent ?? false;
    this.tellPicture(stored.picture);
    form.append(make("input", { type: "hidden", name: "draft", value: this.name }));
    form.addEventListener("input", () => this.keep());
    form.addEventListener("change", () => this.keep());
  }

  /* Put back what was typed. Returns whether anything differs from what the server has. */
  restore() {
    const before = new Map([...this.form.elements].filter(kept).map((field) => [field, valueOf(field)]));
    for (const [field, value] of before) {
      const stored = this.fields[field.name];
      if (stored === undefined || stored === value) continue;
      if (field.type === "checkbox") field.checked = stored;
      else field.value = stored;
    }
    return [...before].some(([field, value]) => valueOf(field) !== value);
  }

  /* Keep all that the form shows, also what was not typed here. */
  takeAll() {
    for (const field of [...this.form.elements].filter(kept)) this.fields[field.name] = valueOf(field);
    this.keep();
  }

  /* Say above the form that something was put back, with a way to drop it. */
  tell() {
    const afresh = button("Start afresh", "", () => {
      this.forget();
      location.replace(location.pathname);
    });
    this.form.prepend(make("div", { class: "vf-notice", role: "status" }, make("p", {}, this.wasSent ? UNSAVED : UNSENT), afresh));
  }

  /* Browsers let no page choose a file again by itself. */
  tellPicture(name) {
    const field = name && this.form.querySelector(".vf-picture-input");
    field?.append(make("p", { class: "vf-note", role: "status" }, `${name} was not saved; please choose it again.`));
  }

  get picture() {
    return this.form.querySelector(".vf-picture-input input[type=file]")?.files[0]?.name;
  }

  keep({ uploads = this.uploads, wasSent = false } = {}) {
    for (const field of [...this.form.elements].filter(kept)) {
      if (isChanged(field) || field.name in this.fields) this.fields[field.name] = valueOf(field);
    }
    this.uploads = uploads;
    const { name, fields, picture } = this;
    sessionStorage.setItem(this.key, JSON.stringify({ name, fields, uploads, picture, wasSent }));
  }

  forget() {
    Object.assign(this, { fields: {}, uploads: [], wasSent: false });
    sessionStorage.removeItem(this.key);
  }
}
