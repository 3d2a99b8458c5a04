/* The preview on a video's page: it appears when there is something to play, also while the video is being made. */
"use strict";

(() => {
  const LOOK_EVERY_MS = 1000;

  function play(stage) {
    const element = document.createElement("video");
    Object.assign(element, { controls: true, playsInline: true, preload: "metadata", muted: false });
    if (stage.dataset.poster) element.poster = stage.dataset.poster;
    stage.replaceChildren(element);
    if (window.Hls?.isSupported()) {
      const hls = new Hls({ startPosition: 0, maxBufferLength: 20 });
      hls.on(Hls.Events.ERROR, (_, { fatal, type }) => {
        if (!fatal) return;
        if (type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
        else hls.startLoad();
      });
      hls.loadSource(stage.dataset.playlist);
      hls.attachMedia(element);
    } else {
      element.src = stage.dataset.playlist;
    }
  }

  document.querySelectorAll("[data-playlist]").forEach((stage) => {
    const isPlayable = () => document.querySelector(".vf-panel[data-playable]") !== null;
    const timer = setInterval(() => {
      if (!isPlayable()) return;
      clearInterval(timer);
      play(stage);
    }, LOOK_EVERY_MS);
    if (isPlayable()) {
      clearInterval(timer);
      play(stage);
    }
  });
})();
