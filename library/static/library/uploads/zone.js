/* Makes the video's file field a drop zone: resumable uploads (tus) with progress, pause and resume.

   One file belongs to the form: its upload's id is saved with it, and choosing another replaces it. Several files that
   are dropped at once become rows with a title and a category each. Nothing becomes a video before the form is saved.
   Without this script the field is an ordinary file field. */

import { button, listRow, make } from "./elements.js";
import { Item } from "./item.js";
import { RowFields } from "./rows.js";
import { Server } from "./server.js";
import { Unfinished } from "./unfinished.js";
import { Windows } from "./windows.js";
import { titleOf } from "./words.js";

const OF_ONE = ["title", "category", "thumbnail"]; // the form's fields that each of several rows replaces
const DRAFT_FIELD = "is_published"; // several videos begin as drafts, unless the editor says otherwise

export class Zone {
  constructor(root, draft) {
    Object.assign(this, { root, draft, items: [], ending: [], isMany: false, suggested: "" });
    this.input = root.querySelector("input[type=file]");
    this.hidden = root.querySelector("[data-upload-id]");
    this.form = root.closest("form");
    this.server = new Server(root.dataset);
    this.windows = new Windows(() => this.unfinished.draw());
    this.unfinished = new Unfinished(this);
    this.input.hasChangeListener = true; // Unfold looks for a text field beside each file field
    this.input.removeAttribute("required");
    this.input.multiple = this.takesMany = "many" in root.dataset;
    this.list = make("ul", { class: "vf-queue", "aria-label": "Uploads" });
    this.status = make("p", { class: "vf-unseen", role: "status" });
    this.note = make("p", { class: "vf-note", role: "status" });
    const words = this.takesMany ? "Drop videos here, or choose them" : "Drop a video here, or choose it";
    this.drop = make("div", { class: "vf-drop" }, make("p", {}, words), this.input);
    root.append(this.drop, root.querySelector(".vf-hint[id]"), this.note, this.list, this.unfinished.list, this.status);
    this.listen();
  }

  get doneText() {
    const { videoName } = this.root.dataset;
    if (videoName) return `Uploaded. Saving replaces “${videoName}” by it.`;
    return this.isMany ? "Uploaded." : "Uploaded. Save to make it a video.";
  }

  listen() {
    this.input.addEventListener("change", () => {
      this.add([...this.input.files]);
      this.input.value = "";
    });
    for (const name of ["dragover", "dragleave", "drop"]) {
      this.drop.addEventListener(name, (event) => {
        event.preventDefault();
        this.drop.classList.toggle("vf-over", name === "dragover");
        if (name === "drop") this.add([...event.dataTransfer.files]);
      });
      window.addEventListener(name, (event) => this.catchBeside(event));
    }
    this.list.addEventListener("input", () => this.changed());
    this.form.addEventListener("submit", (event) => this.hold(event));
    window.addEventListener("online", () => this.items.filter((item) => item.state === "failed").forEach((item) => item.start()));
    window.addEventListener("beforeunload", (event) => {
      if (this.items.some((item) => item.state === "running")) event.preventDefault();
    });
  }

  /* A file dropped beside the zone would make the browser open it in place of the page. */
  catchBeside(event) {
    if (this.drop.contains(event.target) || event.target.closest?.("input[type=file]")) return;
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (event.type === "dragover") event.dataTransfer.dropEffect = "none";
    if (event.type === "drop") this.tell("Nothing was uploaded: drop files onto the field with the dashed border.");
  }

  add(files) {
    this.tell("");
    const accepted = files.filter((file) => this.accepts(file));
    const fresh = accepted.filter((file) => !this.continues(file));
    if (!fresh.length) return;
    if (this.isMany || (this.takesMany && fresh.length > 1)) this.addMany(fresh);
    else if (fresh.length > 1) this.tell("Nothing was uploaded: choose one file, which replaces this video's.");
    else this.take(this.unfinished.of(fresh[0]) ?? fresh[0], fresh[0]);
  }

  accepts(file) {
    const accepted = this.root.dataset.accepted.split(", ");
    const isKnown = accepted.some((ending) => file.name.toLowerCase().endsWith(ending));
    if (!file.size) this.showRefusal(file.name, "The file is empty.");
    else if (!isKnown) this.showRefusal(file.name, `Files of this kind can't be used; accepted are ${accepted.join(", ")}.`);
    return file.size && isKnown;
  }

  /* Whether a row has this file already, which then goes on where it stopped. */
  continues(file) {
    const item = this.items.find((entry) => entry.isOf(file));
    if (item?.state === "waiting") item.resume(file);
    else if (item) this.tell(`${file.name} is in the list already.`);
    return Boolean(item);
  }

  /* Give the form this file, in the place of the one that it had; among several it becomes a row. */
  take(known, file = null) {
    if (!this.isMany) this.items.forEach((item) => this.remove(item, { isReplaced: true }));
    const item = this.put(known);
    if (!this.isMany) this.suggestTitle(item.name);
    if (file && item.state === "waiting") item.resume(file);
    else if (item.file) item.start();
    this.changed();
  }

