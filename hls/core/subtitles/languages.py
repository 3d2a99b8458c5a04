"""Languages of tracks: BCP 47 in its shortest form (RFC 5646 section 4.5), and what people call them."""

import re

import langcodes
from langcodes.tag_parser import LanguageTagError

from hls.core.probe import AudioTrack, TextTrack

UNKNOWN = "und"
LONGEST_TAG = 35  # characters; RFC 5646 section 4.4.1
_SHAPE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_SAYS_NOTHING = re.compile(r"mis|root|q[a-t][a-z]")  # "uncoded", CLDR's root, and codes for private use
ACCEPTED = "A language is written as a BCP 47 tag, such as en, pt-BR or zh-Hant, or und where it is unknown."


class NotALanguage(ValueError):
    """A tag that names no language. Its text is one sentence for people: what is accepted."""


def shortest(tag: str) -> str:
    """The tag in its shortest form: `en` for `eng`, `de` for `ger`, `en-US` for `en_US`, `und` for none.

    `mul` (several languages) and `zxx` (none is spoken) stay, as they tell viewers something. Raises NotALanguage.
    """
    tag = tag.strip()
    if not tag:
        return UNKNOWN
    if len(tag) > LONGEST_TAG or _SHAPE.fullmatch(tag) is None:
        raise NotALanguage(ACCEPTED)
    try:
        language = langcodes.Language.get(tag).simplify_script()
    except LanguageTagError as error:
        raise NotALanguage(ACCEPTED) from error
    if not language.is_valid():
        raise NotALanguage(ACCEPTED)
    if language.language is None or _SAYS_NOTHING.fullmatch(language.language):
        return UNKNOWN
    return language.to_tag()


def language_of(track: AudioTrack | TextTrack) -> str:
    """Of a track in a file: its BCP 47 tag if that is a language, else what FFmpeg tells; `und` where none is."""
    return lenient(track.language_tag, track.language)


def lenient(*tags: str) -> str:
    """The shortest form of the first of a file's tags that is a language; `und` where none is."""
    for tag in filter(None, tags):
        try:
            return shortest(tag)
        except NotALanguage:
            continue
    return UNKNOWN


def label_of(language: str, kind: str = "subtitles", *, is_forced: bool = False) -> str:
    """What menus call a track whose language is in its shortest form: "English", "Portuguese (Brazil), captions"."""
    name = "Unknown" if language == UNKNOWN else langcodes.Language.get(language).display_name()
    if is_forced:
        return f"{name}, forced"
    return f"{name}, captions" if kind == "captions" else name
