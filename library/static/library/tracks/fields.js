/* The fields of a track: of one that is there, or of a file that becomes one. */

import { make } from "../uploads/elements.js";
import { tagOf } from "./languages.js";

export const LANGUAGES = "vf-languages"; // the id of the list that the fields for a language offer
export const KINDS = { subtitles: "Subtitles", captions: "Captions", chapters: "Chapters", audio: "Sound" };
const TEXT_KINDS = ["subtitles", "captions", "chapters"];
export const FLAGS = { is_default: "Default", is_forced: "Forced", is_described: "Described video", is_commentary: "Commentary" };
const FLAGS_OF = {
  subtitles: ["is_default", "is_forced"],
  captions: ["is_default", "is_forced"],
  chapters: ["is_default"],
  audio: ["is_default", "is_described", "is_commentary"],
};
let count = 0;

export class TrackFields {
  /* `about` tells screen readers which track it is. A file's kind is asked for, a track's never changes. */
  constructor(about, track, { asksKind = false } = {}) {
    Object.assign(this, { about, kind: track.kind, inputs: {}, lines: {} });
    count += 1;
    this.errors = make("p", { class: "vf-error", role: "alert", id: `vf-track-errors-${count}` });
    this.element = make("div", { class: "vf-track-fields" });
    if (asksKind) this.add("kind", "Kind", this.kinds());
    this.add("language", "Language", this.language());
    this.add("label", "Label", make("input", { class: "vf-input", maxlength: 100, autocomplete: "off" }));
    this.flags = make("div", { class: "vf-track-flags" });
    for (const name of Object.keys(FLAGS)) this.addFlag(name);
    this.element.append(this.flags);
    this.values = track;
    this.showFlags();
    this.element.addEventListener("input", () => this.refuse(null));
  }

  kinds() {
    const select = make("select", { class: "vf-input" }, ...TEXT_KINDS.map((kind) => make("option", { value: kind }, KINDS[kind])));
    select.addEventListener("change", () => {
      this.kind = select.value;
      this.showFlags();
    });
    return select;
  }

  language() {
    return make("input", { class: "vf-input", list: LANGUAGES, maxlength: 60, autocomplete: "off", spellcheck: "false", placeholder: "en, pt-BR, und …" });
  }

  add(name, words, input) {
    input.setAttribute("aria-label", `${words} of ${this.about}`);
    input.setAttribute("aria-describedby", this.errors.id);
    this.inputs[name] = input;
    this.element.append(make("label", {}, make("span", { class: "vf-details" }, words), input));
  }

  addFlag(name) {
    const input = make("input", { type: "checkbox", "aria-label": `${FLAGS[name]}: ${this.about}` });
    this.inputs[name] = input;
    this.lines[name] = make("label", {}, input, FLAGS[name]);
    this.flags.append(this.lines[name]);
  }

  showFlags() {
    for (const [name, line] of Object.entries(this.lines)) line.hidden = !FLAGS_OF[this.kind].includes(name);
  }

  set values(track) {
    for (const [name, input] of Object.entries(this.inputs)) {
      if (input.type === "checkbox") input.checked = Boolean(track[name]);
      else input.value = track[name] ?? "";
    }
  }

  get values() {
    const flags = FLAGS_OF[this.kind].map((name) => [name, this.inputs[name].checked]);
    return { language: tagOf(this.inputs.language.value), label: this.inputs.label.value.trim(), ...Object.fromEntries(flags) };
  }

  /* What differs from the track. */
  changesOf(track) {
    return Object.fromEntries(Object.entries(this.values).filter(([name, value]) => value !== track[name]));
  }

  /* Show why something was refused; null takes it back. */
  refuse(refused) {
    this.errors.textContent = refused?.message ?? "";
    for (const [name, input] of Object.entries(this.inputs)) {
      if (refused?.fields.includes(name)) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }

  focus() {
    this.inputs.language.focus();
  }
}
