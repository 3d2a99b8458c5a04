/* Which text and which sound a video begins with: what the viewer chose last, wherever there is such a track.

   A text is {id, kind, language, label, isDefault, isForced}, a sound {id, language, label, isDescribed}. Forced texts
   are for those who chose none: they are shown by themselves, where they are in the language that is heard. */

export const NONE = -1; // no text
export const AUTO = "auto"; // the quality that the player finds best

const KEPT_AS = "videoflix.tracks";

/** {isOn, text: {kind, language, label}, sound: {language, label, isDescribed}}, as far as it was ever chosen. */
export function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT_AS)) ?? {};
  } catch {
    return {};
  }
}

export function keep(changes) {
  localStorage.setItem(KEPT_AS, JSON.stringify({ ...kept(), ...changes }));
}

export function offered(texts) {
  return texts.filter(({ isForced }) => !isForced);
}

/** The text to begin with. Nobody gets one by itself but the default one. */
export function firstText(texts) {
  const { isOn, text } = kept();
  if (isOn === false) return NONE;
  const defaults = offered(texts).filter(({ isDefault }) => isDefault);
  const found = (isOn && likeText(offered(texts), text)) || spokenHere(defaults) || defaults[0];
  return found?.id ?? NONE;
}

/** The text for who asks for one: the last chosen, else in the viewer's language, else in that of the sound. */
export function wantedText(texts, sound) {
  const all = offered(texts);
  const found = likeText(all, kept().text) || spokenHere(all) || all.find(({ isDefault }) => isDefault);
  return (found || all.find(({ language }) => sameLanguage(language, sound?.language)) || all[0])?.id ?? NONE;
}

/** The forced text for who has chosen none. */
export function forcedText(texts, sound) {
  const forced = texts.filter(({ isForced }) => isForced);
  const heard = forced.filter(({ language }) => sameLanguage(language, sound?.language));
  const found = sound ? heard : forced; // the language of a single sound isn't told
  return (spokenHere(found) || found.find(({ isDefault }) => isDefault) || found[0])?.id ?? NONE;
}

/** The sound to begin with, null for the default one. */
export function firstSound(sounds) {
  const { sound: wanted } = kept();
  if (!wanted) return null;
  const alike = sounds.filter(({ language }) => sameLanguage(language, wanted.language));
  const found = first(alike, [
    (sound) => sound.language === wanted.language && sound.label === wanted.label,
    (sound) => sound.language === wanted.language && sound.isDescribed === wanted.isDescribed,
    (sound) => sound.isDescribed === wanted.isDescribed,
    () => true,
  ]);
  return found?.id ?? null;
}

function likeText(texts, wanted) {
  const alike = texts.filter(({ language }) => sameLanguage(language, wanted?.language));
  return first(alike, [
    (text) => text.language === wanted.language && text.kind === wanted.kind && text.label === wanted.label,
    (text) => text.language === wanted.language && text.kind === wanted.kind,
    (text) => text.language === wanted.language,
    (text) => text.kind === wanted.kind,
    () => true,
  ]);
}

/** The first track in one of the browser's languages, in the order of those. */
function spokenHere(tracks) {
  const tests = navigator.languages.flatMap((tag) => [
    ({ language }) => language.toLowerCase() === tag.toLowerCase(),
    ({ language }) => sameLanguage(language, tag),
  ]);
  return first(tracks, tests);
}

/** What passes the first test that anything passes. */
function first(tracks, tests) {
  return tests.map((test) => tracks.find(test)).find(Boolean) ?? null;
}

/** Whether two tags name one language, wherever it is spoken: en-GB and en. */
function sameLanguage(one, other) {
  return Boolean(one && other) && primary(one) === primary(other);
}

function primary(tag) {
  return tag.toLowerCase().split("-")[0];
}
