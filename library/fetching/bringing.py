"""From the address of a file to a file among the uploads: what the engine calls for a transcode that awaits its source.

1. Look the address's host up, judge it, and connect to what was judged; the same for each redirect, of which there may
   be MOST_REDIRECTS (library/fetching/offers.py).
2. Where a part of the file is here, ask for the rest (Range, and If-Range where there is a strong validator), and for
   the last bytes that are here once more: only where they are the same is it the same file. Else it begins anew.
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
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import structlog
from django.conf import settings

from hls.core.errors import DISK_IS_FULL, Code, Reason, Stopped, TranscodeError
from hls.models import ACTIVE, Transcode
from hls.sources.awaited import Delivery
from hls.stores import bucket_of_uploads, uploads
from library import disk
from library.fetching.models import Fetch
from library.fetching.offers import AnotherFile, Offer, offered, refused
from library.outgoing import connection
from library.outgoing.addresses import AddressRefused
from library.uploads import file_signatures

log = structlog.get_logger("videoflix.library")

LONGEST_S = 12 * 3600.0  # of one try
BLOCK_BYTES = 256 * 1024
JUDGED_BYTES = 1_024  # enough to tell a text or a page from a video
KEPT_EVERY_S = 3.0


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


def fetch_file(fetch: Fetch, delivery: Delivery) -> None:
    """Bring the bytes into the partial file. Raises TranscodeError, Stopped."""
    path = partial_path(fetch)
    go_on = in_time(delivery)
    try:
        try:
            fetch_rest(fetch, path, delivery, go_on)
        except AnotherFile:
            begin_anew(fetch)
            fetch_rest(fetch, path, delivery, go_on)
    except AddressRefused as error:
        raise refused(Reason.ADDRESS_REFUSED, str(error)) from None
    except http.client.HTTPException as error:
        raise TranscodeError(Code.FETCH_FAILED, f"{type(error).__name__}: {error}") from None
    except OSError as error:
        if error.errno in DISK_IS_FULL or error.filename is not None:  # of our disk, not of the network
            raise
        raise TranscodeError(Code.FETCH_FAILED, f"{type(error).__name__}: {error}") from None


def in_time(delivery: Delivery) -> Callable[[], None]:
    """What is called each time that bytes come, or don't. Raises TranscodeError once LONGEST_S is over, and Stopped."""
    ends_at = time.monotonic() + LONGEST_S

    def go_on() -> None:
        delivery.go_on()
        if time.monotonic() > ends_at:
            raise TranscodeError(Code.FETCH_FAILED, "it takes too long")

    return go_on


def fetch_rest(fetch: Fetch, path: Path, delivery: Delivery, go_on: Callable[[], None]) -> None:
    """Raises AnotherFile, which can't be where nothing is here, and as `fetch_file`."""
    there = min(fetch.received, path.stat().st_size) if path.exists() else 0
    with offered(fetch, there, go_on) as offer:
        if offer.start < there and offer.response.status == 206:
            check_same(offer, path, there)
            offer = replace(offer, start=there)
        receive(fetch, offer, path, delivery)


def check_same(offer: Offer, path: Path, there: int) -> None:
    """Compare what is sent once more with what is here. Raises AnotherFile, TranscodeError, OSError, HTTPException."""
    with path.open("rb") as file:
        file.seek(offer.start)
        known = file.read(there - offer.start)
    sent = offer.response.read(len(known))
    if not known.startswith(sent):
        raise AnotherFile("other bytes than those that are here")
    if len(sent) < len(known):
        raise TranscodeError(Code.FETCH_FAILED, "it broke off before the rest")


def receive(fetch: Fetch, offer: Offer, path: Path, delivery: Delivery) -> None:
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
