"""Large objects of a bucket, which are put in as parts: S3's multipart uploads.

1. begin() opens one for a key. Until it is completed there is no object, and nobody sees anything of it.
2. put() and copy() add parts, each under a number. The object's bytes are those of the parts in the order of their
   numbers; numbers may be left out. The bucket compares what has arrived with its MD5.
3. complete() names the parts that count, each with the ETag that the bucket has answered, and makes one object of them.
   Parts that are not named are removed. It may be called again where its answer was lost.
4. abort() removes all parts. What is neither completed nor aborted is found by begun().

All methods raise StoreFailed, and FileNotFoundError where the multipart upload is gone.
"""

import base64
import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypedDict, cast

from hls.store.at_once import each
from hls.store.bucket_address import BucketAddress
from hls.store.connection import as_os_errors, client_of
from hls.store.contents import content_type
from hls.store.interface import UNFINISHED_S, StoreFailed, checked
from hls.store.sections import Section, sections_of
from hls.store.sharing import NotLinked

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

COPIED_AT_ONCE = 256 << 20  # the bucket does it within seconds, and whoever waits for its answer waits no longer


class Condition(TypedDict, total=False):
    """Of a request, as boto3 names it."""

    IfNoneMatch: str


@dataclass(frozen=True)
class ObjectPart:
    number: int
    size_bytes: int
    etag: str


@dataclass(frozen=True)
class Multipart:
    """A multipart upload: the key of the object that it will be, and the bucket's name for it."""

    key: str
    upload_id: str


@dataclass(frozen=True)
class BegunMultipart:
    multipart: Multipart
    begun_at: datetime


