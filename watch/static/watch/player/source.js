/* What the <video> plays: hls.js wherever it runs, else the browser's own HLS (iPhones). Both can be told a quality.

   A source has `qualities` ([{id, label}], best first), `quality` (the id that was chosen, AUTO at first), `playing` (the
   label of what is seen, "" where that isn't known), choose(id), reload() and destroy(). */

export const AUTO = "auto";

const HLS_JS = new URL("../../library/vendor/hls.js-1.7.4/hls.min.js", import.meta.url).href;
const MOST_RECOVERIES = 3;

let loading = null;

/** `onChange` is called when qualities or the one that plays change, `onTrouble` with the HTTP status that ended it, or 0. */
export async function open(video, { master, resolutions, onChange, onTrouble }) {
  const Hls = "MediaSource" in window || "ManagedMediaSource" in window ? await hlsJs() : null;
  if (Hls?.isSupported()) return new HlsSource(Hls, video, { master, onChange, onTrouble });
  return new NativeSource(video, { master, resolutions, onChange, onTrouble });
}

/** The vendored library, which has no module of its own: fetched when the first video is opened. */
function hlsJs() {
  loading ??= new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = HLS_JS;
    script.addEventListener("load", () => resolve(window.Hls));
    script.addEventListener("error", () => resolve(null));
    document.head.append(script);
  });
  return loading;
}

class HlsSource {
  qualities = [];
  quality = AUTO;
  playing = "";
  #hls;
  #recoveries = 0;

  constructor(Hls, video, { master, onChange, onTrouble }) {
    this.video = video;
    this.#hls = new Hls({ startPosition: 0, maxBufferLength: 30, backBufferLength: 60, capLevelToPlayerSize: true });
    this.#hls.on(Hls.Events.MANIFEST_PARSED, (_, { levels }) => {
      this.qualities = levels.map((level, id) => ({ id, label: shortSide(level) })).reverse();
      onChange();
    });
    this.#hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => {
      this.playing = shortSide(this.#hls.levels[level]);
      onChange();
    });
    this.#hls.on(Hls.Events.ERROR, (_, { type, fatal, response }) => {
      const isRefused = response?.code >= 400 && response.code < 500;
      if (isRefused) this.#giveUp(onTrouble, response.code);
      else if (fatal && type === Hls.ErrorTypes.MEDIA_ERROR && this.#mayRecover()) this.#hls.recoverMediaError();
      else if (fatal && type === Hls.ErrorTypes.NETWORK_ERROR && this.#mayRecover()) this.#hls.startLoad();
      else if (fatal) this.#giveUp(onTrouble, 0);
    });
    this.#hls.loadSource(master);
    this.#hls.attachMedia(video);
    this.master = master;
  }

  choose(id) {
    this.quality = id;
    const level = id === AUTO ? -1 : id;
    if (this.video.paused && level >= 0) this.#hls.currentLevel = level; // seen at once
    else this.#hls.nextLevel = level; // what is buffered of the present segment is played on
  }

  /** Fetch everything anew and go on from the same moment. */
  reload() {
    const [at, wasPlaying] = [this.video.currentTime, !this.video.paused];
    this.#recoveries = 0;
    this.#hls.config.startPosition = at;
    this.#hls.loadSource(this.master);
    if (wasPlaying) this.video.play().catch(() => {});
  }

  destroy() {
    this.#hls.destroy();
  }

  #mayRecover() {
    this.#recoveries += 1;
    return this.#recoveries <= MOST_RECOVERIES;
  }

  #giveUp(onTrouble, status) {
    this.#hls.stopLoad();
    onTrouble(status);
  }
}

class NativeSource {
  quality = AUTO;
  playing = "";

  constructor(video, { master, resolutions, onChange, onTrouble }) {
    this.video = video;
    this.master = master;
    this.qualities = resolutions.toReversed().map((name) => ({ id: name, label: name }));
    this.stopped = new AbortController();
    video.addEventListener("error", () => onTrouble(0), { signal: this.stopped.signal });
    this.#load(master);
    queueMicrotask(onChange);
  }

  choose(id) {
    this.quality = id;
    this.reload();
  }

  reload() {
    this.#load(this.quality === AUTO ? this.master : this.master.replace("master.m3u8", `${this.quality}/index.m3u8`));
  }

  destroy() {
    this.stopped.abort();
    this.video.removeAttribute("src");
    this.video.load();
  }

  #load(address) {
    const [at, wasPlaying] = [this.video.currentTime, !this.video.paused];
    this.video.src = address;
    if (at > 0) this.video.addEventListener("loadedmetadata", () => (this.video.currentTime = at), { once: true });
    if (wasPlaying) this.video.play().catch(() => {});
  }
}

function shortSide({ width, height }) {
  return `${Math.min(width, height)}p`;
}
