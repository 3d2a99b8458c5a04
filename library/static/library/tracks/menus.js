/* The preview's menus for subtitles and sounds: plain <select>s, which keyboards and screen readers know. */

import { make } from "../uploads/elements.js";

const OFF = -1;
const SHOWN = ["subtitles", "captions"];

/* What hls.js offers. It shows the chosen subtitles as one of the element's own text tracks. */
export class HlsChoices {
  constructor(hls) {
    this.hls = hls;
  }

  /* What is chosen, as settings for another Hls. */
  get preferences() {
    const [text, sound] = [this.texts[this.text], this.sounds[this.sound]];
    return { ...(text && { subtitlePreference: { name: text } }), ...(sound && { audioPreference: { name: sound } }) };
  }

  listen(draw) {
    const { SUBTITLE_TRACKS_UPDATED, SUBTITLE_TRACK_SWITCH, AUDIO_TRACKS_UPDATED, AUDIO_TRACK_SWITCHED } = Hls.Events;
    for (const name of [SUBTITLE_TRACKS_UPDATED, SUBTITLE_TRACK_SWITCH, AUDIO_TRACKS_UPDATED, AUDIO_TRACK_SWITCHED]) this.hls.on(name, draw);
  }

  get texts() {
    return this.hls.subtitleTracks.map(({ name }) => name);
  }

  get text() {
    return this.hls.subtitleTrack;
  }

  set text(number) {
    this.hls.subtitleTrack = number;
  }

  get sounds() {
    return this.hls.audioTracks.map(({ name }) => name);
  }

  get sound() {
    return this.hls.audioTrack;
  }

  set sound(number) {
    this.hls.audioTrack = number;
  }
}

/* What a browser offers that plays HLS by itself. */
export class NativeChoices {
  constructor(element) {
    this.element = element;
  }

  listen(draw) {
    for (const list of [this.element.textTracks, this.element.audioTracks].filter(Boolean)) {
      for (const name of ["addtrack", "removetrack", "change"]) list.addEventListener(name, draw);
    }
  }

  get shown() {
    return [...this.element.textTracks].filter(({ kind }) => SHOWN.includes(kind));
  }

  get texts() {
    return this.shown.map(({ label, language }) => label || language);
  }

  get text() {
    return this.shown.findIndex(({ mode }) => mode === "showing");
  }

  set text(number) {
    this.shown.forEach((track, index) => { track.mode = index === number ? "showing" : "disabled"; });
  }

  get heard() {
    return [...(this.element.audioTracks ?? [])];
  }

  get sounds() {
    return this.heard.map(({ label, language }) => label || language);
  }

  get sound() {
    return this.heard.findIndex(({ enabled }) => enabled);
  }

  set sound(number) {
    this.heard.forEach((track, index) => { track.enabled = index === number; });
  }
}

export class Menus {
  constructor(stage) {
    this.text = make("select", { class: "vf-select", "aria-label": "Subtitles" });
    this.sound = make("select", { class: "vf-select", "aria-label": "Sound" });
    this.textLine = make("label", { hidden: "" }, "Subtitles ", this.text);
    this.soundLine = make("label", { hidden: "" }, "Sound ", this.sound);
    stage.after(make("div", { class: "vf-player-menus" }, this.textLine, this.soundLine));
    this.text.addEventListener("change", () => { this.choices.text = Number(this.text.value); });
    this.sound.addEventListener("change", () => { this.choices.sound = Number(this.sound.value); });
  }

  follow(choices) {
    this.choices = choices;
    choices.listen(() => { if (this.choices === choices) this.draw(); });
    this.draw();
  }

  draw() {
    const { texts, text, sounds, sound } = this.choices;
    const numbered = (names) => names.map((name, index) => [index, name]);
    this.fill(this.text, [[OFF, "Off"], ...numbered(texts)], text);
    this.fill(this.sound, numbered(sounds), sound);
    this.textLine.hidden = !texts.length;
    this.soundLine.hidden = sounds.length < 2;
  }

  /* The options are made anew only where they differ, as a menu that is open would close. */
  fill(select, wanted, chosen) {
    const shown = [...select.options].map(({ value, text }) => [Number(value), text]);
    if (JSON.stringify(shown) !== JSON.stringify(wanted)) {
      select.replaceChildren(...wanted.map(([value, name]) => make("option", { value }, name)));
    }
    select.value = String(chosen);
  }
}
