/* A source that the browser plays by itself, as iPhones do. */

import { local } from "../api.js";
import { h } from "../dom.js";
import { AUTO, NONE, firstSound, firstText, forcedText } from "./choices.js";

const TEXT_KINDS = ["subtitles", "captions", "forced"];

/** The texts are those that the API tells of: a browser shows what it has found of them in the playlist, and gets the
    others as elements of their own, since the playlist of a single quality may name none. */
export class NativeSource {
  quality = AUTO;
  playing = "";
  text = NONE;
  #added = new Map(); // the elements of texts that the browser hasn't found, by their ids
  #hasBegun = false;

  constructor(video, { master, resolutions, tracks, from, onChange, onTrouble }) {
    this.video = video;
    this.master = master;
    this.onChange = onChange;
    this.qualities = resolutions.toReversed().map((name) => ({ id: name, label: name }));
    this.texts = tracks.filter(({ kind }) => TEXT_KINDS.includes(kind)).map(textOf);
    this.stopped = new AbortController();
    const { signal } = this.stopped;
    video.addEventListener("error", () => onTrouble(0), { signal });
    video.addEventListener("loadedmetadata", () => this.#begin(), { signal });
    for (const found of [video.textTracks, video.audioTracks].filter(Boolean)) {
      found.addEventListener("addtrack", () => this.#begin(), { signal });
      found.addEventListener("change", () => this.#look(), { signal }); // by the browser's own menu
    }
    this.#load(master, from);
    queueMicrotask(onChange);
  }

  get sounds() {
    return [...(this.video.audioTracks ?? [])].map(soundOf);
  }

  get sound() {
    const at = [...(this.video.audioTracks ?? [])].findIndex(({ enabled }) => enabled);
    return at < 0 ? null : at;
  }

  choose(id) {
    this.quality = id;
    this.reload();
  }

  chooseText(id) {
    this.text = id;
    const shown = id === NONE ? null : this.#trackOf(this.texts.find((text) => text.id === id));
    for (const track of this.#textTracks()) {
      const mode = track === shown ? "showing" : "disabled";
      if (track.mode !== mode) track.mode = mode;
    }
    this.onChange();
  }

  chooseSound(id) {
    [...this.video.audioTracks].forEach((track, index) => {
      track.enabled = index === id;
    });
    this.onChange();
  }

  reload() {
    this.#load(this.quality === AUTO ? this.master : this.master.replace("master.m3u8", `${this.quality}/index.m3u8`));
  }

  destroy() {
    this.stopped.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }

  #load(address, at = this.video.currentTime) {
    const wasPlaying = !this.video.paused;
    this.#hasBegun = false;
    this.video.src = address;
    if (at > 0) this.video.addEventListener("loadedmetadata", () => (this.video.currentTime = at), { once: true });
    if (wasPlaying) this.video.play().catch(() => {});
  }

  /** Now the browser knows the tracks, or some of them. */
  #begin() {
    if (this.video.readyState === 0) return;
    const sound = firstSound(this.sounds);
    if (sound !== null && sound !== this.sound) this.chooseSound(sound);
    const chosen = firstText(this.texts);
    this.#hasBegun = true;
    this.chooseText(chosen === NONE ? forcedText(this.texts, this.sounds[this.sound]) : chosen);
  }

  #look() {
    if (!this.#hasBegun || this.video.readyState === 0) return;
    const showing = this.#textTracks().find(({ mode }) => mode === "showing");
    const found = this.texts.find((text) => showing && isSame(text, showing));
    this.text = found?.id ?? NONE;
    this.onChange();
  }

  #textTracks() {
    return [...this.video.textTracks].filter(({ kind }) => TEXT_KINDS.includes(kind));
  }

  #trackOf(text) {
    const added = this.#added.get(text.id);
    const found = this.#textTracks().find((track) => track !== added?.track && isSame(text, track));
    if (found) {
      added?.remove();
      this.#added.delete(text.id);
      return found;
    }
    return (added ?? this.#add(text)).track;
  }

  #add({ id, kind, language, label, url }) {
    const element = h("track", { kind, srclang: language, label, src: local(url) });
    this.#added.set(id, element);
    this.video.append(element);
    return element;
  }
}

function isSame({ kind, language, label, isForced }, track) {
  const isKind = track.kind === (isForced ? "forced" : kind) || track.kind === kind;
  return isKind && track.label === label && track.language === language;
}

function textOf({ id, kind, language, label, url, is_default: isDefault, is_forced: isForced }) {
  return { id, kind, language, label, url, isDefault, isForced };
}

function soundOf({ label, language, kind }, id) {
  return { id, language, label, isDescribed: ["main-desc", "description", "descriptions"].includes(kind) };
}
