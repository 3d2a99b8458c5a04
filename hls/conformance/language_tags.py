"""The syntax of language tags (BCP 47, RFC 5646 2.1). Whether a subtag is registered is not looked at."""

import re

_LANGTAG = r"""
    (?:[a-z]{2,3}(?:-[a-z]{3}){0,3} | [a-z]{4,8})    # language, extended language
    (?:-[a-z]{4})?                                   # script
    (?:-(?:[a-z]{2}|\d{3}))?                         # region
    (?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*              # variants
    (?:-[a-wy-z\d](?:-[a-z\d]{2,8})+)*               # extensions
    (?:-x(?:-[a-z\d]{1,8})+)?                        # private use
"""
_PRIVATE_USE = r"x(?:-[a-z\d]{1,8})+"
_IRREGULAR = (
    "en-gb-oed|i-ami|i-bnn|i-default|i-enochian|i-hak|i-klingon|i-lux|i-mingo|i-navajo|i-pwn|i-tao|i-tay|i-tsu"
    "|sgn-be-fr|sgn-be-nl|sgn-ch-de"
)
_TAG = re.compile(f"{_LANGTAG}|{_PRIVATE_USE}|{_IRREGULAR}", re.ASCII | re.IGNORECASE | re.VERBOSE)


def is_well_formed(tag: str) -> bool:
    return _TAG.fullmatch(tag) is not None
