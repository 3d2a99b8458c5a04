"""An object of a bucket that is read while it is sent, in constant memory.

The object is asked for whole, since nearly every request wants that. Where the connection breaks, or only a part is
wanted, the rest is asked for again, under the condition that it is still the same object.
"""

import errno
from typing import TYPE_CHECKING

from botocore.exceptions import (
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from hls.store.connection import as_os_errors
from hls.store.interface import StoreFailed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

BROKEN = (ConnectionClosedError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
MOST_BREAKS = 5  # in a row, without a byte between them


class StoredObject:
    def __init__(self, client: "S3Client", bucket: str, key: str) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        with as_os_errors(key):
            self._answer: GetObjectOutputTypeDef = client.get_object(Bucket=bucket, Key=key)
        self.size_bytes: int = self._answer["ContentLength"]
        self.modified_at = int(self._answer["LastModified"].timestamp())
        self.etag: str = self._answer["ETag"]

    def read(self, start: int, length: int) -> bytes:
        return self.stream(start, length).read()

    def stream(self, start: int, length: int) -> "ObjectReader":
        return ObjectReader(self, start, length)

    def ask_for(self, start: int, end: int) -> None:
        """Answer with these bytes from now on. Raises FileExistsError where it is another object by now."""
        self.close()
        with as_os_errors(self._key):
            self._answer = self._client.get_object(
                Bucket=self._bucket, Key=self._key, Range=f"bytes={start}-{end - 1}", IfMatch=self.etag
            )

    def next_bytes(self, size: int) -> bytes:
        """Up to so many; none where the connection broke."""
        try:
            return self._answer["Body"].read(size)
        except BROKEN:
            return b""

    def close(self) -> None:
        self._answer["Body"].close()


class ObjectReader:
    """The bytes from `start` on, `length` of them."""

    def __init__(self, found: StoredObject, start: int, length: int) -> None:
        self._found = found
        self._at, self._end = start, start + length
        if length and (start, length) != (0, found.size_bytes):
            found.ask_for(start, self._end)

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._end - self._at if size < 0 else min(size, self._end - self._at)
        data = bytearray()
        breaks = 0
        while len(data) < wanted:
            part = self._found.next_bytes(wanted - len(data))
            breaks = 0 if part else breaks + 1
            if breaks > MOST_BREAKS:
                raise StoreFailed(errno.EIO, "The bucket's answers break off.")
            if not part:
                self._found.ask_for(self._at, self._end)
            data += part
            self._at += len(part)
        return bytes(data)

    def close(self) -> None:
        self._found.close()
