"""A file of a store as an HTTP answer: whole, in part, or as "not modified". Nothing here knows Django."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache

from hls.store.interface import WHOLE, ByteReader, OpenedFile, Place
from library.delivery.ranges import ByteRange, NotSatisfiable, byte_range, matches, moment, single_range, tags
from library.errors import NotFound

FOREVER = "private, max-age=31536000, immutable"
BRIEFLY = "private, max-age=5"
NEVER = "no-store"
CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE")
SMALL_BYTES = 65_536  # up to this size, reading a file costs less than the server's way to sendfile


@dataclass(frozen=True)
class Answer:
    """Status, headers, and the bytes to send, or an open file, which the sender closes."""

    status: int
    headers: dict[str, str]
    body: bytes | ByteReader = b""


def answer(
    meta: Mapping[str, str], place: Place, *, content_type: str, cache: str = FOREVER, is_gzip: bool = False
) -> Answer:
    """The answer to this request for a file; `meta` is the WSGI environment. Raises NotFound if the file is gone."""
    try:
        opened = place.open(part=first_part(meta))
    except FileNotFoundError:
        raise NotFound from None
    headers = {
        "Cache-Control": cache,
        "ETag": opened.etag,
        "Last-Modified": http_date(opened.modified_at),
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }
    if is_gzip:
        headers["Content-Encoding"] = "gzip"
    chosen = choose(meta, headers, opened)
    if chosen.status in (200, 206):
        chosen.headers["Content-Type"] = content_type
    if isinstance(chosen.body, bytes):
        opened.close()
    return chosen


def first_part(meta: Mapping[str, str]) -> str | None:
    """What this request will most likely read, for `Store.open`: nothing where it may be answered by headers alone."""
    if meta["REQUEST_METHOD"] != "GET" or any(name in meta for name in CONDITIONS):
        return None
    return single_range(meta.get("HTTP_RANGE", "")) or WHOLE


@lru_cache(maxsize=4096)
def http_date(timestamp: int) -> str:
    """As RFC 9110 5.6.7 writes it."""
    return formatdate(timestamp, usegmt=True)


def choose(meta: Mapping[str, str], headers: dict[str, str], opened: OpenedFile) -> Answer:
    """Check preconditions first, then the range (RFC 9110 13.2.2). HEAD ignores ranges (14.2)."""
    size = opened.size_bytes
    if is_precondition_failed(meta, headers):
        return Answer(412, {"Cache-Control": "no-store"})
    if is_known(meta, headers):
        return Answer(304, headers)
    if meta["REQUEST_METHOD"] != "GET":
        return Answer(200, headers | {"Content-Length": str(size)})
    try:
        part = wanted_part(meta, headers, size)
    except NotSatisfiable:
        return Answer(416, {"Content-Range": f"bytes */{size}", "Cache-Control": "no-store"})
    if part is None:
        return Answer(200, headers | {"Content-Length": str(size)}, content(opened, 0, size))
    headers |= {"Content-Length": str(part.length), "Content-Range": part.content_range(size)}
    return Answer(206, headers, content(opened, part.start, part.length))


def content(opened: OpenedFile, start: int, length: int) -> bytes | ByteReader:
    return opened.read(start, length) if length <= SMALL_BYTES else opened.stream(start, length)


def is_precondition_failed(meta: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether a precondition fails. A date counts only without a tag (RFC 9110 13.1.4)."""
    if "HTTP_IF_MATCH" not in meta and "HTTP_IF_UNMODIFIED_SINCE" not in meta:  # as in nearly all requests
        return False
    wanted = meta.get("HTTP_IF_MATCH", "")
    if wanted.strip() == "*":
        return False
    if named := tags(wanted):
        return headers["ETag"] not in named
    date = moment(meta.get("HTTP_IF_UNMODIFIED_SINCE", ""))
    modified = moment(headers["Last-Modified"])
    return date is not None and modified is not None and modified > date


def is_known(meta: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether the client has these bytes already. A date counts only without a tag (RFC 9110 13.1.3)."""
    known = meta.get("HTTP_IF_NONE_MATCH", "")
    if known.strip() == "*" or tags(known):
        return matches(known, headers["ETag"])
    return meta.get("HTTP_IF_MODIFIED_SINCE") == headers["Last-Modified"]


def wanted_part(meta: Mapping[str, str], headers: Mapping[str, str], size: int) -> ByteRange | None:
    """None for the whole file: there is no usable range, or `If-Range` names other bytes (RFC 9110 13.1.5)."""
    condition = meta.get("HTTP_IF_RANGE")
    if condition is not None and condition not in (headers["ETag"], headers["Last-Modified"]):
        return None
    return byte_range(meta.get("HTTP_RANGE", ""), size)


def accepts_gzip(header: str) -> bool:
    """Whether `Accept-Encoding` names gzip, or else `*`, with a weight above zero (RFC 9110 12.5.3)."""
    accepted = {}
    for part in header.lower().split(","):
        coding, _, weight = part.partition(";")
        value = weight.replace(" ", "").removeprefix("q=")
        accepted[coding.strip()] = value.strip("0.") != "" if value else True
    return accepted.get("gzip", accepted.get("*", False))
