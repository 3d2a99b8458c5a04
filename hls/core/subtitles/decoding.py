"""From a text file's bytes to its text, without being told the encoding."""

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ESCAPED = re.compile("[\udc80-\udcff]+")  # PEP 383
_MOSTLY = 4
_SAMPLE = 4_000  # bytes; an even number


def decoded(data: bytes) -> str:
    """By its byte order mark, as UTF-8, as UTF-16 if every other byte tells so, and as Windows-1252 in the end.

    Bytes that mean nothing become U+FFFD. Text that is mostly UTF-8, in which bytes are lost or which another program
    has added to, stays UTF-8 but for those bytes.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if encoding := _utf16(data):
        return data.decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _mostly_utf8(data) or data.decode("cp1252", "replace")


def _mostly_utf8(data: bytes) -> str:
    """The text if it has several characters beyond ASCII for each byte that is no UTF-8; empty for anything else."""
    whole = data.decode("utf-8", "ignore")
    text = data.decode("utf-8", "surrogateescape")
    count, others = len(whole) - len(whole.encode("ascii", "ignore")), len(text) - len(whole)
    return _ESCAPED.sub(_as_windows, text) if count > _MOSTLY * others else ""


def _as_windows(escaped: re.Match[str]) -> str:
    return escaped[0].encode("utf-8", "surrogateescape").decode("cp1252", "replace")


def _utf16(data: bytes) -> str:
    """The UTF-16 that has no byte order mark; empty for anything else.

    Times, numbers and line breaks are ASCII in every language, of which each second byte is 0 in UTF-16. In another
    encoding, zeros are damage, and stand anywhere.
    """
    sample = data[:_SAMPLE]
    high, low = sample[0::2].count(0), sample[1::2].count(0)
    enough = len(sample) // 16
    if low > enough and low > 8 * high:
        return "utf-16-le"
    if high > enough and high > 8 * low:
        return "utf-16-be"
    return ""
