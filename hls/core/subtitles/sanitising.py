"""Turns the text of a cue, from whatever format, into WebVTT cue text that a page can show without harm.

The text is not repaired but written anew: what comes out is text, in which `&`, `<` and `>` are escaped, and the few
tags that are spelled here. Nothing of a source's tag is copied but the name in `<v Name>`, from which all is taken
that could make an attribute of it with a value. So a page may even put the text into innerHTML.
"""

import html
import re
from dataclasses import dataclass
from functools import lru_cache
from html.entities import html5
from itertools import batched

from hls.core.subtitles.cues import MOST_TEXT

LONGEST_NAME = 100
LONGEST_CODES = 2_000  # characters of settings, or of one pair of braces, that are looked at
# What settings, names and codes mean is remembered, as most cues have the same ones.
LONGEST_REMEMBERED = 100  # characters
REMEMBERED = 4_096  # of each kind

# Control characters but tab and line feed, lone surrogates, what is no character, and the byte order mark. The marks
# of writing direction stay: Arabic and Hebrew need them.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]")
_LINE_BREAKS = ("\r\r\n", "\r\n", "\r", "\u2028", "\u2029")  # the first: a text file that was converted twice
_SPECIAL = re.compile("[&<>{]")
_MARKUP = (
    r"<(?P<end>/?)(?P<name>[a-zA-Z][^\s<>./]*+)(?P<rest>[^<>]*+)>|<[/!?][^<>]*>|<[0-9:.]*>"
    r"|(?P<entity>&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});)"
)
# No alternative crosses a `<` or `{` that begins another one, or tries a name again with fewer letters: the time that
# is taken is linear, however hostile the text
_TOKEN = re.compile(_MARKUP + r"|(?P<codes>\{\\[^{}]*\})")
_TOKEN_OF_ASS = re.compile(_MARKUP + r"|(?P<codes>\{[^{}]*\})")  # where braces without a code are a comment
_DRAWING = re.compile(r"\\p([0-9]+)")  # libass: \p1 and higher draw what follows, \p0 ends it
_CODE = re.compile(r"\\(?:([biu])([0-9]{0,4})|r[^\\}]*)(?=[\\}\s])")  # a style and its value, or neither: a reset
_NO_PART_OF_A_NAME = re.compile(r"[\s!-&(-,/:-@\[-`{-~]+")  # space, and ASCII's punctuation but ' - .

_KEPT = frozenset({"b", "i", "u", "v", "ruby", "rt"})
_PLAIN = {"b": "<b>", "i": "<i>", "u": "<u>"}
_DROPPED_WITH_TEXT = frozenset({"script", "style"})

_PERCENT = r"(?:100(?:\.0{1,6})?|[0-9]{1,2}(?:\.[0-9]{1,6})?)%"
_VALUES = {  # of cue settings
    "vertical": re.compile(r"rl|lr"),
    "line": re.compile(rf"(?:{_PERCENT}|-?[0-9]{{1,3}})(?:,(?:start|center|end))?"),
    "position": re.compile(rf"{_PERCENT}(?:,(?:line-left|center|line-right))?"),
    "size": re.compile(_PERCENT),
    "align": re.compile(r"start|center|end|left|right|middle"),
}


def without_forbidden(text: str) -> str:
    """The text with line feeds alone for line breaks, and without the characters that no text needs."""
    for line_break in _LINE_BREAKS:
        text = text.replace(line_break, "\n")
    return FORBIDDEN.sub("", text)


def escaped(text: str) -> str:
    """Plain text as WebVTT cue text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def safe_text(source: str, *, is_ass: bool = False) -> str:
    """The source's text as cue text, of which `MOST_TEXT` characters are kept; empty if a viewer would see nothing.

    `source` holds no character that `without_forbidden` takes away. In ASS, everything in braces is for the renderer.
    """
    if _SPECIAL.search(source) is None:
        return _lines(source[:MOST_TEXT])
    rewriting = _Rewriting()
    rewriting.add((_TOKEN_OF_ASS if is_ass else _TOKEN).split(source))
    return _lines(rewriting.finished()) if rewriting.is_visible else ""


def plain_text(cue_text: str) -> str:
    """What a viewer reads of a sanitised cue text, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", "", cue_text)).split())


def safe_settings(source: str) -> str:
    """The valid cue settings of WebVTT in `source`, each once: the last one holds (WebVTT 6.3). Regions are dropped."""
    if ":" not in source:
        return ""
    return _remembered_settings(source) if len(source) <= LONGEST_REMEMBERED else _settings(source)


def _settings(source: str) -> str:
    settings: dict[str, str] = {}
    for setting in source[:LONGEST_CODES].split():
        name, _, value = setting.partition(":")
        if (values := _VALUES.get(name)) and values.fullmatch(value):
            # `middle` is what browsers called it before 2017
            settings[name] = "align:center" if setting == "align:middle" else setting
    return " ".join(settings.values())


_remembered_settings = lru_cache(REMEMBERED)(_settings)