  put(known, values = {}) {
    const item = new Item(this, known);
    this.items.push(item);
    this.list.append(item.row);
    if (this.isMany) item.fields = new RowFields(item, this.form, values);
    this.changed();
    return item;
  }

  addMany(files) {
    const publish = this.form.elements[DRAFT_FIELD];
    if (publish && !this.isMany) publish.checked = false;
    this.becomeMany();
    for (const file of files) this.take(this.unfinished.of(file) ?? file, file);
    this.items.at(-files.length)?.fields.title.focus();
  }

  /* The form's own title and category make way for those of the rows. */
  becomeMany() {
    if (this.isMany) return;
    this.isMany = true;
    this.showFieldsOfOne(false);
    this.tell("Each file becomes a video of its own when you save. What else is entered here holds for all of them.");
    this.hidden.value = "";
    const { title, category } = this.form.elements;
    for (const item of this.items) item.fields = new RowFields(item, this.form, { title: title.value, category: category.value });
  }

  becomeOne() {
    this.isMany = false;
    this.tell("");
    this.showFieldsOfOne(true);
    this.suggestTitle("");
    const publish = this.form.elements[DRAFT_FIELD];
    if (publish) publish.checked = publish.defaultChecked;
  }

  showFieldsOfOne(isShown) {
    for (const name of OF_ONE) {
      const line = this.form.querySelector(`.field-${name}`);
      if (line) line.hidden = !isShown;
    }
  }

  /* A title that was suggested, and not changed since, goes with its file. */
  suggestTitle(name) {
    const { title } = this.form.elements;
    if (!title || (title.value && title.value !== this.suggested)) return;
    title.value = this.suggested = name && titleOf(name);
  }

  remove(item, { isReplaced = false } = {}) {
    this.items = this.items.filter((entry) => entry !== item);
    this.unfinished.found = this.unfinished.found.filter(({ id }) => id !== item.id);
    const isFocused = item.row.contains(document.activeElement);
    item.end();
    this.release();
    if (this.isMany && !this.items.length) this.becomeOne();
    if (!this.isMany && !isReplaced) this.suggestTitle("");
    if (isFocused) this.input.focus();
    this.changed();
  }

  /* Until the server has ended an upload for good, nothing goes on with it here or in another window: the end would take
     the file that was chosen again along. */
  async ends(id, ended) {
    this.ending.push(id);
    this.changed();
    await ended;
    this.ending.splice(this.ending.indexOf(id), 1);
    this.changed();
  }

  /* Whether nothing here and no other window has the upload. */
  isFree(id) {
    return !this.mine.includes(id) && !this.windows.hasElsewhere(id);
  }

  /* The uploads that this page has, or ends. */
  get mine() {
    return [...this.items.map((item) => item.id).filter(Boolean), ...this.ending];
  }

  /* A file that the server doesn't take leaves its place to another. */
  refuse(item, sentence) {
    this.remove(item);
    this.showRefusal(item.name, sentence);
  }

  showRefusal(name, sentence) {
    const row = listRow(name, [button("Remove", name, () => row.remove())], make("span", { class: "vf-details" }, sentence));
    row.dataset.state = "failed";
    this.list.append(row);
    this.say(`${name}: ${sentence}`);
  }

  /* Saving waits until everything is uploaded. */
  hold(event) {
    this.form.elements.csrfmiddlewaretoken.value = this.server.csrfToken;
    const missing = this.items.filter((item) => item.state !== "done");
    if (!missing.length) return;
    event.preventDefault();
    const waiting = missing.find((item) => item.state === "waiting");
    if (waiting) {
      this.tell(`Not saved yet: choose ${waiting.name} again, or remove it.`);
      this.input.focus();
      return;
    }
    this.held = event.submitter;
    missing.forEach((item) => item.start());
    this.tell("It is saved as soon as the upload is complete.");
  }

  release(words = "") {
    if (this.held === undefined) return;
    this.held = undefined;
    this.tell(words);
  }

  finished(item) {
    this.changed();
    if (this.held !== undefined && this.items.every(({ state }) => state === "done")) this.form.requestSubmit(this.held);
  }

  failed(item) {
    this.release(`Not saved yet: ${item.name} could not be uploaded.`);
  }

  /* Keep what is sent with the form, the draft, the other windows and the list of earlier uploads in step. */
  changed() {
    const [first] = this.items;
    if (!this.isMany) this.hidden.value = first?.state === "done" ? first.id : "";
    for (const { fields, id } of this.items) if (fields) fields.upload.value = id;
    this.windows.have(this.mine);
    this.unfinished.draw();
    this.draft?.keep({ uploads: this.remembered() });
  }

  /* What is kept of the items for after a reload. */
  remembered() {
    return this.items.map(({ id, name, size, lastModified, fields }) => ({ id, name, size, lastModified, ...(fields && { row: fields.values }) }));
  }

  say(words) {
    this.status.textContent = words;
  }

  tell(words) {
    this.note.textContent = words;
  }
}
