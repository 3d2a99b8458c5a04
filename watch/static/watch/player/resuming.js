/* What is asked over the picture of a video that was begun: to go on, or to watch it from the beginning. */

import { h } from "../dom.js";
import { clock } from "../words.js";

const CAN_PLAY = 3; // HTMLMediaElement.HAVE_FUTURE_DATA

/** `from` in seconds: 0 asks nothing. `toggle` begins to play, as far as the video is loaded by then. */
export function resuming(video, { from, toggle }) {
  let isAsking = from > 0;
  const goOn = h("button", { class: "button main", type: "button", on: { click: toggle } }, `Continue at ${clock(from)}`);
  const anew = h("button", { class: "button", type: "button", on: { click: playAnew } }, "From the beginning");
  const element = h("div", { class: "resume", hidden: !isAsking }, goOn, anew);

  /** Not before the source has gone to where it was told to begin. */
  function playAnew() {
    const rewind = () => {
      video.currentTime = 0;
    };
    if (video.readyState >= CAN_PLAY) rewind();
    else video.addEventListener("playing", rewind, { once: true });
    toggle();
  }

  video.addEventListener("play", () => {
    isAsking = false;
  });
  return {
    element,
    isAsking: () => isAsking,
  };
}
