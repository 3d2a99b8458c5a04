"""Where ASS's codes put a text, as WebVTT's settings: `{\\an8}` is at the top, above words that are in the picture.

SubRip has these codes as well, and so have texts within films. `\\an` has the numbers of a keypad, `\\a` those of the
older SSA. Of several the first one holds, as in libass. Places in pixels (`\\pos`) are for a picture of a certain size,
and are left out.
"""

import re

_ALIGNMENT = re.compile(r"\{[^{}]{0,200}?\\a(?:(?P<keypad>n[1-9])|(?P<ssa>[1-9][01]?))(?=[\\}\s])")
_OF_SSA = {"1": 1, "2": 2, "3": 3, "5": 7, "6": 8, "7": 9, "9": 4, "10": 5, "11": 6}
_LINES = ("", "line:50%", "line:0")  # at the bottom, in the middle, at the top
_COLUMNS = ("position:5% align:start", "", "position:95% align:end")


def settings_of(text: str) -> str:
    """The settings of a cue with this text, codes and all; "" where it has its usual place."""
    if "\\a" not in text or (found := _ALIGNMENT.search(text)) is None:
        return ""
    place = int(found["keypad"][1:]) if found["keypad"] else _OF_SSA.get(found["ssa"], 2)
    return f"{_LINES[(place - 1) // 3]} {_COLUMNS[(place - 1) % 3]}".strip()
