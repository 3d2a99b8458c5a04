/* A source that plays with hls.js. */

import { AUTO, NONE, firstSound, firstText, forcedText } from "./choices.js";

const MOST_RECOVERIES = 3;
const SUBTITLES = ["subtitle", "subtitleTrack"]; // what hls.js calls their segments, and their playlists

export class HlsSource {
  qualities = [];
  quality = AUTO;
  playing = "";
  texts = [];
  text = NONE;
  sounds = [];
  sound = null;
  #hls;
  #recoveries = 0;

  constructor(Hls, video, { master, from, onChange, onTrouble }) {
    this.video = video;
    this.master = master;
    this.onChange = onChange;
    this.#hls = new Hls({ startPosition: from, maxBufferLength: 30, backBufferLength: 60, capLevelToPlayerSize: true });
    this.#hls.on(Hls.Events.MANIFEST_PARSED, (_, manifest) => this.#begin(manifest));
    this.#hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => {
      this.playing = shortSide(this.#hls.levels[level]);
      onChange();
    });
    this.#hls.on(Hls.Events.SUBTITLE_TRACK_SWITCH, (_, { id }) => {
      this.text = id;
      onChange();
    });
    this.#hls.on(Hls.Events.AUDIO_TRACK_SWITCHING, (_, { id }) => {
      this.sound = id;
      onChange();
    });
    this.#hls.on(Hls.Events.ERROR, (_, { type, fatal, response, frag, context }) => {
      const isRefused = response?.code >= 400 && response.code < 500;
      const isText = SUBTITLES.includes(frag?.type ?? context?.type); // without them the video plays on
      if (isRefused && !(isText && response.code !== 401)) this.#giveUp(onTrouble, response.code);
      else if (fatal && type === Hls.ErrorTypes.MEDIA_ERROR && this.#mayRecover()) this.#hls.recoverMediaError();
      else if (fatal && type === Hls.ErrorTypes.NETWORK_ERROR && this.#hasManifest() && this.#mayRecover()) this.#hls.startLoad();
      else if (fatal) this.#giveUp(onTrouble, 0);
    });
    this.#hls.loadSource(master);
    this.#hls.attachMedia(video);
  }

  choose(id) {
    this.quality = id;
    const level = id === AUTO ? -1 : id;
    if (this.video.paused && level >= 0) this.#hls.currentLevel = level; // seen at once
    else this.#hls.nextLevel = level; // what is buffered of the present segment is played on
  }

  chooseText(id) {
    this.#hls.subtitleDisplay = true;
    this.#hls.subtitleTrack = id;
  }

  chooseSound(id) {
    this.#hls.audioTrack = id;
  }

  /** Fetch everything anew and go on from the same moment: where nothing came since it was last told one, from that. */
  reload() {
    const wasPlaying = !this.video.paused;
    this.#recoveries = 0;
    if (this.video.readyState > 0) this.#hls.config.startPosition = this.video.currentTime;
    this.#hls.loadSource(this.master);
    if (wasPlaying) this.video.play().catch(() => {});
  }

  destroy() {
    this.#hls.destroy();
  }

  /** Before the first segment is fetched, so that no other sound or text is. */
  #begin({ levels, audioTracks, subtitleTracks }) {
    this.#takeQualities(levels.map((level, id) => ({ id, label: shortSide(level) })).reverse());
    this.texts = subtitleTracks.map(textOf);
    this.sounds = audioTracks.map(soundOf);
    const sound = firstSound(this.sounds) ?? Math.max(0, audioTracks.findIndex(({ default: isDefault }) => isDefault));
    if (this.sounds.length > 0) this.#hls.setAudioOption(audioTracks[sound]);
    const chosen = firstText(this.texts);
    const text = chosen === NONE ? forcedText(this.texts, this.sounds[sound]) : chosen;
    this.#hls.setSubtitleOption(subtitleTracks[text]); // nothing where there is none
    if (text === NONE) this.#hls.subtitleTrack = NONE; // else hls.js takes the default one
    this.onChange();
  }

  /** What was chosen before everything was fetched anew is chosen still, where there is such a quality. */
  #takeQualities(found) {
    const before = this.qualities.find(({ id }) => id === this.quality);
    this.qualities = found;
    this.quality = found.find(({ label }) => label === before?.label)?.id ?? AUTO;
    if (this.quality !== AUTO) this.#hls.loadLevel = this.quality;
  }

  /** Without it startLoad() fetches nothing, and tells nobody. */
  #hasManifest() {
    return this.#hls.levels.length > 0;
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

function textOf({ name, lang, default: isDefault, forced: isForced, characteristics = "" }, id) {
  const kind = characteristics.includes("describes-music-and-sound") ? "captions" : "subtitles";
  return { id, kind, language: lang ?? "", label: name, isDefault, isForced };
}

function soundOf({ name, lang, characteristics = "" }, id) {
  return { id, language: lang ?? "", label: name, isDescribed: characteristics.includes("describes-video") };
}

function shortSide({ width, height }) {
  return `${Math.min(width, height)}p`;
}
