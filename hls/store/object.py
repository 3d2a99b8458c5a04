"""An object of a bucket that is read while it is sent, in constant memory.

1. It is asked for with the part that its reader wants first: all of it, as nearly always, or one range. Where perhaps
   nothing is read, the bucket is asked for what it knows of the object alone.
2. Where another part is read then, or the connection breaks, that or the rest is asked for, under the condition that it
   is still the same object.
"""

import errno
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from hls.store.connection import BROKEN, as_os_errors
from hls.store.interface import WHOLE, StoreFailed

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

BEYOND_THE_END = ("InvalidRange", "416")
MOST_BREAKS = 5  # in a row, without a byte between them


class StoredObject:
    """`part` is as in `Store.open`."""

    def __init__(self, client: "S3Client", bucket: str, key: str, part: str | None = WHOLE) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        self._body: StreamingBody | None = None
        self._at = 0  # the body's next byte
        with as_os_errors(key):
            found = None if part is None else self._first_answer(part)
            known = found or client.head_object(Bucket=bucket, Key=key)
        told, self.size_bytes = "", known["ContentLength"]
        if found is not None:
            self._body, told = found["Body"], found.get("ContentRange", "")
        if told:  # "bytes 10-19/1880"; nothing for all of the object, which some stores answer with to any range
            span, _, size = told.removeprefix("bytes ").partition("/")
            self._at, self.size_bytes = int(span.partition("-")[0]), int(size)
        self.modified_at = int(known["LastModified"].timestamp())
        self.etag: str = known["ETag"]

    def _first_answer(self, part: str) -> "GetObjectOutputTypeDef | None":
        """None where no byte of the object is in this part."""
        if part == WHOLE:
            return self._client.get_object(Bucket=self._bucket, Key=self._key)
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._key, Range=part)
        except ClientError as error:
            if error.response["Error"].get("Code") in BEYOND_THE_END:
                return None
            raise

    def read(self, start: int, length: int) -> bytes:
        return self.stream(start, length).read()

    def stream(self, start: int, length: int) -> "ObjectReader":
        if length and (self._body is None or start != self._at):
            self.ask_for(start, start + length)
        return ObjectReader(self, start, length)

    def ask_for(self, start: int, end: int) -> None:
        """Read these bytes from now on. Raises FileExistsError where it is another object by now."""
        self.close()
        with as_os_errors(self._key):
            self._body = self._client.get_object(
                Bucket=self._bucket, Key=self._key, Range=f"bytes={start}-{end - 1}", IfMatch=self.etag
            )["Body"]
        self._at = start

    def next_bytes(self, size: int) -> bytes:
        """Up to so many; none where the connection broke."""
        try:
            data: bytes = self._body.read(size) if self._body else b""
        except BROKEN:
            return b""
        self._at += len(data)
        return data

    def close(self) -> None:
        if self._body is not None:
            self._body.close()


class ObjectReader:
    """The bytes from `start` on, `length` of them."""

    def __init__(self, found: StoredObject, start: int, length: int) -> None:
        self._found = found
        self._at, self._end = start, start + length

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
