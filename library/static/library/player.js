/* The preview on a video's page: it appears when there is something to play, also while the video is being made. */

import { HlsChoices, Menus, NativeChoices } from "./tracks/menus.js";

const LOOK_EVERY_MS = 1000;
const SEEN_BY_ALL_MS = 2500; // from a change of a track until every web process tells of it

class Preview {
  constructor(stage) {
    this.playlist = stage.dataset.playlist;
    this.element = document.createElement("video");
    Object.assign(this.element, { controls: true, playsInline: true, preload: "metadata", muted: false });
    if (stage.dataset.poster) this.element.poster = stage.dataset.poster;
    stage.replaceChildren(this.element);
    this.menus = new Menus(stage);
    this.load(0);
    document.addEventListener("vf-tracks-changed", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.loadAgain(), SEEN_BY_ALL_MS);
    });
    document.dispatchEvent(new CustomEvent("vf-preview-opened"));
  }

  load(startPosition) {
    if (!window.Hls?.isSupported()) {
      this.menus.follow(new NativeChoices(this.element));
      this.element.src = this.playlist;
      return;
    }
    const before = this.hls;
    this.hls = new Hls({ startPosition, maxBufferLength: 20, ...this.menus.choices?.preferences });
    this.hls.on(Hls.Events.ERROR, (_, { fatal, type }) => {
      if (!fatal) return;
      if (type === Hls.ErrorTypes.MEDIA_ERROR) this.hls.recoverMediaError();
      else this.hls.startLoad();
    });
    this.menus.follow(new HlsChoices(this.hls));
    before?.destroy();
    this.hls.loadSource(this.playlist);
    this.hls.attachMedia(this.element);
  }

  /* With the tracks as they are now, at the same place. */
  async loadAgain() {
    await fetch(this.playlist, { cache: "reload" }).catch(() => null); // browsers keep playlists for some seconds
    const { currentTime, paused } = this.element;
    this.load(currentTime);
    if (!this.hls) this.element.currentTime = currentTime;
    if (!paused) this.element.play().catch(() => null); // a pause that comes first is no error
  }
}

document.querySelectorAll("[data-playlist]").forEach((stage) => {
  const isPlayable = () => document.querySelector(".vf-panel[data-playable]") !== null;
  const timer = setInterval(look, LOOK_EVERY_MS);
  function look() {
    if (!isPlayable()) return;
    clearInterval(timer);
    new Preview(stage);
  }
  look();
});
