"""Turns the text of a cue, from whatever format, into WebVTT cue text that a page can show without harm.

The text is not repaired but written anew: what comes out is text, in which `&`, `<` and `>` are escaped, and the few
tags that are spelled here. Nothing of a source's tag is copied but the name in `<v Name>`, from which all is taken
that could make an attribute of it with a value. So a page may even put the text into innerHTML.
"""

import html
import re
from html.entities import html5

from hls.core.subtitles.cues import MOST_TEXT

LONGEST_NAME = 100
LONGEST_CODES = 2_000  # characters of settings, or of one pair of braces, that are looked at

# Control characters but tab and line feed, lone surrogates, what is no character, and the byte order mark. The marks
# of writing direction stay: Arabic and Hebrew need them.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]")
_LINE_BREAKS = ("\r\r\n", "\r\n", "\r", "\u2028", "\u2029")  # the first: a text file that was converted twice
_SPECIAL = re.compile("[&<>{]")
_MARKUP = (
    r"(?P<tag><(?P<end>/?)(?P<name>[a-zA-Z][^\s<>./]*+)(?P<rest>[^<>]*+)>|<[/!?][^<>]*>|<[0-9:.]*>)"
    r"|(?P<entity>&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});)"
)
# No alternative crosses a `<` or `{` that begins another one, or tries a name again with fewer letters: the time that
# is taken is linear, however hostile the text
_TOKEN = re.compile(_MARKUP + r"|(?P<codes>\{\\[^{}]*\})")
_TOKEN_OF_ASS = re.compile(_MARKUP + r"|(?P<codes>\{[^{}]*\})")  # where braces without a code are a comment
_DRAWING = re.compile(r"\\p([0-9]+)")  # libass: \p1 and higher draw what follows, \p0 ends it
_CODE = re.compile(r"\\(?:(?P<style>[biu])(?P<value>[0-9]{0,4})|(?P<reset>r)[^\\}]*)(?=[\\}\s])")
_NO_PART_OF_A_NAME = re.compile(r"[\s!-&(-,/:-@\[-`{-~]+")  # space, and ASCII's punctuation but ' - .

_KEPT = frozenset({"b", "i", "u", "v", "ruby", "rt"})
_DROPPED_WITH_TEXT = frozenset({"script", "style"})

_PERCENT = r"(?:100(?:\.0{1,6})?|[0-9]{1,2}(?:\.[0-9]{1,6})?)%"
_SETTING = re.compile(
    r"(?<!\S)(?:(vertical):(rl|lr)"
    rf"|(line):((?:{_PERCENT}|-?[0-9]{{1,3}})(?:,(?:start|center|end))?)"
    rf"|(position):({_PERCENT}(?:,(?:line-left|center|line-right))?)"
    rf"|(size):({_PERCENT})"
    r"|(align):(start|center|end|left|right|middle))(?!\S)"
)


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
    token = _TOKEN_OF_ASS if is_ass else _TOKEN
    position = 0
    for found in token.finditer(source):
        rewriting.add_text(source[position : found.start()])
        if not rewriting.room:
            break
        rewriting.add_token(found)
        position = found.end()
    else:
        rewriting.add_text(source[position:])
    return _lines(rewriting.finished()) if rewriting.is_visible else ""


def plain_text(cue_text: str) -> str:
    """What a viewer reads of a sanitised cue text, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", "", cue_text)).split())


def safe_settings(source: str) -> str:
    """The valid cue settings of WebVTT in `source`, each once: the last one holds (WebVTT 6.3). Regions are dropped."""
    if ":" not in source:
        return ""
    settings: dict[str, str] = {}
    for found in _SETTING.finditer(source, 0, LONGEST_CODES):
        name, _, value = found.group().partition(":")
        settings[name] = "center" if value == "middle" else value  # what browsers called it before 2017
    return " ".join(f"{name}:{value}" for name, value in settings.items())


class _Rewriting:
    """Cue text while it is written: which tags are open, and how much a viewer will see."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._open: list[str] = []
        self.room = MOST_TEXT  # characters
        self._dropped = ""  # the element whose text is dropped, too
        self._is_drawing = False
        self.is_visible = False

    def add_text(self, text: str) -> None:
        if not text or self._dropped or self._is_drawing:
            return
        text = text[: self.room]
        self.room -= len(text)
        self.is_visible = self.is_visible or not text.isspace()
        self._written.append(escaped(text))

    def add_token(self, found: re.Match[str]) -> None:
        if found.lastgroup == "entity":
            self._add_entity(found.group())
        elif found.lastgroup == "codes":
            self._add_codes(found.group())
        elif name := found["name"]:
            self._add_tag(name.lower(), found["rest"], is_end=bool(found["end"]))

    def finished(self) -> str:
        """The whole text, with every tag closed."""
        self._close_all()
        return "".join(self._written)

    def _add_entity(self, entity: str) -> None:
        # An unknown name is no entity, but text. unescape() would find known names at its beginning
        character = html.unescape(entity) if entity[1] == "#" else html5.get(entity[1:], entity)
        self.add_text(without_forbidden(character))

    def _add_codes(self, codes: str) -> None:
        for drawing in _DRAWING.finditer(codes, 0, LONGEST_CODES):
            self._is_drawing = drawing[1].strip("0") != ""
        for code in _CODE.finditer(codes, 0, LONGEST_CODES):
            if code["reset"]:
                self._close_all()
            elif code["value"].strip("0"):
                self._begin(code["style"])
            else:
                self._end(code["style"])

    def _add_tag(self, name: str, rest: str, *, is_end: bool) -> None:
        if self._dropped or name in _DROPPED_WITH_TEXT:
            self._dropped = self._after_dropped(name, is_end=is_end)
        elif name == "br":
            self.add_text("\n")
        elif name not in _KEPT:
            return
        elif is_end:
            self._end(name)
        elif name == "v":
            self._begin_voice(rest)
        else:
            self._begin(name)

    def _after_dropped(self, name: str, *, is_end: bool) -> str:
        """The element whose text is dropped after this tag."""
        if is_end:
            return "" if name == self._dropped else self._dropped
        return self._dropped or name

    def _begin(self, name: str) -> None:
        if name == "rt":
            self._end("rt")  # as HTML does, another one ends the one before
            if "ruby" not in self._open:
                return
        if name not in self._open:
            self._open.append(name)
            self._written.append(f"<{name}>")

    def _begin_voice(self, rest: str) -> None:
        self._end("v")  # another speaker
        # Classes follow the tag's name at once, as in <v.loud Mary>
        _, _, annotation = rest.replace("\n", " ").replace("\t", " ").partition(" ")
        name = _NO_PART_OF_A_NAME.sub(" ", without_forbidden(html.unescape(annotation)))
        name = name.strip(" -.'")[:LONGEST_NAME].rstrip(" -.'")
        if name and "=" not in annotation:
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
    return "\n".join([stripped for line in text.split("\n") if (stripped := line.strip())])
