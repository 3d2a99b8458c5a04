/* Tells where the player is: while it plays, when it is paused or sought in, and at last when the page is left. */

const EVERY_MS = 10_000;
const AFTER_SEEKING_MS = 1000; // one report for a run of seeks
const SAME_S = 0.5;
const WRITTEN_AFTER_MS = 5200; // the API may not write what comes sooner after another report

/** Calls `report` with {position, duration} in seconds, from the first moment that is played on. */
export function reporting(video, { report, signal }) {
  let hasBegun = false;
  let playedAt = 0;
  let toldAt = -Infinity;
  let told = null; // the position
  let settling = 0;

  function tell({ isAgain = false } = {}) {
    clearTimeout(settling);
    if (!hasBegun || video.readyState === 0) return;
    const position = Math.round(1000 * video.currentTime) / 1000;
    if (told !== null && Math.abs(told - position) < SAME_S && !isAgain) return;
    const isSoon = performance.now() - toldAt < WRITTEN_AFTER_MS;
    [told, toldAt] = [position, performance.now()];
    report({ position, duration: video.duration });
    if (isSoon && !signal.aborted) settling = setTimeout(tellWherePaused, WRITTEN_AFTER_MS);
  }

  /** Once more: so that it is kept to the second where somebody stopped. */
  function tellWherePaused() {
    if (video.paused && !signal.aborted) tell({ isAgain: true });
  }

  const listeners = {
    play() {
      hasBegun = true;
      playedAt = performance.now();
    },
    timeupdate() {
      if (!video.paused && performance.now() - Math.max(toldAt, playedAt) >= EVERY_MS) tell();
    },
    seeked() {
      clearTimeout(settling);
      settling = setTimeout(tell, AFTER_SEEKING_MS);
    },
    pause: () => tell(),
    ended: () => tell(),
  };
  for (const [event, listener] of Object.entries(listeners)) video.addEventListener(event, listener, { signal });
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && tell(), { signal });
  addEventListener("pagehide", () => tell(), { signal });
  signal.addEventListener("abort", () => tell()); // another screen is shown
}
