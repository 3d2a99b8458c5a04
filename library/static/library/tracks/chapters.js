/* The chapters as a table of times and titles, which is saved as the video's track of chapters. */

import { button, make } from "../uploads/elements.js";
import { Refused } from "./server.js";
import { chaptersOf, parseTime, timeText, vttOf } from "./times.js";

const CHANGED = "Somebody else has changed the chapters meanwhile. Save again to keep yours, or undo your changes to see theirs.";
let count = 0;

class ChapterRow {
  constructor(table, { startMs = null, title = "" } = {}) {
    count += 1;
    const id = `vf-chapter-error-${count}`;
    const common = { class: "vf-input", autocomplete: "off", "aria-describedby": id };
    this.time = make("input", { ...common, "aria-label": "Start of the chapter", placeholder: "h:mm:ss", maxlength: 16 });
    this.title = make("input", { ...common, "aria-label": "Title of the chapter", maxlength: 200 });
    this.time.value = startMs === null ? "" : timeText(startMs);
    this.title.value = title;
    this.error = make("p", { class: "vf-error", id, role: "alert" });
    const remove = make("td", {});
    this.element = make("tr", {}, make("td", {}, this.time), make("td", {}, this.title, this.error), remove);
    if (table.mayChange) remove.append(button("Remove", "the chapter", () => table.remove(this)));
    else this.time.readOnly = this.title.readOnly = true;
    this.element.addEventListener("input", () => this.refuse(""));
  }

  get startMs() {
    return parseTime(this.time.value);
  }

  get chapter() {
    return { startMs: this.startMs, title: this.title.value.replace(/\s+/g, " ").trim() };
  }

  refuse(sentence, field = null) {
    this.error.textContent = sentence;
    for (const input of [this.time, this.title]) input.toggleAttribute("aria-invalid", input === field);
    field?.setAttribute("aria-invalid", "true");
    return Boolean(sentence);
  }
}

export class ChapterTable {
  constructor(root, list) {
    Object.assign(this, { root, list, rows: [], loaded: [], from: "", saved: "[]" });
    this.mayChange = list.mayChange;
    this.durationMs = Number(list.root.dataset.durationS) * 1000;
    const heads = [make("th", { scope: "col" }, "Start"), make("th", { scope: "col" }, "Title"), make("td", {})];
    this.body = make("tbody", {});
    this.table = make("table", { class: "vf-chapters" }, make("thead", {}, make("tr", {}, ...heads)), this.body);
    this.empty = make("p", { class: "vf-details" }, "There are no chapters yet.");
    this.error = make("p", { class: "vf-error", role: "alert" });
    this.note = make("p", { class: "vf-details", role: "status" });
    root.append(this.table, this.empty, this.error, this.note);
    if (this.mayChange) this.addButtons();
    this.mark();
  }

