"""Texts as they are searched: letters that people take for the same become the same, whatever machine they come from.

Compatible forms become one (NFKC), case does not matter (Unicode's casefold), and accents are removed where
PostgreSQL's `unaccent` removes them: from Latin and Greek letters and from ё; й and и stay different letters. The
database only compares characters, so every database finds the same videos.
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
    """The text as it is stored and as it is searched for; folding it again changes nothing."""
    if text.isascii():
        return text.lower()
    bare = MARKS.sub(without_accents, unicodedata.normalize("NFKD", text)).casefold().translate(LETTERS)
    return unicodedata.normalize("NFKC", "".join(map(plain, bare)))


def without_accents(found: re.Match[str]) -> str:
    """A letter without its accents; marks that make another letter of it stay."""
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
