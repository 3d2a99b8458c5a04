/* The menus of subtitles and sounds, and what the keyboard does of them. */

import { say } from "../dom.js";
import { SOUNDS, TEXTS } from "../icons.js";
import { NONE, forcedText, keep, offered, wantedText } from "./choices.js";
import { menu } from "./menu.js";

const OFF = { id: NONE, label: "Off" };

/** `shape(source)` shows what there is to choose now. */
export function tracks() {
  const texts = menu({ label: "Subtitles", icon: TEXTS, onChoose: chooseText });
  const sounds = menu({ label: "Sound", icon: SOUNDS, onChoose: chooseSound });
  let source = null;

  const soundNow = () => source.sounds.find(({ id }) => id === source.sound);
  const textNow = () => offered(source.texts).find(({ id }) => id === source.text) ?? OFF;

  function chooseText(id) {
    const text = offered(source.texts).find((each) => each.id === id);
    if (text) keep({ isOn: true, text: { kind: text.kind, language: text.language, label: text.label } });
    else keep({ isOn: false });
    source.chooseText(text ? id : forcedText(source.texts, soundNow()));
  }

  function chooseSound(id) {
    const { language, label, isDescribed } = source.sounds.find((each) => each.id === id);
    keep({ sound: { language, label, isDescribed } });
    source.chooseSound(id);
    if (textNow() === OFF) source.chooseText(forcedText(source.texts, soundNow()));
  }

  return {
    texts: texts.element,
    sounds: sounds.element,
    isOpen: () => texts.isOpen() || sounds.isOpen(),
    shape(opened) {
      source = opened;
      const [text, sound] = [textNow(), soundNow()];
      const choices = offered(source.texts).map(withBadge);
      texts.show({ items: choices.length > 0 ? [OFF, ...choices] : [], chosen: text.id, summary: named(text) });
      texts.element.classList.toggle("is-on", text !== OFF);
      sounds.show({ items: source.sounds.map(withBadge), chosen: source.sound, summary: sound ? named(sound) : "" });
    },
    /** Subtitles on or off: the last chosen, or those in the viewer's language. */
    toggleTexts() {
      if (!source || offered(source.texts).length === 0) return;
      chooseText(textNow() === OFF ? wantedText(source.texts, soundNow()) : NONE);
      say(`Subtitles: ${named(textNow())}`);
    },
  };
}

function withBadge(track) {
  return { id: track.id, label: nameOf(track), badge: badgeOf(track) };
}

/** "English CC" for captions. */
export function named(track) {
  return [nameOf(track), badgeOf(track)].filter(Boolean).join(" ");
}

/** The label without what the badge says. */
function nameOf({ kind, label }) {
  return kind === "captions" ? label.replace(/, captions$/, "") : label;
}

function badgeOf({ kind, label, isDescribed }) {
  if (kind === "captions" && !/\b(cc|sdh)\b/i.test(label)) return "CC";
  return isDescribed && !/descri/i.test(label) ? "AD" : null;
}
