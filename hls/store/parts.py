"""An object of a bucket that is brought to a disk in parts, several at once, each asked for until it is there.

All parts are asked for under the condition that it is still the same object (`If-Match`). An answer that breaks off is
asked for again from where it broke, after a pause that grows.
"""

import errno
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hls.store.at_once import each
from hls.store.connection import BROKEN, as_os_errors
from hls.store.interface import Part, StoreFailed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

MOST_BREAKS = 6  # of one part, in a row, without a byte between them
FIRST_PAUSE_S = 0.2  # doubled with each break: all of them make about 12 s
WRITTEN_BYTES = 1 << 18  # at once, of a part that arrives


class ObjectInParts:
    """One object as it was when it was looked at."""

    def __init__(self, client: "S3Client", bucket: str, name: str, content_key: str) -> None:
        """Raises FileNotFoundError, StoreFailed. `content_key` is what a digest is called in an object's metadata."""
        self._client, self._bucket, self._name = client, bucket, name
        with as_os_errors(name):
            head = client.head_object(Bucket=bucket, Key=name)
        self.size_bytes: int = head["ContentLength"]
        self.etag: str = head["ETag"]
        self.md5: str = head["Metadata"].get(content_key, "")

    def fetch(
        self, parts: Sequence[Part], write: Callable[[int, bytes], None], *, go_on: Callable[[], None] = lambda: None
    ) -> None:
        """Raises FileExistsError where another object is there by now, FileNotFoundError, StoreFailed."""
        is_over = threading.Event()
        each(lambda part: self._fetch(part, write, is_over), parts, go_on, is_over=is_over)

    def _fetch(self, part: Part, write: Callable[[int, bytes], None], is_over: threading.Event) -> None:
        at, breaks = part.start, 0
        while at < part.end and not is_over.is_set():
            came = self._read(at, part.end, write, is_over)
            breaks = 0 if came else breaks + 1
            if breaks > MOST_BREAKS:
                raise StoreFailed(errno.EIO, "The bucket's answers break off.", self._name)
            at += came
            if breaks:
                is_over.wait(FIRST_PAUSE_S * 2 ** (breaks - 1))

    def _read(self, start: int, end: int, write: Callable[[int, bytes], None], is_over: threading.Event) -> int:
        """Ask once; how many bytes came."""
        with as_os_errors(self._name):
            answer = self._client.get_object(
                Bucket=self._bucket, Key=self._name, Range=f"bytes={start}-{end - 1}", IfMatch=self.etag
            )
        if answer.get("ContentRange") != f"bytes {start}-{end - 1}/{self.size_bytes}":
            answer["Body"].close()
            raise StoreFailed(errno.EIO, "The bucket sends something else than was asked for.", self._name)
        at = start
        try:
            while at < end and not is_over.is_set() and (data := next_bytes(answer, end - at)):
                write(at, data)
                at += len(data)
        finally:
            answer["Body"].close()
        return at - start


def next_bytes(answer: "GetObjectOutputTypeDef", most: int) -> bytes:
    """The next bytes, in pieces of one size; none where the connection broke."""
    try:
        return answer["Body"].read(min(most, WRITTEN_BYTES))
    except BROKEN:
        return b""
