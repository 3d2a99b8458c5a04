"""`manage.py check_hls <video or URL>`: check a video against RFC 8216 and Apple's authoring specification."""

import time
import zlib
from argparse import ArgumentParser
from collections.abc import Callable
from gzip import GzipFile
from http.client import HTTPException, HTTPResponse, IncompleteRead
from io import BytesIO
from typing import Any
from urllib.error import URLError
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import Request, urlopen

from django.core.management.base import BaseCommand, CommandError

from hls.conformance.checker import Fetched, Violation, check
from hls.core import names
from hls.published import current
from library.delivery.viewed import viewed
from library.models import Video

TIMEOUT_S = 30  # without a byte
LONGEST_S = 120.0  # for a whole body
MOST_BYTES = 64 << 20  # of a body, before and after it is unpacked: 8 s of video at 64 Mbit/s
BLOCK = 64 << 10


class Command(BaseCommand):
    help = "Check a video, given by its id or by the URL of its multivariant playlist; exit 1 where a rule is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", metavar="VIDEO_OR_URL")
        parser.add_argument("--bearer", default="", help="An access token, where the URL wants one.")

    def handle(self, *args: Any, **options: Any) -> None:
        target: str = options["target"]
        if target.isascii() and target.isdigit():
            violations = of_video(int(target))
        elif place := web_address(target):
            name = place._replace(scheme="", netloc="", path=place.path.rpartition("/")[2], fragment="").geturl()
            violations = check(over_http(target, options["bearer"]), name)
        else:
            raise CommandError("Give a video's id, or the http(s) URL of a multivariant playlist.")
        for violation in violations:
            self.stdout.write(f"{violation.rule:18} {violation.where}: {violation.sentence}")
        self.stdout.write(f"{len(violations)} violations")
        if violations:
            raise CommandError("The video breaks rules.")


def web_address(target: str) -> SplitResult | None:
    """None for what is no address of the web."""
    try:
        place = urlsplit(target)
    except ValueError:
        return None
    return place if place.scheme in ("http", "https") and place.netloc else None


def of_video(video_id: int) -> tuple[Violation, ...]:
    """What the served version breaks as viewers get it, with its tracks as they are now.

    Where its sounds are apart, each resolution has a multivariant playlist. Raises CommandError where none is served.
    """
    found = Video.objects.select_related("transcode").filter(pk=video_id).first()
    version = current(found.transcode) if found else None
    if version is None:
        raise CommandError(f"There is no video {video_id} that is being served.")
    resolutions = version.renditions if version.sounds else ()
    masters = [names.MASTER, *(f"{rendition.name}/{names.INDEX}" for rendition in resolutions)]
    fetch = viewed(version)
    return tuple(dict.fromkeys(violation for master in masters for violation in check(fetch, master)))


def over_http(master: str, bearer: str) -> Callable[[str], Fetched]:
    """Files as a player gets them, gzip and redirects included. The token is sent to the master's own host only."""
    home = urlsplit(master)

    def fetch(name: str) -> Fetched:
        address = urljoin(master, name)
        place = urlsplit(address)
        if place.scheme not in ("http", "https"):  # a playlist may name files of this machine
            raise OSError(f"{address} is no web address")
        request = Request(address, headers={"Accept-Encoding": "gzip"})  # noqa: S310 (checked above)
        if bearer and (place.scheme, place.netloc) == (home.scheme, home.netloc):
            request.add_unredirected_header("Authorization", f"Bearer {bearer}")
        try:
            with urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 (checked above)
                body = whole(response)
                is_gzip = response.headers.get("Content-Encoding") == "gzip"
                return Fetched(
                    unpacked(body) if is_gzip else body,
                    content_type=response.headers.get_content_type(),
                    is_compressed=is_gzip,
                    was_redirected=response.url != address,
                )
        except URLError as error:
            raise OSError(f"{address}: {error.reason}") from error
        except (HTTPException, EOFError, zlib.error) as error:
            raise OSError(f"{address}: {error}") from error

    return fetch


def whole(response: HTTPResponse) -> bytes:
    """The body, block by block. Raises OSError for one that is too large or comes too slowly, IncompleteRead."""
    deadline_s = time.monotonic() + LONGEST_S
    body = bytearray()
    while block := response.read1(BLOCK):
        body += block
        if len(body) > MOST_BYTES:
            raise OSError(f"{response.url}: more than {MOST_BYTES >> 20} MB")
        if time.monotonic() > deadline_s:
            raise OSError(f"{response.url}: not whole after {LONGEST_S:.0f} s")
    if response.length:
        raise IncompleteRead(bytes(body), response.length)
    return bytes(body)


def unpacked(body: bytes) -> bytes:
    """Raises OSError where the body is no gzip or too large, EOFError, zlib.error."""
    with GzipFile(fileobj=BytesIO(body)) as packed:
        text = packed.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise OSError(f"more than {MOST_BYTES >> 20} MB, once unpacked")
    return text
