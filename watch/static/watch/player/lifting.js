/* Keeps subtitles above the controls while those are shown: the cues whose authors gave them no place of their own. */

const FONT = { share: 0.05 * 0.85, least: 15, most: 40 }; // as styles/texts.css has it, of the video's shorter side
const LINE = 1.35;
const INITIAL = "auto";

/** `controls` begin at the upper edge of `line`. The returned function is told whether they are shown. */
export function lifting(video, line) {
  const lifted = new Set();
  const measure = document.createElement("canvas").getContext("2d");
  let areShown = true;

  function shape() {
    const free = areShown ? activeCues(video).filter((cue) => lifted.has(cue) || isFree(cue)) : [];
    for (const cue of lifted) {
      if (free.includes(cue)) continue;
      place(cue, INITIAL);
      lifted.delete(cue);
    }
    for (const cue of free) {
      place(cue, -(linesBelow() + linesOf(cue)));
      lifted.add(cue);
    }
  }

  function fontPx() {
    const px = FONT.share * Math.min(video.clientWidth, video.clientHeight);
    return Math.min(FONT.most, Math.max(FONT.least, px));
  }

  function linesBelow() {
    const heightPx = video.getBoundingClientRect().bottom - line.getBoundingClientRect().top;
    return Math.ceil(heightPx / (LINE * fontPx()));
  }

  /** How many lines the cue takes, those too into which the browser breaks it. */
  function linesOf(cue) {
    measure.font = `${fontPx()}px system-ui`;
    const roomPx = Math.max(1, (video.clientWidth * cue.size) / 100);
    const lengths = cue.getCueAsHTML().textContent.split("\n").map((text) => measure.measureText(text).width);
    return lengths.reduce((sum, px) => sum + Math.max(1, Math.ceil(px / roomPx)), 0);
  }

  video.textTracks.addEventListener("addtrack", ({ track }) => track.addEventListener("cuechange", shape));
  video.textTracks.addEventListener("change", shape);
  new ResizeObserver(shape).observe(video);
  return (shown) => {
    if (shown === areShown) return;
    areShown = shown;
    shape();
  };
}

function activeCues({ textTracks }) {
  return [...textTracks].filter(({ mode }) => mode === "showing").flatMap(({ activeCues: cues }) => [...(cues ?? [])]);
}

function place(cue, line) {
  if (cue.line === line) return;
  cue.line = line;
  if (cue.track?.mode !== "showing") return;
  cue.track.mode = "hidden"; // Chromium draws what is shown already anew only when it is shown again
  cue.track.mode = "showing";
}

function isFree({ line, vertical, region }) {
  return line === INITIAL && vertical === "" && !region;
}
