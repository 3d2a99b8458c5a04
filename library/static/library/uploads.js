/* Makes the video's file field a drop zone: resumable uploads (tus) with progress, pause and resume.

   A single file belongs to the form: its upload's id is saved with it. Several files become several videos at once,
   each with a title from its name. Without this script the field is an ordinary file field. */
"use strict";

(() => {
  const DELAYS_MS = Array.from({ length: 500 }, (_, index) => Math.min(250 * 2 ** index, 10000));
  const SPEED_OVER_MS = 5000;
  const WORDS = { 507: "There is not enough free space on the disk.", 401: "Please sign in again.", 403: "Please reload the page and sign in again." };

  const make = (name, attributes = {}, ...children) => {
    const element = document.createElement(name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    element.append(...children);
    return element;
  };
  const button = (label, onClick) => {
    const element = make("button", { type: "button", class: "vf-button" }, label);
    element.addEventListener("click", onClick);
    return element;
  };

  /* Read each time: signing in to the admin in another tab changes the cookie. */
  const csrfToken = (root) => document.cookie.match(`(?:^|; )${root.dataset.csrfCookie}=([^;]*)`)?.[1] ?? "";

  function sizeText(bytes) {
    const units = ["bytes", "KB", "MB", "GB", "TB"];
    const step = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
    return `${(bytes / 1024 ** step).toFixed(step > 1 ? 1 : 0)} ${units[step]}`;
  }

  function durationText(seconds) {
    if (seconds < 60) return `${Math.ceil(seconds)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  const titleOf = (name) => {
    const words = name.replace(/\.[^.]*$/, "").replace(/[._-]+/g, " ").replace(/\s+/g, " ").trim() || "Untitled";
    return (words[0].toUpperCase() + words.slice(1)).slice(0, 200);
  };

  function sentenceOf(error) {
    const response = error.originalResponse;
    if (!response) return "The connection was lost.";
    try {
      const answer = JSON.parse(response.getBody());
      return answer.detail ?? Object.values(answer).flat().join(" ");
    } catch {
      return WORDS[response.getStatus()] ?? "The upload failed.";
    }
  }

  /* The upload of one file, and its row in the list. */
  class Item {
    constructor(zone, file, isForForm) {
      Object.assign(this, { zone, file, isForForm, samples: [], state: "waiting" });
      this.bar = make("progress", { class: "vf-bar", max: file.size, value: 0, "aria-label": `Upload of ${file.name}` });
      this.text = make("span", { class: "vf-details" }, sizeText(file.size));
      this.toggle = button("Pause", () => (this.state === "running" ? this.pause() : this.start()));
      this.remove = button("Remove", () => this.end());
      this.buttons = make("span", { class: "vf-buttons" }, this.toggle, this.remove);
      const head = make("span", { class: "vf-item-head" }, make("strong", {}, file.name), this.buttons);
      this.row = make("li", { class: "vf-item" }, head, this.bar, this.text);
      for (const element of [this.toggle, this.remove]) element.setAttribute("aria-label", `${element.textContent} ${file.name}`);
    }

    prepare() {
      const { endpoint, chunkBytes } = this.zone.root.dataset;
      const mode = this.isForForm ? "form" : "video";
      this.upload = new tus.Upload(this.file, {
        endpoint,
        chunkSize: Number(chunkBytes),
        retryDelays: DELAYS_MS,
        removeFingerprintOnSuccess: true,
        onBeforeRequest: (request) => request.setHeader("X-CSRFToken", csrfToken(this.zone.root)),
        metadata: { filename: this.file.name, ...(this.isForForm ? {} : this.zone.videoMetadata(this.file)) },
        fingerprint: async (file) => ["videoflix", mode, file.name, file.size, file.lastModified, location.origin].join("|"),
        onShouldRetry: (error) => this.mayRetry(error),
        onProgress: (sent) => this.progress(sent),
        onAfterResponse: (request, response) => { this.videoId = response.getHeader("X-Video-ID") ?? this.videoId; },
        onSuccess: () => this.done(),
        onError: (error) => this.fail(sentenceOf(error)),
      });
    }

    async start() {
      if (this.state === "running") return;
      this.show("running", "Connecting …");
      if (!this.upload) {
        this.prepare();
        const [previous] = await this.upload.findPreviousUploads();
        if (previous) this.upload.resumeFromPreviousUpload(previous);
      }
      this.samples = [];
      this.upload.start();
    }

    async pause() {
      this.show("paused", "Paused");
      await this.upload?.abort();
    }

    async end() {
      this.state = "ended";
      this.row.remove();
      this.zone.forget(this);
      await this.upload?.abort(true).catch(() => {});
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
      const words = [`${sizeText(sent)} of ${sizeText(this.file.size)}`];
      if (speed > 0) words.push(`${sizeText(speed)}/s`, `${durationText((this.file.size - sent) / speed)} left`);
      this.bar.value = sent;
      this.text.textContent = words.join(" · ");
    }

    done() {
      this.bar.value = this.file.size;
      this.show("done", this.isForForm ? "Uploaded. Save to make it a video." : "Uploaded. ");
      if (!this.isForForm && this.videoId) this.text.append(make("a", { href: `../${this.videoId}/change/` }, "Open the video"));
      this.toggle.remove();
      if (!this.isForForm) this.remove.remove();
      this.zone.finished(this);
    }

    fail(sentence) {
      this.show("failed", sentence);
      this.upload = this.upload?.url ? this.upload : null;
    }

    /* For a file that can't be accepted: trying again would change nothing. */
    refuse(sentence) {
      this.show("failed", sentence);
      this.toggle.remove();
      this.bar.remove();
    }

    show(state, words) {
      this.state = state;
      this.text.textContent = words;
      this.row.dataset.state = state;
      this.toggle.textContent = { running: "Pause", failed: "Try again" }[state] ?? "Resume";
      this.toggle.setAttribute("aria-label", `${this.toggle.textContent} ${this.file.name}`);
      if (state !== "running") this.zone.say(`${this.file.name}: ${words}`);
    }

    get id() {
      return this.upload?.url?.match(/([0-9a-f-]{36})\/?$/)?.[1] ?? "";
    }
  }

  class Zone {
    constructor(root) {
      this.root = root;
      this.items = [];
      this.input = root.querySelector("input[type=file]");
      this.hidden = root.querySelector("[data-upload-id]");
      this.form = root.closest("form");
      this.input.hasChangeListener = true; // Unfold looks for a text field beside each file field
      this.input.removeAttribute("required");
      this.input.multiple = "many" in root.dataset;
      this.list = make("ul", { class: "vf-queue", "aria-label": "Uploads" });
      this.status = make("p", { class: "vf-unseen", role: "status" });
      const words = this.input.multiple ? "Drop videos here, or choose them" : "Drop a video here, or choose it";
      this.drop = make("div", { class: "vf-drop" }, make("p", {}, words), this.input);
      root.append(this.drop, root.querySelector(".vf-hint[id]"), this.list, this.status);
      this.listen();
      this.offerUnfinished();
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
      }
      this.form.addEventListener("submit", (event) => this.hold(event));
      window.addEventListener("online", () => this.items.filter((item) => item.state === "failed").forEach((item) => item.start()));
      window.addEventListener("beforeunload", (event) => {
        if (this.items.some((item) => item.state === "running")) event.preventDefault();
      });
    }

    add(files) {
      const accepted = this.root.dataset.accepted.split(", ");
      for (const file of this.input.multiple ? files : files.slice(0, 1)) {
        const isForForm = !this.input.multiple || (files.length === 1 && !this.items.some((item) => item.isForForm));
        if (!this.input.multiple) this.items.forEach((item) => item.end());
        const item = new Item(this, file, isForForm);
        this.items.push(item);
        this.list.append(item.row);
        if (isForForm) this.suggestTitle(file);
        if (!file.size) item.refuse("The file is empty.");
        else if (!accepted.some((ending) => file.name.toLowerCase().endsWith(ending))) item.refuse(`Files of this kind can't be used; accepted are ${accepted.join(", ")}.`);
        else item.start();
      }
    }

    suggestTitle(file) {
      const title = this.form.elements.title;
      if (title && !title.value) title.value = titleOf(file.name);
    }

    videoMetadata(file) {
      const { category, description } = this.form.elements;
      return { title: titleOf(file.name), category: category.value, description: description.value };
    }

    /* Saving waits for the upload that belongs to the form. */
    hold(event) {
      this.form.elements.csrfmiddlewaretoken.value = csrfToken(this.root);
      const item = this.items.find((entry) => entry.isForForm && ["running", "paused"].includes(entry.state));
      if (!item) return;
      event.preventDefault();
      this.held = event.submitter;
      item.start();
      this.say("The video is saved as soon as its upload is complete.");
      this.note ??= make("p", { class: "vf-hint" }, "It is saved as soon as the upload is complete.");
      item.row.append(this.note);
    }

    finished(item) {
      if (!item.isForForm) return;
      this.hidden.value = item.id;
      if (this.held !== undefined) this.form.requestSubmit(this.held);
    }

    forget(item) {
      this.items = this.items.filter((entry) => entry !== item);
      if (item.isForForm) {
        this.hidden.value = "";
        this.held = undefined;
      }
    }

    say(words) {
      this.status.textContent = words;
    }

    /* Lists uploads that a reload, a lost connection or a closed tab interrupted. */
    async offerUnfinished() {
      const response = await fetch(this.root.dataset.endpoint, { headers: { Accept: "application/json" } }).catch(() => null);
      const found = response?.ok ? await response.json() : [];
      const wanted = found.filter(({ title }) => this.input.multiple || title === null);  // one with a title becomes a video by itself, which the page for many shows
      this.list.append(...wanted.map((upload) => this.unfinishedRow(upload)));
    }

    unfinishedRow({ id, name, offset, length }) {
      const isWhole = offset === length;
      const words = isWhole ? "Uploaded, but not saved as a video." : `${Math.floor((100 * offset) / length)} % uploaded. Choose the file again to go on.`;
      const row = make("li", { class: "vf-item vf-unfinished" });
      const discard = button("Discard", async () => {
        await fetch(`${this.root.dataset.endpoint}${id}/`, { method: "DELETE", headers: { "Tus-Resumable": "1.0.0", "X-CSRFToken": csrfToken(this.root) } });
        if (this.hidden.value === id) this.hidden.value = "";
        row.remove();
      });
      const use = button(this.hidden.value === id ? "Chosen" : "Use this file", () => {
        this.hidden.value = id;
        use.textContent = "Chosen";
        this.suggestTitle({ name });
      });
      row.append(make("span", { class: "vf-item-head" }, make("strong", {}, name), make("span", { class: "vf-buttons" }, ...(isWhole ? [use] : []), discard)), make("span", { class: "vf-details" }, words));
      return row;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".vf-picture-input input[type=file]").forEach((input) => { input.hasChangeListener = true; });
    document.querySelectorAll("[data-video-input]").forEach((root) => new Zone(root));
  });
})();
