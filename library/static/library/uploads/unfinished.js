/* Lists uploads that a closed window or a lost connection interrupted, and that no row of this page has. */

import { ask, button, listRow, make } from "./elements.js";

export class Unfinished {
  constructor(zone) {
    this.zone = zone;
    this.found = [];
    this.list = make("ul", { class: "vf-queue", "aria-label": "Earlier uploads" });
  }

  /* Those that belong here: one that was begun to replace a video is offered on that video's page alone. One with a
     title comes from another program and becomes a video by itself. */
  set uploads(found) {
    const video = this.zone.root.dataset.video ?? "";
    this.found = found.filter(({ replaces }) => String(replaces ?? "") === video);
    this.draw();
  }

  draw() {
    const here = this.zone.items.map((item) => item.id);
    const shown = this.found.filter(({ id }) => !here.includes(id));
    this.list.replaceChildren(...shown.map((upload) => this.row(upload)));
  }

  /* What is known of a file that was chosen again, where an upload of it is here to be continued. */
  of(file) {
    const free = this.found.filter(({ id }) => this.zone.isFree(id));
    const found = free.find(({ title, name, length, offset }) => title === null && name === file.name && length === file.size && offset < length);
    return found && this.known(found);
  }

  known({ id, name, length, offset }) {
    return { id, name, size: length, offset };
  }

  row(upload) {
    const isWhole = upload.offset === upload.length;
    const isElsewhere = this.zone.windows.hasElsewhere(upload.id);
    let words = `${Math.floor((100 * upload.offset) / upload.length)} % uploaded. Choose the file again to go on.`;
    if (isWhole) words = "Uploaded, but not saved as a video.";
    if (upload.title !== null || upload.length === null) words = `Begun by another program${upload.title === null ? "" : `, which makes it the video “${upload.title}”`}.`;
    if (isElsewhere) words = isWhole ? "Uploaded in another window, and not saved there yet." : "It is being uploaded in another window.";
    const use = button("Use this file", upload.name, () => this.use(upload));
    const discard = button("Discard", upload.name, () => this.discard(upload));
    const buttons = isElsewhere ? [] : [...(isWhole && upload.title === null ? [use] : []), discard];
    const row = listRow(upload.name, buttons, make("span", { class: "vf-details" }, words));
    row.classList.add("vf-unfinished");
    return row;
  }

  async use(upload) {
    const { videoName, trashDays } = this.zone.root.dataset;
    const after = `It happens when you save. The present file is served until the new one is ready, and can be restored for ${trashDays} days.`;
    const question = `Replace “${videoName}” by “${upload.name}”? ${after}`;
    if (videoName && !(await ask(question, "Replace"))) return;
    this.zone.take(this.known(upload));
    this.zone.input.focus();
  }

  async discard({ id }) {
    this.found = this.found.filter((upload) => upload.id !== id);
    this.draw();
    this.zone.input.focus();
    await this.zone.ends(id, this.zone.server.end(id));
  }
}
