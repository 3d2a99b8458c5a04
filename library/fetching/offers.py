"""The answer of another server to the question for a file, or for the rest of one: after redirects, and judged."""

import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from django.conf import settings

from hls.core.errors import Code, Reason, TranscodeError
from library.fetching.models import Fetch
from library.outgoing import connection
from library.outgoing.addresses import AddressRefused, addresses_of, target_of

MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
TEMPORARY = (408, 425, 429)  # and 5xx
UNSPELLED = re.compile(r"[ \x80-\xff]")
OVERLAP_BYTES = 64 * 1024  # of a compressed video: no two files have the same
# Of pages and errors. Others that begin with text/ may be videos: many servers call .ts text/vnd.trolltech.linguist
OF_TEXTS = ("text/html", "application/json", "application/xhtml+xml", "application/problem+json")


class AnotherFile(Exception):
    """What is here can't be gone on with: the other server has another file now, or doesn't give out the rest."""


def refused(reason: Reason, detail: str) -> TranscodeError:
    return TranscodeError(Code.FETCH_FAILED, detail, reason=reason)


@dataclass(frozen=True)
class Offer:
    """An answer whose body is the file, or the rest of it from `start` on."""

    response: http.client.HTTPResponse
    start: int  # where its first byte belongs
    total: int | None  # bytes of the whole file
    etag: str


@contextmanager
def offered(fetch: Fetch, there: int, go_on: Callable[[], None]) -> Iterator[Offer]:
    """The file's answer, after redirects. Raises AddressRefused, TranscodeError, OSError, HTTPException."""
    url, headers = fetch.url, {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Videoflix"}
    wanted = max(0, there - OVERLAP_BYTES)
    if there:
        headers |= {"Range": f"bytes={wanted}-"} | ({"If-Range": fetch.etag} if fetch.etag else {})
    for _ in range(MOST_REDIRECTS + 1):
        may_be_private = bool(settings.SOURCE_ALLOW_PRIVATE)
        target = target_of(url, may_be_private=may_be_private)
        addresses = addresses_of(target, may_be_private=may_be_private)
        response, close = connection.ask(target, addresses, headers, go_on)
        with closing(response):
            try:
                if response.status not in REDIRECTS:
                    yield judged(response, wanted if there else None, fetch.etag)
                    return
                url = led_to(url, response.headers.get("Location", ""))
            finally:
                close()
    raise refused(Reason.NOT_OFFERED, "too many redirects")


def led_to(url: str, location: str) -> str:
    """Where the header `Location` leads. Raises AddressRefused.

    Many servers write a file's name into it as it is, with spaces and in UTF-8; browsers percent-encode it.
    """
    try:
        parts = urlsplit(urljoin(url, location.strip(" \t")))
    except ValueError:  # of brackets that don't close
        raise AddressRefused("The other server leads to what is no address.") from None
    return parts._replace(path=spelled(parts.path), query=spelled(parts.query), fragment="").geturl()


def spelled(text: str) -> str:
    """With spaces and bytes beyond ASCII, which http.client gives as Latin-1, percent-encoded."""
    return UNSPELLED.sub(lambda found: f"%{ord(found[0]):02X}", text)


def judged(response: http.client.HTTPResponse, wanted: int | None, known_etag: str) -> Offer:
    """The answer, where a part that begins at `wanted` was asked for, or the whole file.

    Raises AnotherFile, and TranscodeError for an answer that isn't the file.
    """
    status, headers = response.status, response.headers
    if status == 416:
        raise not_the_part(wanted, "the rest that was asked for is not there")
    if status in TEMPORARY or status >= 500:
        raise TranscodeError(Code.FETCH_FAILED, f"status {status}")
    if status not in (200, 206):
        raise refused(Reason.NOT_OFFERED, f"status {status}")
    if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise refused(Reason.NOT_OFFERED, "the file is compressed on its way, which was not asked for")
    if headers.get_content_type() in OF_TEXTS:
        raise refused(Reason.NOT_A_VIDEO, f"content type {headers.get_content_type()}")
    etag = headers.get("ETag", "").strip()
    etag = etag if etag.startswith('"') and len(etag) <= 500 else ""
    if status == 200:
        return Offer(response, 0, response.length, etag)
    start, total = content_range(headers.get("Content-Range", ""))
    if start != wanted or (known_etag and etag and etag != known_etag):
        raise not_the_part(wanted, "another part than the one that was asked for")
    return Offer(response, start, total, known_etag)


def not_the_part(wanted: int | None, detail: str) -> Exception:
    return TranscodeError(Code.FETCH_FAILED, detail) if wanted is None else AnotherFile(detail)


def content_range(header: str) -> tuple[int, int | None]:
    """Where the part begins, and the file's length, of "bytes 5-9/10"; -1 for what can't be read."""
    unit, _, told = header.strip().partition(" ")
    span, _, total = told.partition("/")
    start = span.partition("-")[0]
    if unit.lower() != "bytes" or not (start.isascii() and start.isdigit()):
        return -1, None
    return int(start), int(total) if total.isascii() and total.isdigit() else None
