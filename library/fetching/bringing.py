"""From the address of a file to a file among the uploads: what the engine calls for a transcode that awaits its source.

1. Look the address's host up, judge it, and connect to what was judged; the same for each redirect, of which there may
   be MOST_REDIRECTS (library.outgoing).
2. Where a part of the file is here, ask for the rest of the same file (Range with If-Range). What is answered with the
   whole file begins anew.
3. Write the bytes into a file of the partial folder. What is surely no video is refused with its first bytes. Every few
   seconds the file is brought to the disk, and the row says how much of it counts: a killed worker's successor goes on
   there.
4. Once all is there, the file gets its name among the uploads, and the row goes.

A cancelled or deleted video takes its part of a file along; a worker that ends leaves it to the next one.
"""

import http.client
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

import structlog
from django.conf import settings

from hls.core.errors import Code, Reason, Stopped, TranscodeError
from hls.failing import DISK_IS_FULL
from hls.models import ACTIVE, Transcode
from hls.sources.awaited import Delivery
from hls.stores import bucket_of_uploads, uploads
from library import disk
from library.fetching.models import Fetch
from library.outgoing import connection
from library.outgoing.addresses import AddressRefused, addresses_of, target_of
from library.uploads import file_signatures

log = structlog.get_logger("videoflix.library")

MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
TEMPORARY = (408, 425, 429)  # and 5xx
LONGEST_S = 12 * 3600.0  # of one try
BLOCK_BYTES = 256 * 1024
JUDGED_BYTES = 1_024  # enough to tell a text or a page from a video
KEPT_EVERY_S = 3.0
OF_TEXTS = ("text/", "application/json", "application/xhtml+xml", "application/xml", "application/problem+json")


def refused(reason: Reason, detail: str) -> TranscodeError:
    return TranscodeError(Code.FETCH_FAILED, detail, reason=reason)


def bring(transcode: Transcode, delivery: Delivery) -> bool:
    """Bring the source of a transcode whose video is to be fetched. Raises TranscodeError, Stopped, StoreFailed."""
    fetch = Fetch.objects.filter(video__transcode=transcode.pk).first()
    if fetch is None:
        return uploads().exists(transcode.source)  # it was brought just before its worker died
    try:
        if not uploads().exists(transcode.source):
            fetch_file(fetch, delivery)
            hand_over(fetch, transcode.source, delivery)
    except Stopped:
        if not Transcode.objects.filter(pk=transcode.pk, version=transcode.version, state__in=ACTIVE).exists():
            partial_path(fetch).unlink(missing_ok=True)
        raise
    except TranscodeError as error:
        if not error.advice.is_temporary:
            begin_anew(fetch)
        raise
    Fetch.objects.filter(pk=fetch.pk).delete()
    partial_path(fetch).unlink(missing_ok=True)
    return True


def partial_path(fetch: Fetch) -> Path:
    return disk.partial_folder() / str(fetch.pk)


def begin_anew(fetch: Fetch) -> None:
    partial_path(fetch).unlink(missing_ok=True)
    keep(fetch, received=0, etag="")


def keep(fetch: Fetch, *, received: int, etag: str) -> None:
    fetch.received, fetch.etag = received, etag
    Fetch.objects.filter(pk=fetch.pk).update(received=received, etag=etag)


@dataclass(frozen=True)
class Offer:
    """An answer whose body is the file, or the rest of it from `start` on."""

    response: http.client.HTTPResponse
    start: int
    total: int | None  # bytes of the whole file
    etag: str


def fetch_file(fetch: Fetch, delivery: Delivery) -> None:
    """Bring the bytes into the partial file. Raises TranscodeError, Stopped."""
    path = partial_path(fetch)
    there = min(fetch.received, path.stat().st_size) if path.exists() and fetch.etag else 0
    ends_at = time.monotonic() + LONGEST_S
    try:
        with offered(fetch, there, delivery.go_on) as offer:
            receive(fetch, offer, path, delivery, ends_at)
    except AddressRefused as error:
        raise refused(Reason.ADDRESS_REFUSED, str(error)) from None
    except http.client.HTTPException as error:
        raise TranscodeError(Code.FETCH_FAILED, f"{type(error).__name__}: {error}") from None
    except OSError as error:
        if error.errno in DISK_IS_FULL or error.filename is not None:  # of our disk, not of the network
            raise
        raise TranscodeError(Code.FETCH_FAILED, f"{type(error).__name__}: {error}") from None