@dataclass(frozen=True)
class MultipartStore:
    """What a store in a bucket takes in as parts. Keys are those of the store, which is hls.store.bucket."""

    name: str
    address_of_bucket: BucketAddress

    def begin(self, key: str, metadata: Mapping[str, str] | None = None) -> Multipart:
        name = self._object(key)
        with as_os_errors(key):
            answer = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=name, ContentType=content_type(name), Metadata=metadata or {}
            )
        return Multipart(key, answer["UploadId"])

    def put(self, multipart: Multipart, number: int, data: Section) -> ObjectPart:
        """The data are read twice, so that their MD5 can be sent before them."""
        with as_os_errors(multipart.key):
            answer = self._client.upload_part(
                Bucket=self._bucket,
                Key=self._object(multipart.key),
                UploadId=multipart.upload_id,
                PartNumber=number,
                Body=cast("IO[bytes]", data),
                ContentLength=data.size_bytes,
                ContentMD5=base64.b64encode(data.md5()).decode(),
            )
        return ObjectPart(number, data.size_bytes, answer["ETag"])

    def put_small(self, key: str, data: Section) -> None:
        """An object that needs no parts, under a key that nobody else uses."""
        with as_os_errors(key):
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._object(key),
                Body=cast("IO[bytes]", data),
                ContentLength=data.size_bytes,
                ContentMD5=base64.b64encode(data.md5()).decode(),
            )

    def copy(self, multipart: Multipart, number: int, key: str, start: int, end: int) -> ObjectPart:
        """A part of the bytes from `start` to `end` of another object, which the bucket copies by itself."""
        with as_os_errors(key):
            answer = self._client.upload_part_copy(
                Bucket=self._bucket,
                Key=self._object(multipart.key),
                UploadId=multipart.upload_id,
                PartNumber=number,
                CopySource={"Bucket": self._bucket, "Key": self._object(key)},
                CopySourceRange=f"bytes={start}-{end - 1}",
            )
        return ObjectPart(number, end - start, answer["CopyPartResult"]["ETag"])

    def complete(self, multipart: Multipart, parts: Sequence[ObjectPart], *, is_new: bool = False) -> None:
        """Raises FileNotFoundError where parts or the multipart upload are gone, and no such object is there.

        With `is_new`, FileExistsError where there is an object of this key, which is kept then.
        """
        name, size_bytes = self._object(multipart.key), sum(part.size_bytes for part in parts)
        named = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        condition: Condition = {"IfNoneMatch": "*"} if is_new else {}
        try:
            with as_os_errors(multipart.key):
                self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=name,
                    UploadId=multipart.upload_id,
                    MultipartUpload={"Parts": named},  # type: ignore[typeddict-item]  # dicts of exactly that shape
                    **condition,
                )
        except FileExistsError:
            raise
        except OSError:  # also where the answer to an earlier try was lost
            if self._size_of(name) != size_bytes:
                raise
        if self._size_of(name) != size_bytes:
            raise StoreFailed(errno.EIO, "The bucket made an object of another size.", multipart.key)

    def abort(self, multipart: Multipart) -> None:
        with suppress(FileNotFoundError), as_os_errors(multipart.key):
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=self._object(multipart.key), UploadId=multipart.upload_id
            )

    def begun(self, prefix: str = "") -> Iterator[BegunMultipart]:
        """What was begun with a key of this prefix, and neither completed nor aborted."""
        pages = self._client.get_paginator("list_multipart_uploads")
        above = self._object("")
        with as_os_errors(prefix):
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._object(prefix)):
                for found in page.get("Uploads", []):
                    yield BegunMultipart(
                        Multipart(found["Key"].removeprefix(above), found["UploadId"]), found["Initiated"]
                    )

    def parts(self, multipart: Multipart) -> dict[int, ObjectPart]:
        """All parts that are there, by number."""
        pages = self._client.get_paginator("list_parts")
        where = {"Bucket": self._bucket, "Key": self._object(multipart.key), "UploadId": multipart.upload_id}
        with as_os_errors(multipart.key):
            found = [part for page in pages.paginate(**where) for part in page.get("Parts", [])]  # type: ignore[arg-type]
        return {part["PartNumber"]: ObjectPart(part["PartNumber"], part["Size"], part["ETag"]) for part in found}

    def put_file(self, file: Path, key: str) -> None:
        """Put a whole file of this machine in, parts of it at once.

        Where somebody began that before and did not end it, parts that are there are compared and not sent again.
        """
        size = file.stat().st_size
        begun = next((found.multipart for found in self.begun(key) if found.multipart.key == key), None)
        multipart = begun or self.begin(key)
        there = self.parts(multipart) if begun else {}
        with file.open("rb", buffering=0) as opened:
            sections = sections_of(opened, size)

            def put(number: int) -> ObjectPart:
                data, part = sections[number - 1], there.get(number)
                is_there = part is not None and part.etag.strip('"') == data.md5().hex()
                return part if part and is_there else self.put(multipart, number, data)

            self.complete(multipart, each(put, range(1, len(sections) + 1)))

    def clone_file(self, file: Path, key: str) -> bool:
        """A bucket has no blocks in common with this machine."""
        return False

    def link_file(self, file: Path, key: str) -> None:
        raise NotLinked(errno.EXDEV, "can't get a second name: uploads are kept in a bucket", str(file))

    def begun_like(self, prefix: str) -> str | None:
        return next((found.multipart.key for found in self.begun(prefix)), None)

    def unfinished(self) -> dict[str, int]:
        return {multipart.key: self._size_of_parts(multipart) for multipart in self._begun_long_ago()}

    def remove_unfinished(self) -> None:
        for multipart in self._begun_long_ago():
            self.abort(multipart)

    def copy_object(self, key: str, target: str, size_bytes: int) -> None:
        """Copy an object of any size, and what is told beside it, within the bucket.

        Its own key as the target makes it a new one.
        """
        with as_os_errors(key):
            told = self._client.head_object(Bucket=self._bucket, Key=self._object(key))["Metadata"]
        multipart = self.begin(target, told)
        starts = range(0, size_bytes, COPIED_AT_ONCE)
        try:
            parts = each(
                lambda start: self.copy(
                    multipart, start // COPIED_AT_ONCE + 1, key, start, min(start + COPIED_AT_ONCE, size_bytes)
                ),
                starts,
            )
            self.complete(multipart, parts)
        except OSError:
            self.abort(multipart)
            raise

    def _begun_long_ago(self) -> list[Multipart]:
        before = datetime.now(UTC) - timedelta(seconds=UNFINISHED_S)
        return [found.multipart for found in self.begun() if found.begun_at <= before]

    def _size_of_parts(self, multipart: Multipart) -> int:
        with suppress(FileNotFoundError):  # somebody else was quicker
            return sum(part.size_bytes for part in self.parts(multipart).values())
        return 0

    def _size_of(self, name: str) -> int | None:
        with suppress(FileNotFoundError), as_os_errors(name):
            return self._client.head_object(Bucket=self._bucket, Key=name)["ContentLength"]
        return None

    @property
    def _client(self) -> "S3Client":
        return client_of(self.address_of_bucket)

    @property
    def _bucket(self) -> str:
        return self.address_of_bucket.bucket

    def _object(self, key: str) -> str:
        return f"{self.address_of_bucket.prefix}{self.name}/{checked(key)}"
