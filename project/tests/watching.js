/* What is seen and heard of the page's one <video>, whichever player plays it. `playing` is what a test makes of the lines
   in docs/frontend.md: sounds(), texts(), hear(label), read(label), and the list of its textTracks(). */

const element = document.querySelector("video");
const seen = { errors: [], flips: [] };
let playing = null;
let analyser = null;

element.removeAttribute("muted"); // video.js obeys it again and again
element.muted = false;
element.addEventListener("error", () => seen.errors.push(element.error.message));

/* What hls.js 1.7 tells as errors, and goes on: that a fetch was given up as something else was chosen, and that what was
   chosen had to be waited for; at the start that there is a hole before the first picture, as that is decoded two frames
   before it is shown (B-frames), and that a sound which waited for the pictures' clock brought nothing. */
function isHarmless({ details, fatal }) {
  const { INTERNAL_ABORTED, BUFFER_STALLED_ERROR, BUFFER_SEEK_OVER_HOLE, BUFFER_APPEND_NO_PROGRESS } = Hls.ErrorDetails;
  const isOfTheStart = [BUFFER_SEEK_OVER_HOLE, BUFFER_APPEND_NO_PROGRESS].includes(details) && element.currentTime < 0.2;
  return !fatal && (isOfTheStart || [INTERNAL_ABORTED, BUFFER_STALLED_ERROR].includes(details));
}

const LONGEST_STEP_S = 1.5 / 24; // between two pictures of which none was left out

/* Remember when the picture turns from black to white or back, where the picture before that one was seen, too: a busy
   browser leaves some out. */
function watchPicture() {
  const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  let wasWhite = null;
  let before = 0;
  const look = (_, { mediaTime }) => {
    pixel.drawImage(element, 0, 0, 1, 1);
    const isWhite = pixel.getImageData(0, 0, 1, 1).data[0] > 127;
    const isNext = mediaTime - before < LONGEST_STEP_S;
    if (wasWhite !== null && isWhite !== wasWhite && isNext) seen.flips.push(mediaTime);
    wasWhite = isWhite;
    before = mediaTime;
    element.requestVideoFrameCallback(look);
  };
  element.requestVideoFrameCallback(look);
}

async function listen() {
  const context = new AudioContext();
  analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
  context.createMediaElementSource(element).connect(analyser).connect(context.destination);
  await context.resume();
}

/* The loudest frequency, within 12 Hz; 0 in silence. */
function heard() {
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const loudest = levels.indexOf(Math.max(...levels));
  return levels[loudest] < -60 ? 0 : (loudest * analyser.context.sampleRate) / analyser.fftSize;
}

async function until(condition, seconds = 15) {
  const begun = performance.now();
  while (!condition()) {
    if (performance.now() - begun > seconds * 1000) throw new Error(`${condition}: not within ${seconds} s; ${state()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const playsUntil = (time) => until(() => element.currentTime >= time);

/* How long the video plays until this tone is heard, in seconds of it. */
async function playedUntilHeard(hz) {
  const from = element.currentTime;
  await until(() => Math.abs(heard() - hz) < 12);
  return element.currentTime - from;
}

function showing() {
  return Array.from(playing.textTracks()).filter(({ kind, mode }) => kind !== "metadata" && mode === "showing");
}

const told = ({ startTime, endTime, text }) => [startTime, endTime, text];
const cues = () => showing().flatMap((track) => Array.from(track.cues ?? [], told));
const activeTexts = () => showing().flatMap((track) => Array.from(track.activeCues ?? [], ({ text }) => text));

async function reads(...texts) {
  await until(() => String(activeTexts()) === String(texts));
  return cues();
}

/* Some players play on while a text is being fetched: the moment is held until it is there. */
async function seekAndRead(time, text) {
  element.pause();
  element.currentTime = time;
  const found = await reads(text);
  await element.play();
  return found;
}

function fetched() {
  const all = performance.getEntriesByType("resource");
  return all.map(({ name, responseStatus }) => [new URL(name).pathname, responseStatus]);
}

function state() {
  const { currentTime, paused, readyState } = element;
  return JSON.stringify({ currentTime, paused, readyState, hz: analyser && heard(), texts: playing && activeTexts(), ...seen });
}
