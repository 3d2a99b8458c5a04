/* The upload of one file, and its row in the list.

   Its states: `waiting` for its file (begun before a reload; browsers let no page open a file again by itself),
   `running`, `paused`, `failed` (may be tried again), `done`, and `ended` once it has left the list. */

import { button, listRow, make, relabel } from "./elements.js";
import { idOf } from "./server.js";
import { durationText, isRefusal, sentenceOf, sizeText } from "./words.js";

const DELAYS_MS = Array.from({ length: 500 }, (_, index) => Math.min(250 * 2 ** index, 10000));
const SPEED_OVER_MS = 5000;

export class Item {
  /* `known` is a File, or what is left of one after a reload: {id, name, size, lastModified, offset}. */
  constructor(zone, known) {
    Object.assign(this, { zone, name: known.name, size: known.size, lastModified: known.lastModified, samples: [] });
    this.file = known instanceof File ? known : null;
    this.storedId = known.id ?? "";
    this.bar = make("progress", { class: "vf-bar", max: this.size, value: 0, "aria-label": `Upload of ${this.name}` });
    this.text = make("span", { class: "vf-details" });
    this.toggle = button("Pause", this.name, () => (this.state === "running" ? this.pause() : this.start()));
    this.remove = button("Remove", this.name, () => this.zone.remove(this));
    this.row = listRow(this.name, [this.toggle, this.remove], this.bar, this.text);
    if (this.file) this.show("paused", sizeText(this.size));
    else if (known.offset === this.size) this.done();
    else this.wait(known.offset);
  }

  get id() {
    return idOf(this.upload?.url) || this.storedId;
  }

  /* Whether the server is being asked to make the upload. Only the answer tells the address, without which the upload
     can neither be ended nor continued: so this request is never aborted. */
  get isBeginning() {
    if (this.request?.getMethod() !== "POST") return false;
    const { readyState } = this.request.getUnderlyingObject();
    return readyState !== XMLHttpRequest.UNSENT && readyState !== XMLHttpRequest.DONE;
  }

  isOf({ name, size, lastModified }) {
    const isSame = this.name === name && this.size === size;
    return isSame && (this.lastModified === undefined || this.lastModified === lastModified);
  }

  /* For a file whose page was closed or loaded again. The offset is not known where the server couldn't be asked. */
  wait(offset) {
    this.bar.value = offset ?? 0;
    const percent = `${Math.floor((100 * offset) / this.size)} % uploaded. Choose the file again to go on.`;
    this.show("waiting", offset === undefined ? "The server can't be asked how much is uploaded. Reload the page in a moment." : percent);
  }

  /* Go on with a file that was chosen again. */
  async resume(file) {
    this.file = file;
    this.lastModified = file.lastModified;
    await this.start();
  }

  async prepare() {
    const { server, root } = this.zone;
    const { chunkBytes, video } = root.dataset;
    this.upload = new tus.Upload(this.file, {
      endpoint: server.endpoint,
      chunkSize: Number(chunkBytes),
      retryDelays: DELAYS_MS,
      removeFingerprintOnSuccess: true,
      uploadUrl: this.storedId ? server.addressOf(this.storedId) : null,
      onBeforeRequest: (request) => this.sends(request),
      metadata: { filename: this.name, ...(video ? { replaces: video } : {}) },
      fingerprint: async ({ name, size, lastModified }) => ["videoflix", "form", name, size, lastModified, location.origin].join("|"),
      onShouldRetry: (error) => this.mayRetry(error),
      onUploadUrlAvailable: () => this.begun(),
      onProgress: (sent) => this.progress(sent),
      onSuccess: () => this.done(),
      onError: (error) => this.fail(error),
    });
    if (this.storedId) return;
    const previous = (await this.upload.findPreviousUploads()).find(({ uploadUrl }) => this.zone.isFree(idOf(uploadUrl)));
    if (previous) this.upload.resumeFromPreviousUpload(previous);
  }

  async start() {
    if (this.state === "running") return;
    this.show("running", "Connecting …");
    if (!this.upload) await this.prepare();
    if (this.state !== "running") return;
    this.samples = [];
    if (!this.isBeginning) this.upload.start();
    this.zone.changed();
  }

  sends(request) {
    this.request = request;
    request.setHeader("X-CSRFToken", this.zone.server.csrfToken);
  }

  /* The address is known: what was paused or removed before that stops now. It is kept here, since tus forgets it where
     the server refuses to tell the offset, as it does after the session has ended. */
  begun() {
    this.storedId = this.id;
    if (this.state !== "running") this.stop();
    this.zone.changed();
  }

  async pause() {
    this.show("paused", "Paused");
    await this.stop();
  }

  async stop() {
    if (this.isBeginning) return;
    const isForGood = this.state === "ended";
    const stopped = this.upload.abort(isForGood).catch(() => {});
    await (isForGood && this.id ? this.zone.ends(this.id, stopped) : stopped);
  }

  /* End the upload for good: what has arrived is removed. */
  async end() {
    this.state = "ended";
    this.row.remove();
    if (this.upload) await this.stop();
    else if (this.id) await this.zone.ends(this.id, this.zone.server.end(this.id));
  }

  mayRetry(error) {
    const status = error.originalResponse?.getStatus() ?? 0;
    const retries = !status || status === 409 || status === 423 || status === 429 || (status >= 500 && status !== 507);
    if (retries && this.state === "running") this.text.textContent = "Connection lost; trying again …";
    return retries && this.state === "running";
  }

  progress(sent) {
    if (this.state !== "running") return;
    const now = performance.now();
    this.samples = [...this.samples.filter(([at]) => now - at < SPEED_OVER_MS), [now, sent]];
    const [[began, first]] = this.samples;
    const speed = now > began ? ((sent - first) * 1000) / (now - began) : 0;
    const words = [`${sizeText(sent)} of ${sizeText(this.size)}`];
    if (speed > 0) words.push(`${sizeText(speed)}/s`, `${durationText((this.size - sent) / speed)} left`);
    this.bar.value = sent;
    this.text.textContent = words.join(" · ");
  }

  done() {
    this.bar.value = this.size;
    this.show("done", this.zone.doneText);
    this.toggle.remove();
    this.zone.finished(this);
  }

  /* An error after Pause or Remove is that of a beginning which was let through: it begins anew when it is resumed. */
  fail(error) {
    if (this.state === "ended") return;
    if (isRefusal(error)) return this.zone.refuse(this, sentenceOf(error));
    if (!this.upload?.url) this.upload = null;
    if (this.state !== "running") return;
    this.show("failed", sentenceOf(error));
    this.zone.failed(this);
  }

  show(state, words) {
    this.state = state;
    this.text.textContent = words;
    this.row.dataset.state = state;
    this.toggle.hidden = state === "waiting";
    relabel(this.toggle, { running: "Pause", failed: "Try again" }[state] ?? "Resume", this.name);
    if (state !== "running") this.zone.say(`${this.name}: ${words}`);
  }
}
