"""Addresses that change with the version.

A segment's bytes are cached for a year, so a video that replaces another must not use the same addresses: from the
second version on every URI in a playlist carries `?v=<version>`. A multivariant playlist names its version from the
first on, since players read the playlists of other resolutions much later, when the video may have been replaced.
After a restore the first version of a new video has a higher number than 1 (hls.numbering).
A viewer who began with an older version keeps getting it while it is retired. Nobody gets a mix.
"""

import re
from collections.abc import Callable
from urllib.parse import urljoin

_URI = re.compile(
    r"""
    ^(?!\#|WEBVTT|$|.*\ -->\ )(?P<line>[^\#\n]+)  # up to the fragment, in a storyboard
    | (?P<name>[:,]URI=")(?P<attribute>[^"\n]+)"
    | "[^"\n]*"  # any other text in quotes is left alone, whatever is in it
    """,
    re.MULTILINE | re.VERBOSE,
)


def with_version(text: str, version: int) -> str:
    """The media playlist or WebVTT text with versioned URIs; unchanged for the first version."""
    return text if version == 1 else pinned(text, version)


def pinned(text: str, version: int) -> str:
    """The text with versioned URIs, whatever the version."""
    return _changed(text, lambda uri: f"{uri}?v={version}")


def one_folder_up(text: str) -> str:
    """The text for an address with a slash at its end: relative to that, names are one folder up (RFC 3986 5.2.3)."""
    return _changed(text, lambda uri: f"../{uri}")


def beginning_with(text: str, address: str) -> str:
    """The text with URIs below another address, whose names say which version they are of."""
    return _changed(text, lambda uri: urljoin(address, uri.partition("?")[0]))


def _changed(text: str, change: Callable[[str], str]) -> str:
    """The text with each of its URIs changed."""

    def replacement(found: re.Match[str]) -> str:
        if found["line"]:
            return change(found["line"])
        return f'{found["name"]}{change(found["attribute"])}"' if found["attribute"] else found[0]

    return _URI.sub(replacement, text)
