/* Languages by BCP 47 tag and by name, and what a file's name tells of the track that is in it. */

import { make } from "../uploads/elements.js";

export const UNKNOWN = "und";
const USUAL = `ar bg bn ca cs da de el en en-GB en-US es es-419 et eu fa fi fil fr fr-CA gl he hi hr hu id is it ja ko lt lv
  ms nb nl pl pt pt-BR ro ru sk sl sr sv ta te th tr uk ur vi zh-Hans zh-Hant`.split(/\s+/);
const CAPTIONS = ["cc", "sdh"];
const HEARING_IMPAIRED = "hi"; // or Hindi, where no other language is named

const names = new Intl.DisplayNames(["en"], { type: "language", languageDisplay: "standard", fallback: "none" });

/* "Portuguese (Brazil)" of pt-BR; nothing of what is no language. */
export function nameOf(tag) {
  try {
    return tag === UNKNOWN ? "Unknown" : names.of(tag) ?? "";
  } catch {
    return "";
  }
}

const byName = new Map([...USUAL, UNKNOWN].map((tag) => [nameOf(tag).toLowerCase(), tag]));

/* The tag of what somebody typed, who may have typed a name. */
export const tagOf = (typed) => byName.get(typed.trim().toLowerCase()) ?? typed.trim();

/* The datalist that all fields for a language share. */
export function usualLanguages(id) {
  const options = [...USUAL, UNKNOWN].map((tag) => make("option", { value: tag, label: nameOf(tag) }, nameOf(tag)));
  return make("datalist", { id }, ...options);
}

/* The tag of a word of a file's name, in its usual spelling; empty for other words. */
function languageIn(word) {
  const named = byName.get(word.toLowerCase());
  if (named) return named;
  if (!/^[a-z]{2,3}([-_][a-z0-9]{2,8})*$/i.test(word)) return "";
  const [tag] = Intl.getCanonicalLocales(word.replaceAll("_", "-"));
  return nameOf(tag) ? tag : "";
}

/* `film.en.forced.srt`, `film.pt-BR.vtt`, `film.en.sdh.srt`: the words between the dots, from the end on. */
export function guessed(fileName) {
  const words = fileName.replace(/\.[^.]*$/, "").split(".").reverse();
  const told = { kind: "subtitles", language: "", label: "", is_default: false, is_forced: false };
  for (const [index, word] of words.entries()) {
    const lower = word.toLowerCase();
    const isImpaired = lower === HEARING_IMPAIRED && languageIn(words[index + 1] ?? "");
    if (lower === "forced") told.is_forced = true;
    else if (lower === "default") told.is_default = true;
    else if (lower === "chapters") told.kind = "chapters";
    else if (CAPTIONS.includes(lower) || isImpaired) told.kind = "captions";
    else {
      told.language = languageIn(word);
      break;
    }
  }
  if (told.kind === "chapters") told.language ||= UNKNOWN;
  return told;
}
