"""Texts as they are searched: letters alike that people take for the same, however and on whatever machine typed.

Compatible forms are one (NFKC), case does not matter (Unicode's casefold), and accents go where PostgreSQL's `unaccent`
removes them: from Latin and Greek letters and from ё, while й stays another letter than и. The databases are asked for
nothing but equal characters, so that all of them find the same.
"""

# ruff: noqa: RUF001  (letters that look alike are what this is about)

import re
import unicodedata
from functools import cache

MARKS = re.compile(r"(.)([\u0300-\u036f]+)", re.DOTALL)
LETTERS = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ð": "d",
        "þ": "th",
        "ı": "i",
        "ŋ": "n",
        "ĸ": "q",
        "\u00ad": "",  # soft hyphen
        **dict.fromkeys("‘’‚‛′ʹʻʼʽˈ", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—−", "-"),
    }
)


def folded(text: str) -> str:
    """The text as it is kept and asked for; folding it again changes nothing."""
    if text.isascii():
        return text.lower()
    bare = MARKS.sub(without_accents, unicodedata.normalize("NFKD", text)).casefold().translate(LETTERS)
    return unicodedata.normalize("NFKC", "".join(map(plain, bare)))


def without_accents(found: re.Match[str]) -> str:
    """A letter with its marks, without those that are accents."""
    letter, marks = found.groups()
    if letter in "еЕ" or not "\u0400" <= letter <= "\u052f":
        return str(letter)
    return letter + "".join(mark for mark in marks if len(unicodedata.normalize("NFC", letter + mark)) == 1)


@cache
def plain(letter: str) -> str:
    """The letter that a Latin one is drawn from: the o of "LATIN SMALL LETTER O WITH STROKE"."""
    kind, _, added = unicodedata.name(letter, "").partition(" WITH ")
    base = kind.removeprefix("LATIN SMALL LETTER ")
    return base.lower() if added and len(base) == 1 else letter
