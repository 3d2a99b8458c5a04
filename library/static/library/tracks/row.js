/* One track in the list: what it is, and what can be done with it. */

import { ask, button, make } from "../uploads/elements.js";
import { FLAGS, KINDS, TrackFields } from "./fields.js";
import { UNKNOWN, nameOf } from "./languages.js";
import { Refused } from "./server.js";

const ORIGINS = { embedded: "from the file", uploaded: "uploaded" };
const STATES = {
  ready: { words: "Ready", tone: "vf-done" },
  processing: { words: "Being taken out of the file", tone: "vf-running" },
  failed: { words: "Failed", tone: "vf-failed" },
};

/* "English (subtitles)"; what screen readers and questions call a track. */
export const calledBy = ({ kind, label }) => `${label} (${KINDS[kind].toLowerCase()})`;

function languageText(tag) {
  const name = nameOf(tag);
  return tag === UNKNOWN ? "language unknown" : name ? `${name} (${tag})` : tag;
}

export class TrackRow {
  constructor(list, track) {
    Object.assign(this, { list, track, fields: null });
    this.line = make("div", { class: "vf-track-line" });
    this.errors = make("p", { class: "vf-error", role: "alert" });
    this.file = make("input", { type: "file", accept: list.endings, hidden: "", "aria-label": `Another text for ${calledBy(track)}` });
    this.file.hasChangeListener = true; // Unfold looks for a text field beside each file field
    this.element = make("li", { class: "vf-item vf-track" }, this.line, this.errors, this.file);
    this.file.addEventListener("change", () => this.replace());
    this.draw();
  }

  /* Show the track as the server has it now. A form that is open keeps what was typed. */
  show(track) {
    if (JSON.stringify(track) === JSON.stringify(this.track)) return;
    const wasProcessing = this.track.state === "processing";
    this.track = track;
    this.draw();
    if (wasProcessing && track.state !== "processing") this.list.say(`${calledBy(track)}: ${STATES[track.state].words}`);
  }

  draw() {
    const focused = this.line.contains(document.activeElement) ? document.activeElement.dataset.does : null;
    const { kind, language, label, origin, state, error } = this.track;
    const shown = STATES[state] ?? { words: state, tone: "" };
    const flags = Object.keys(FLAGS).filter((name) => this.track[name]);
    const badges = flags.map((name) => make("span", { class: "vf-draft" }, FLAGS[name]));
    const facts = make("span", { class: "vf-details" }, `${KINDS[kind]} · ${languageText(language)} · ${ORIGINS[origin]} · `);
    facts.append(make("span", { class: `vf-label ${shown.tone}` }, shown.words));
    const about = make("div", { class: "vf-track-about" }, make("span", { class: "vf-track-name" }, make("strong", {}, label), ...badges), facts);
    if (error) about.append(make("span", { class: "vf-error" }, error.message), make("span", { class: "vf-details" }, error.hint));
    this.line.replaceChildren(about, make("span", { class: "vf-buttons" }, ...this.buttons()));
    if (focused) this.focus(focused);
  }

  buttons() {
    const { track, list } = this;
    const about = calledBy(track);
    const found = [];
    const add = (label, does, onClick) => {
      const made = button(label, about, onClick);
      made.dataset.does = does;
      found.push(made);
    };
    if (list.mayChange) {
      add("Edit", "edit", () => this.open());
      if (track.kind !== "audio") add("Replace", "replace", () => this.file.click());
    }
    if (track.url) found.push(make("a", { class: "vf-button", href: track.url, download: "", "aria-label": `Download ${about}`, "data-does": "download" }, "Download"));
    if (list.mayChange) add("Delete", "delete", () => this.delete());
    return found;
  }

  focus(does = "edit") {
    this.line.querySelector(`[data-does="${does}"]`)?.focus();
  }

  open() {
    if (this.fields) return this.fields.focus();
    this.fields = new TrackFields(calledBy(this.track), this.track);
    this.loaded = this.track;
    const buttons = make("div", { class: "vf-buttons" }, make("button", { class: "vf-button vf-button-main" }, "Save"), button("Cancel", "", () => this.close()));
    this.form = make("form", { class: "vf-track-form", novalidate: "", "aria-label": `Edit ${calledBy(this.track)}` }, this.fields.element, this.fields.errors, buttons);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.form.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
    this.line.after(this.form);
    this.fields.focus();
  }

  close() {
    this.form.remove();
    this.fields = null;
    this.focus();
  }

  get isDirty() {
    return Boolean(this.fields && Object.keys(this.fields.changesOf(this.loaded)).length);
  }

  /* Only what this editor has changed is sent, so that others' changes stay. What is typed meanwhile stays, too. */
  async save() {
    const { fields } = this;
    const changes = fields.changesOf(this.loaded);
    if (changes.language === "") return this.fields.refuse(new Refused(["Enter a language, or und where it is unknown."], ["language"]));
    try {
      if (Object.keys(changes).length) await this.list.server.edit(this.track, changes);
      if (this.fields === fields) this.saved(changes);
      await this.list.changed(`${calledBy({ ...this.track, ...changes })}: saved`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.fields?.refuse(error);
    }
  }

  saved(changes) {
    if (JSON.stringify(this.fields.changesOf(this.loaded)) === JSON.stringify(changes)) this.close();
    else this.loaded = { ...this.loaded, ...changes };
  }

  async replace() {
    const [file] = this.file.files;
    this.file.value = "";
    const { kind, language, label, is_default, is_forced } = this.track;
    if (file) await this.attempt(() => this.list.server.put(file, { kind, language, label, is_default, is_forced }), `${calledBy(this.track)}: replaced by ${file.name}`);
  }

  async delete() {
    const about = calledBy(this.track);
    if (!(await ask(`Delete ${about}? It is no longer offered. Who is watching with it keeps it until the end.`, "Delete"))) return this.focus("delete");
    if (await this.attempt(() => this.list.server.delete(this.track), `${about}: deleted`)) this.list.focus();
  }

  async attempt(act, words) {
    this.errors.textContent = "";
    try {
      await act();
      await this.list.changed(words);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.errors.textContent = error.message;
      return false;
    }
  }
}