@dataclass(frozen=True)
class _Codes:
    """What one pair of braces in ASS asks for."""

    is_drawing: bool | None  # whether what follows is drawn; None where nothing is said of it
    styles: tuple[tuple[str, bool], ...]  # each begins or ends, in this order; the empty one is a reset


def _codes(codes: str) -> _Codes:
    drawings = _DRAWING.findall(codes, 0, LONGEST_CODES)
    styles = _CODE.findall(codes, 0, LONGEST_CODES)
    return _Codes(
        is_drawing=drawings[-1].strip("0") != "" if drawings else None,
        styles=tuple((style, value.strip("0") != "") for style, value in styles),
    )


_remembered_codes = lru_cache(REMEMBERED)(_codes)


def _speaker(rest: str) -> str:
    """The name in what follows `<v`, without what could make an attribute of it; empty where there is none."""
    # Classes follow the tag's name at once, as in <v.loud Mary>
    _, _, annotation = rest.replace("\n", " ").replace("\t", " ").partition(" ")
    if "=" in annotation:
        return ""
    name = _NO_PART_OF_A_NAME.sub(" ", without_forbidden(html.unescape(annotation)))
    return name.strip(" -.'")[:LONGEST_NAME].rstrip(" -.'")


_remembered_speaker = lru_cache(REMEMBERED)(_speaker)


@lru_cache(REMEMBERED)
def _character(entity: str) -> str:
    """What an entity stands for. An unknown name is none, but text: unescape() finds known names at its beginning."""
    return without_forbidden(html.unescape(entity) if entity[1] == "#" else html5.get(entity[1:], entity))


class _Rewriting:
    """Cue text while it is written: which tags are open, and how much a viewer will see."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._open: list[str] = []
        self.room = MOST_TEXT  # characters
        self._dropped = ""  # the element whose text is dropped, too
        self._is_drawing = False
        self.is_visible = False

    def add(self, parts: list[str]) -> None:
        """What a pattern of tokens has split: texts, and each token's groups between them."""
        last, opened, written = parts.pop(), self._open, self._written
        for text, end, name, rest, entity, codes in batched(parts, 1 + _TOKEN.groups):
            if text:
                self._add_text(text)
            if not self.room:
                return
            if name in _PLAIN and not self._dropped:  # what _add_tag does, without the call
                if not end and name not in opened:
                    opened.append(name)
                    written.append(_PLAIN[name])
                elif end and name in opened:
                    self._end(name)
            elif codes:
                self._add_codes(_remembered_codes(codes) if len(codes) <= LONGEST_REMEMBERED else _codes(codes))
            elif name:
                self._add_tag(name.lower(), rest, end)
            elif entity:
                self._add_text(_character(entity))
        self._add_text(last)

    def _add_text(self, text: str) -> None:
        if not text or self._dropped or self._is_drawing:
            return
        text = text[: self.room]
        self.room -= len(text)
        self.is_visible = self.is_visible or not text.isspace()
        self._written.append(escaped(text))

    def _add_codes(self, asked: "_Codes") -> None:
        if asked.is_drawing is not None:
            self._is_drawing = asked.is_drawing
        for style, begins in asked.styles:
            if not style:
                self._close_all()
            elif begins and style not in self._open:
                self._open.append(style)
                self._written.append(_PLAIN[style])
            elif not begins and style in self._open:
                self._end(style)

    def _add_tag(self, name: str, rest: str, end: str) -> None:
        if self._dropped or name in _DROPPED_WITH_TEXT:
            self._dropped = self._after_dropped(name, is_end=bool(end))
        elif name == "br":
            self._add_text("\n")
        elif name not in _KEPT:
            return
        elif end:
            self._end(name)
        elif name == "v":
            self._begin_voice(rest)
        elif name == "rt":
            self._begin_reading()
        elif name not in self._open:
            self._open.append(name)
            self._written.append(f"<{name}>")

    def finished(self) -> str:
        """The whole text, with every tag closed."""
        self._close_all()
        return "".join(self._written)

    def _after_dropped(self, name: str, *, is_end: bool) -> str:
        """The element whose text is dropped after this tag."""
        if is_end:
            return "" if name == self._dropped else self._dropped
        return self._dropped or name

    def _begin_reading(self) -> None:
        self._end("rt")  # as HTML does, another one ends the one before
        if "ruby" in self._open:
            self._open.append("rt")
            self._written.append("<rt>")

    def _begin_voice(self, rest: str) -> None:
        self._end("v")  # another speaker
        if name := _remembered_speaker(rest) if len(rest) <= LONGEST_REMEMBERED else _speaker(rest):
            self._open.append("v")
            self._written.append(f"<v {name}>")

    def _end(self, name: str) -> None:
        """Close the tag, and first those that were opened within it."""
        while name in self._open:
            self._written.append(f"</{self._open.pop()}>")

    def _close_all(self) -> None:
        while self._open:
            self._written.append(f"</{self._open.pop()}>")


def _lines(text: str) -> str:
    """The text without empty lines, which would end its cue, and without spaces around its lines."""
    if "\n" not in text:
        return text.strip()
    return "\n".join([stripped for line in text.split("\n") if (stripped := line.strip())])
