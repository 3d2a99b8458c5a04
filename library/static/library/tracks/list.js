/* The list of a video's tracks. It asks again while something is taken out of the file, or the video is being made. */

import { button, make } from "../uploads/elements.js";
import { LANGUAGES } from "./fields.js";
import { usualLanguages } from "./languages.js";
import { PendingFile } from "./pending.js";
import { TrackRow } from "./row.js";
import { Refused, TrackServer, tracksOf } from "./server.js";

const EVERY_MS = 2000;
const HIDDEN_MS = 30000;
const SLOWEST_MS = 30000;

export class TrackList {
  constructor(root) {
    Object.assign(this, { root, rows: new Map(), pending: [], tracks: [], failures: 0, changes: 0 });
    this.server = new TrackServer(root.dataset);
    this.mayChange = "mayChange" in root.dataset;
    this.endings = root.dataset.endings;
    this.mostBytes = Number(root.dataset.mostBytes);
    this.list = make("ul", { class: "vf-queue", "aria-label": "Tracks" });
    this.empty = make("p", { class: "vf-details" }, "There are no tracks yet: no subtitles, captions, chapters, or further sounds.");
    this.status = make("p", { class: "vf-unseen", role: "status" });
    root.append(this.list, this.empty);
    if (this.mayChange) this.addZone();
    root.append(this.status);
    this.tracks = tracksOf(root.dataset.known);
    this.show(this.tracks);
    document.addEventListener("visibilitychange", () => (document.hidden ? this.schedule() : this.look()));
    window.addEventListener("online", () => this.look());
    this.schedule();
  }

  addZone() {
    this.waiting = make("ul", { class: "vf-queue", "aria-label": "Files to be added" });
    this.together = button("Add all", "", () => this.addAll());
    this.together.hidden = true;
    this.input = make("input", { type: "file", multiple: "", accept: this.endings, "aria-label": "Add subtitles, captions or chapters" });
    this.input.hasChangeListener = true; // Unfold looks for a text field beside each file field
    const words = `Drop subtitles, captions or chapters here (${this.endings.replaceAll(",", " ")}), or choose them`;
    this.drop = make("div", { class: "vf-drop vf-drop-small" }, make("p", {}, words), this.input);
    this.root.append(this.waiting, this.together, this.drop, usualLanguages(LANGUAGES));
    this.input.addEventListener("change", () => {
      this.take([...this.input.files]);
      this.input.value = "";
    });
    for (const name of ["dragover", "dragleave", "drop"]) {
      this.root.addEventListener(name, (event) => this.drag(event, name));
    }
    window.addEventListener("beforeunload", (event) => { if (this.isDirty) event.preventDefault(); });
  }

  /* What is dropped anywhere on the panel is meant for it; the video's own field refuses what is dropped elsewhere. */
  drag(event, name) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    this.drop.classList.toggle("vf-over", name === "dragover");
    if (name === "drop") this.take([...event.dataTransfer.files]);
  }

  get isDirty() {
    return this.pending.some((file) => file.isSendable) || [...this.rows.values()].some((row) => row.isDirty);
  }

  take(files) {
    const fresh = files.map((file) => new PendingFile(this, file));
    this.pending.push(...fresh);
    this.waiting.append(...fresh.map(({ element }) => element));
    this.countPending();
    fresh[0]?.focus();
  }

  countPending() {
    this.together.hidden = this.pending.filter((file) => file.isSendable).length < 2;
  }

  async addAll() {
    for (const file of this.pending.filter((entry) => entry.isSendable)) {
      if (this.pending.includes(file)) await file.send(); // else it was removed while another was sent
    }
    (this.pending[0] ?? this).focus();
  }

  forget(file) {
    const isFocused = file.element.contains(document.activeElement);
    this.pending = this.pending.filter((entry) => entry !== file);
    file.element.remove();
    this.countPending();
    if (isFocused) this.focus();
  }

  focus() {
    this.input?.focus();
  }

  show(tracks) {
    const before = JSON.stringify(this.tracks);
    this.tracks = tracks;
    const ids = new Set(tracks.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    for (const track of tracks) {
      const row = this.rows.get(track.id);
      if (row) row.show(track);
      else this.append(new TrackRow(this, track));
    }
    this.empty.hidden = tracks.length > 0;
    this.follower?.(tracks);
    if (before !== JSON.stringify(tracks)) document.dispatchEvent(new CustomEvent("vf-tracks-changed"));
  }

  /* Call this with the tracks, now and whenever they were read. */
  follow(follower) {
    this.follower = follower;
    follower(this.tracks);
  }

  append(row) {
    this.rows.set(row.track.id, row);
    this.list.append(row.element);
  }

  /* Read the list after a change that was made here. */
  async changed(words) {
    this.changes += 1;
    this.say(words);
    await this.look();
  }

  async look() {
    const { changes } = this;
    try {
      const tracks = await this.server.list();
      if (changes === this.changes) this.show(tracks); // what was asked before a change tells of the time before it
      this.failures = 0;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.failures += 1;
    }
    this.schedule();
  }

  /* A video that is being made gets tracks from its file, and once more when it is done. */
  schedule() {
    clearTimeout(this.timer);
    const isActive = document.querySelector("[data-live-active]") !== null;
    const isWaiting = isActive || this.wasActive || this.failures > 0 || this.tracks.some(({ state }) => state === "processing");
    this.wasActive = isActive;
    if (!isWaiting) return;
    const pause = document.hidden ? HIDDEN_MS : EVERY_MS;
    this.timer = setTimeout(() => this.look(), Math.min(Math.max(pause, EVERY_MS * 2 ** this.failures), SLOWEST_MS));
  }

  say(words) {
    this.status.textContent = words;
  }
}
