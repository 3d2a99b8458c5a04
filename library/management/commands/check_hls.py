"""`manage.py check_hls <video or URL>`: does what we serve keep to RFC 8216 and Apple's authoring specification?"""

import gzip
import zlib
from argparse import ArgumentParser
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

from django.core.management.base import BaseCommand, CommandError

from hls.core.conformance import Fetched, check
from hls.published import current
from library.models import Video

TIMEOUT_S = 30


class Command(BaseCommand):
    help = "Check a film, given by its id or by the URL of its multivariant playlist; exit 1 where a rule is broken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", metavar="VIDEO_OR_URL")
        parser.add_argument("--bearer", default="", help="An access token, where the URL wants one.")

    def handle(self, *args: Any, **options: Any) -> None:
        target: str = options["target"]
        if target.isascii() and target.isdigit():
            violations = check(from_disk(int(target)))
        elif urlsplit(target).scheme in ("http", "https"):
            violations = check(over_http(target, options["bearer"]), urlsplit(target).path.rpartition("/")[2])
        else:
            raise CommandError("Give a video's id, or the http(s) URL of a multivariant playlist.")
        for violation in violations:
            self.stdout.write(f"{violation.rule:18} {violation.where}: {violation.sentence}")
        self.stdout.write(f"{len(violations)} violations")
        if violations:
            raise CommandError("The film breaks rules.")


def from_disk(video: int) -> Callable[[str], bytes]:
    """Files of the served version, as the playlists name them. Raises CommandError where there is none."""
    found = Video.objects.select_related("transcode").filter(pk=video).first()
    edition = current(found.transcode) if found else None
    if edition is None:
        raise CommandError(f"There is no film {video} that is being served.")
    folder: Path = edition.folder
    return lambda name: (folder / urlsplit(name).path).read_bytes()


def over_http(master: str, bearer: str) -> Callable[[str], Fetched]:
    """Files as a player gets them, gzip and redirects included; the token is for the master's own host alone."""
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
                body = response.read()
                is_gzip = response.headers.get("Content-Encoding") == "gzip"
                return Fetched(
                    gzip.decompress(body) if is_gzip else body,
                    content_type=response.headers.get_content_type(),
                    is_compressed=is_gzip,
                    was_redirected=response.url != address,
                )
        except URLError as error:
            raise OSError(f"{address}: {error.reason}") from error
        except (HTTPException, EOFError, zlib.error) as error:
            raise OSError(f"{address}: {error}") from error

    return fetch
