/* A file that was chosen or dropped, and what is asked about it before it becomes a track. */

import { button, make } from "../uploads/elements.js";
import { sizeText } from "../uploads/words.js";
import { TrackFields } from "./fields.js";
import { guessed, nameOf } from "./languages.js";
import { calledBy } from "./row.js";
import { Refused } from "./server.js";

/* What the server calls a track that nobody has called anything; where its words are others, no harm is done. */
function usualLabel(kind, { language, is_forced }) {
  if (kind === "chapters") return "Chapters";
  if (is_forced) return `${nameOf(language)}, forced`;
  return kind === "captions" ? `${nameOf(language)}, captions` : nameOf(language);
}

export class PendingFile {
  constructor(list, file) {
    Object.assign(this, { list, file, isSending: false });
    this.fields = new TrackFields(file.name, guessed(file.name), { asksKind: true });
    this.note = make("p", { class: "vf-details", role: "status" });
    this.add = make("button", { class: "vf-button vf-button-main", "aria-label": `Add ${file.name}` }, "Add");
    const remove = button("Remove", file.name, () => list.forget(this));
    const size = make("span", { class: "vf-details" }, sizeText(file.size));
    const head = make("span", { class: "vf-track-name" }, make("strong", {}, file.name), size);
    const sentence = this.refusal;
    this.isSendable = !sentence;
    const buttons = make("div", { class: "vf-buttons" }, ...(sentence ? [] : [this.add]), remove);
    const form = make("form", { class: "vf-track-form", novalidate: "" }, head, ...(sentence ? [] : [this.fields.element]), this.fields.errors, this.note, buttons);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send().then((isSent) => { if (isSent) list.focus(); });
    });
    form.addEventListener("input", () => this.tell());
    this.element = make("li", { class: "vf-item vf-track" }, form);
    this.remove = remove;
    if (sentence) this.fields.refuse(new Refused([sentence]));
    this.tell();
  }

  /* What can be said of the file without asking the server. */
  get refusal() {
    const endings = this.list.endings.split(",");
    if (!endings.some((ending) => this.file.name.toLowerCase().endsWith(ending))) return `Only files that end in ${endings.join(", ")} are accepted.`;
    if (!this.file.size) return "The file is empty.";
    return this.file.size > this.list.mostBytes ? `The file is too large: a text has at most ${sizeText(this.list.mostBytes)}.` : "";
  }

  /* What it will be called, and what it replaces: the same kind, language and label is the same track. */
  tell() {
    const { values, kind } = this.fields;
    const usual = values.language && usualLabel(kind, values);
    const label = values.label || usual;
    this.fields.inputs.label.placeholder = usual;
    const same = this.list.tracks.find((track) => track.kind === kind && track.language === values.language && track.label === label);
    this.note.textContent = this.isSendable && same ? `This replaces ${calledBy(same)}, which is there already.` : "";
  }

  /* Resolves to whether the file became a track. */
  async send() {
    if (this.isSending) return false;
    const { values, kind } = this.fields;
    this.fields.refuse(values.language ? null : new Refused(["Enter a language, or und where it is unknown."], ["language"]));
    if (!values.language) return false;
    const focused = document.activeElement;
    this.isSending = this.add.disabled = this.remove.disabled = this.fields.element.inert = true;
    try {
      const track = await this.list.server.put(this.file, { kind, ...values });
      this.list.forget(this);
      await this.list.changed(`${calledBy(track)}: added`);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.fields.refuse(error);
      return false;
    } finally {
      this.isSending = this.add.disabled = this.remove.disabled = this.fields.element.inert = false;
      if (this.fields.element.contains(focused)) focused.focus();
    }
  }

  focus() {
    if (this.isSendable) this.fields.focus();
    else this.remove.focus();
  }
}