@contextmanager
def offered(fetch: Fetch, there: int, go_on: Callable[[], None]) -> Iterator[Offer]:
    """The file's answer, after redirects. Raises AddressRefused, TranscodeError, OSError, HTTPException."""
    url, headers = fetch.url, {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Videoflix"}
    if there:
        headers |= {"Range": f"bytes={there}-", "If-Range": fetch.etag}
    for _ in range(MOST_REDIRECTS + 1):
        may_be_private = bool(settings.SOURCE_ALLOW_PRIVATE)
        target = target_of(url, may_be_private=may_be_private)
        addresses = addresses_of(target, may_be_private=may_be_private)
        response, close = connection.ask(target, addresses, headers, go_on)
        with closing(response):
            try:
                if response.status not in REDIRECTS:
                    yield judged(response, there)
                    return
                url = led_to(url, response.headers.get("Location", ""))
            finally:
                close()
    raise refused(Reason.NOT_OFFERED, "too many redirects")


def led_to(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:  # of brackets that don't close
        raise AddressRefused("The other server leads to what is no address.") from None


def judged(response: http.client.HTTPResponse, there: int) -> Offer:
    """Raises TranscodeError for an answer that isn't the file."""
    status, headers = response.status, response.headers
    if status == 416:
        raise TranscodeError(Code.FETCH_FAILED, "the rest that was asked for is not there")
    if status in TEMPORARY or status >= 500:
        raise TranscodeError(Code.FETCH_FAILED, f"status {status}")
    if status not in (200, 206):
        raise refused(Reason.NOT_OFFERED, f"status {status}")
    if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise refused(Reason.NOT_OFFERED, "the file is compressed on its way, which was not asked for")
    if headers.get_content_type().startswith(OF_TEXTS) and "Content-Type" in headers:
        raise refused(Reason.NOT_A_VIDEO, f"content type {headers.get_content_type()}")
    etag = headers.get("ETag", "").strip()
    etag = etag if etag.startswith('"') and len(etag) <= 500 else ""
    if status == 200:
        return Offer(response, 0, response.length, etag)
    start, total = content_range(headers.get("Content-Range", ""))
    if start != there or not there:
        raise TranscodeError(Code.FETCH_FAILED, "another part than the one that was asked for")
    return Offer(response, start, total, etag)


def content_range(header: str) -> tuple[int, int | None]:
    """Where the part begins, and the file's length, of "bytes 5-9/10"; -1 for what can't be read."""
    unit, _, told = header.strip().partition(" ")
    span, _, total = told.partition("/")
    start = span.partition("-")[0]
    if unit.lower() != "bytes" or not (start.isascii() and start.isdigit()):
        return -1, None
    return int(start), int(total) if total.isascii() and total.isdigit() else None


def receive(fetch: Fetch, offer: Offer, path: Path, delivery: Delivery, ends_at: float) -> None:
    """Append the answer's bytes to the partial file, or begin it anew. Raises as `fetch_file`."""
    check_size(offer.total, offer.start)
    if offer.start == 0:
        keep(fetch, received=0, etag=offer.etag)
    with path.open("r+b" if offer.start else "wb") as file:
        file.truncate(offer.start)
        file.seek(offer.start)
        position, kept_at = offer.start, time.monotonic()
        for block in blocks(offer):
            if position == 0:
                check_kind(block)
            file.write(block)
            position += len(block)
            check_size(position, position)
            if time.monotonic() > ends_at:
                raise TranscodeError(Code.FETCH_FAILED, "it takes too long")
            if time.monotonic() >= kept_at + KEPT_EVERY_S:
                bring_to_disk(file)
                keep(fetch, received=position, etag=fetch.etag)
                kept_at = time.monotonic()
            delivery.tell(position, offer.total)
        bring_to_disk(file)
        keep(fetch, received=position, etag=fetch.etag)
    if offer.total is not None and position != offer.total:
        raise TranscodeError(Code.FETCH_FAILED, f"{position} bytes of {offer.total}")
    if position == 0:
        raise refused(Reason.NOT_A_VIDEO, "no bytes")


def blocks(offer: Offer) -> Iterator[bytes]:
    """The body; the first block has enough bytes to be judged, if there are so many."""
    first = offer.response.read(JUDGED_BYTES)
    if first:
        yield first
    while block := offer.response.read1(BLOCK_BYTES):
        yield block


def check_kind(head: bytes) -> None:
    kind = file_signatures.foreign_kind(head) or ("a text" if is_text(head) else None)
    if kind:
        raise refused(Reason.NOT_A_VIDEO, kind)


def is_text(head: bytes) -> bool:
    """Whether these first bytes are those of JSON or any other text: no container of videos begins without a byte
    that no text has."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not a character that is cut off
            return False
        text = head[: error.start].decode("utf-8-sig")
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)


def check_size(size: int | None, here: int) -> None:
    """Raises TranscodeError where a file of this size, of which so much is here, is too large or has no room."""
    if size is not None and size > settings.UPLOAD_MAX_BYTES:
        raise refused(Reason.FILE_TOO_LARGE, f"{size} bytes")
    if (size or here) - here > disk.free_bytes() or disk.free_bytes() <= 0:
        raise TranscodeError(Code.DISK_FULL, "no room for the file")


def bring_to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def hand_over(fetch: Fetch, name: str, delivery: Delivery) -> None:
    """Give the file its name among the uploads: by a link in a folder, in parts to a bucket. Raises Stopped."""
    path = partial_path(fetch)
    if bucket_of_uploads() is None:
        target = disk.upload_root() / name
        target.parent.mkdir(exist_ok=True)
        with suppress(FileExistsError):
            os.link(path, target)
        os.utime(target)  # sweeps spare young files
        return
    with ThreadPoolExecutor(1) as pool:  # the claim is renewed meanwhile
        sent = pool.submit(uploads().put_file, path, name)
        while not wait([sent], timeout=connection.TICK_S).done:
            delivery.go_on()
    sent.result()