  addButtons() {
    this.here = button("Add at the preview's position", "", () => this.addHere());
    this.here.hidden = !this.preview;
    document.addEventListener("vf-preview-opened", () => { this.here.hidden = false; });
    this.save = button("Save chapters", "", () => this.send());
    this.save.classList.add("vf-button-main");
    this.undo = button("Undo changes", "", () => this.takeBack());
    this.root.append(make("div", { class: "vf-buttons" }, button("Add chapter", "", () => this.add({}).time.focus()), this.here, this.save, this.undo));
    this.body.addEventListener("input", () => this.mark());
    this.body.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
      event.preventDefault();
      this.send();
    });
    window.addEventListener("beforeunload", (event) => { if (this.isDirty) event.preventDefault(); });
  }

  get preview() {
    return document.querySelector(".vf-stage video");
  }

  get typed() {
    return JSON.stringify(this.rows.map(({ time, title }) => [time.value, title.value]));
  }

  get isDirty() {
    return this.typed !== this.saved;
  }

  mark() {
    this.table.hidden = !this.rows.length;
    this.empty.hidden = this.rows.length > 0;
    if (this.mayChange) this.save.hidden = this.undo.hidden = !this.isDirty;
    this.error.textContent = "";
    if (this.isDirty) this.note.textContent = "";
  }

  add(chapter) {
    const row = new ChapterRow(this, chapter);
    const next = this.rows.findIndex(({ startMs }) => chapter.startMs !== undefined && startMs > chapter.startMs);
    if (next < 0) this.rows.push(row);
    else this.rows.splice(next, 0, row);
    this.body.insertBefore(row.element, this.rows[this.rows.indexOf(row) + 1]?.element ?? null);
    this.mark();
    return row;
  }

  addHere() {
    this.add({ startMs: Math.round((this.preview?.currentTime ?? 0) * 1000) }).title.focus();
  }

  remove(row) {
    const at = this.rows.indexOf(row);
    this.rows.splice(at, 1);
    row.element.remove();
    this.mark();
    const next = this.rows[Math.min(at, this.rows.length - 1)];
    (next?.time ?? this.root.querySelector(".vf-buttons .vf-button")).focus();
  }

  draw(chapters) {
    this.rows = [];
    this.body.replaceChildren();
    chapters.forEach((chapter) => this.add(chapter));
    this.saved = this.typed;
    this.mark();
  }

  /* The track that viewers get: the default one, or else the newest. */
  static chosen(tracks) {
    const found = tracks.filter(({ kind, state }) => kind === "chapters" && state === "ready");
    return found.sort((one, other) => other.is_default - one.is_default || other.id - one.id)[0] ?? null;
  }

  static versionOf = (track) => (track ? `${track.id}:${track.revision}` : "");

  /* Follow the list of tracks; what is being typed stays. */
  async follow(tracks) {
    const track = ChapterTable.chosen(tracks);
    const version = ChapterTable.versionOf(track);
    if (version === this.from || this.isDirty || this.isSending) return;
    this.from = version;
    await this.read(track);
  }

  async read(track) {
    try {
      const chapters = track ? chaptersOf(await this.list.server.text(track)) : [];
      if (this.isDirty || ChapterTable.versionOf(track) !== this.from) return;
      this.loaded = chapters;
      this.draw(chapters);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.from = null; // it is read again with the next list
      this.error.textContent = error.message;
    }
  }

  async takeBack() {
    this.draw(this.loaded);
    this.root.querySelector(".vf-buttons .vf-button").focus();
    await this.list.look();
  }

  /* Whether every row can be saved; those that can't say why. */
  check() {
    const seen = new Map();
    const refused = this.rows.filter((row) => {
      const { startMs, title } = row.chapter;
      if (startMs === null) return row.refuse("Enter a time as h:mm:ss, such as 0:05:12 or 0:05:12.500.", row.time);
      if (this.durationMs && startMs >= this.durationMs) return row.refuse(`The video ends at ${timeText(Math.round(this.durationMs))}.`, row.time);
      if (seen.has(startMs)) return row.refuse("Another chapter begins at the same time.", row.time);
      seen.set(startMs, row);
      return row.refuse(title ? "" : "Enter a title.", title ? null : row.title);
    });
    refused[0]?.element.querySelector("[aria-invalid=true]")?.focus();
    return !refused.length;
  }

  async send() {
    this.durationMs ||= (this.preview?.duration || 0) * 1000;
    if (this.isSending || !this.isDirty || !this.check()) return;
    this.isSending = this.save.disabled = true;
    try {
      await this.write();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.error.textContent = error.message;
    } finally {
      this.isSending = this.save.disabled = false;
    }
  }

  async write() {
    const { server } = this.list;
    const sent = this.typed;
    const chapters = this.rows.map(({ chapter }) => chapter).sort((one, other) => one.startMs - other.startMs);
    let track = ChapterTable.chosen(await server.list());
    if (ChapterTable.versionOf(track) === this.from) {
      track = chapters.length ? await this.put(track, chapters) : await this.delete(track);
    } else {
      this.loaded = track ? chaptersOf(await server.text(track)) : [];
      this.from = ChapterTable.versionOf(track);
      if (JSON.stringify(this.loaded) !== JSON.stringify(chapters)) throw new Refused([CHANGED]); // else an answer was lost
    }
    this.from = ChapterTable.versionOf(track);
    this.loaded = chapters;
    this.written(sent);
    await this.list.changed("");
  }

  /* Show what is saved, but keep what was typed while it was on its way. */
  written(sent) {
    if (this.typed === sent) {
      this.draw(this.loaded);
      this.note.textContent = "The chapters are saved.";
      return;
    }
    this.saved = JSON.stringify(this.loaded.map(({ startMs, title }) => [timeText(startMs), title]));
    this.mark();
  }

  put(track, chapters) {
    const last = chapters.at(-1).startMs;
    const endMs = Math.max(Math.round(this.durationMs) || last + 60_000, last + 1);
    const file = new File([vttOf(chapters, endMs)], "chapters.vtt", { type: "text/vtt" });
    const { language = "und", label = "", is_default = false } = track ?? {};
    return this.list.server.put(file, { kind: "chapters", language, label, is_default });
  }

  async delete(track) {
    if (track) await this.list.server.delete(track);
    return null;
  }
}
