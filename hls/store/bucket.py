"""A store in a bucket of any S3-compatible service. A key is that of an object, behind the store's own prefix.

An object is written under the condition that there is none (`If-None-Match: *`), so of two writers one wins, and a
reader never sees half a file. A folder is what several keys have in common, and is gone with its last object.

Files are brought in two steps, since a request to a bucket takes much longer than a rename:

1. stage() uploads a private folder to the same key in the bucket. It takes its time, outside of transactions.
2. put_in() copies the staged objects to their final keys; the bucket does that by itself. It happens inside of the
   transaction that decides whose files they are.

What put_in() finds in the way was left there by a worker that died before its transaction ended. It is replaced in such
an order that nobody who has lost the claim can do it: look at it, make sure that the claim still holds, remove exactly
what was looked at (`If-Match`), copy where there is nothing.
"""

import errno
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar
from uuid import uuid4

from hls.store.at_once import each
from hls.store.connection import as_os_errors
from hls.store.contents import CONTENT, NOT_AS_ANNOUNCED, beside, content_md5, content_type, digest_of, digest_told
from hls.store.interface import (
    WHOLE,
    OpenedFile,
    Staged,
    Store,
    StoreEntry,
    StoreFailed,
    checked,
    names_in,
)
from hls.store.multipart import COPIED_AT_ONCE, MultipartStore
from hls.store.object import StoredObject
from hls.store.parts import ObjectInParts
from hls.store.sections import part_bytes
from hls.store.transfer import take_in_parts

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import (
        CopySourceTypeDef,
        HeadObjectOutputTypeDef,
        ListObjectsV2OutputTypeDef,
        ObjectTypeDef,
    )

MOST_AT_ONCE = 1000  # keys in one answer or one request to remove them: the most that S3 takes
MOVES = ".moves"  # below it, notes of what is being moved


@dataclass(frozen=True)
class Copy:
    """Of an object, within the bucket. Both are named as the bucket does."""

    source: str
    target: str
    in_the_way: str = ""  # the ETag of another object that has the target's name


@dataclass(frozen=True)
class BucketStore(MultipartStore):
    is_on_disk: ClassVar[bool] = False

    @property
    def members(self) -> tuple[Store, ...]:
        return (self,)

    def has_on_disk(self, key: str) -> bool:
        return False

    def address(self, key: str) -> str:
        return f"{self.address_of_bucket}{self.name}/{checked(key)}"

    def signed_address(self, key: str, *, lifetime_s: int) -> str:
        wanted = {"Bucket": self._bucket, "Key": self._object(key)}
        return self._client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=lifetime_s)

    def object_name(self, key: str) -> str:
        return self._object(key)

    def open(self, key: str, *, part: str | None = WHOLE) -> StoredObject:
        return StoredObject(self._client, self._bucket, self._object(key), part)

    def read(self, key: str) -> bytes:
        opened = self.open(key)
        try:
            return opened.read(0, opened.size_bytes)
        finally:
            opened.close()

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        with TemporaryDirectory(prefix="videoflix-") as folder:
            path = Path(folder) / Path(key).name
            path.write_bytes(self.read(key))
            yield path

    def remote(self, key: str) -> ObjectInParts:
        return ObjectInParts(self._client, self._bucket, self._object(key), CONTENT)

    def exists(self, key: str) -> bool:
        with as_os_errors(self.address(key)):
            below = self._client.list_objects_v2(Bucket=self._bucket, Prefix=f"{self._object(key)}/", MaxKeys=1)
        return below["KeyCount"] > 0 or self._head(self._object(key)) is not None

    def entries(self, key: str) -> list[StoreEntry]:
        prefix = f"{self._object(key)}/" if key else self._object(key)
        found: set[StoreEntry] = set()
        for page in self._pages(prefix, delimiter="/"):
            folders = (entry["Prefix"] for entry in page.get("CommonPrefixes", []))
            files = (entry["Key"] for entry in page.get("Contents", []))
            found |= {StoreEntry(folder.removeprefix(prefix).rstrip("/"), is_folder=True) for folder in folders}
            found |= {StoreEntry(file.removeprefix(prefix), is_folder=False) for file in files}
        return sorted((entry for entry in found if entry.name), key=lambda entry: entry.name)

    def size_bytes(self, key: str) -> int:
        return sum(found["Size"] for found in self._objects(key))

    def sizes(self, key: str) -> dict[str, int]:
        prefix = f"{self._object(key)}/"
        objects = (found for page in self._pages(prefix) for found in page.get("Contents", []))
        return {found["Key"].removeprefix(prefix): found["Size"] for found in objects}

    def modified_at(self, key: str) -> float:
        times = [found["LastModified"].timestamp() for found in self._objects(key)]
        if not times:
            raise FileNotFoundError(errno.ENOENT, "No such object", self.address(key))
        return max(times)

    def stage(self, folder: Path, key: str, *, go_on: Callable[[], None]) -> Staged:
        staged = Staged(folder, key, names_in(folder))
        each(lambda name: self._upload(folder / name, f"{self._object(key)}/{name}"), staged.names, go_on)
        return staged

    def put_in(self, staged: Staged, key: str, *, still_ours: Callable[[], None]) -> None:
        """Raises FileExistsError where somebody else writes there at the same time."""
        source, final = self._object(staged.key), self._object(key)
        copies = [Copy(f"{source}/{name}", f"{final}/{name}") for name in staged.names]
        in_the_way = [found for found in each(self._copy_once, copies) if found]
        if in_the_way:
            still_ours()
            each(self._replace, in_the_way)

    def write_once(self, key: str, text: str) -> None:
        with suppress(FileExistsError):
            self._put(self._object(key), text.encode())

    def touch(self, key: str) -> None:
        self.copy_object(key, key, self.size_bytes(key))

    def move(self, key: str, target: str) -> None:
        """Copies everything, then removes the originals. A note says so meanwhile, for finish_moves."""
        if not self.exists(key):
            raise FileNotFoundError(errno.ENOENT, "No such object", self.address(key))
        note = f"{MOVES}/{uuid4().hex}"
        self.write_once(note, json.dumps({"from": key, "to": target}))
        self._move(key, target)
        self.remove(note)

    def finish_moves(self) -> None:
        for entry in self.entries(MOVES):
            note = f"{MOVES}/{entry.name}"
            with suppress(FileNotFoundError):  # another process was quicker
                begun = json.loads(self.read(note))
                self._move(begun["from"], begun["to"])
            self.remove(note)

    def remove(self, key: str) -> None:
        self._remove([found["Key"] for found in self._objects(key)])

    def remove_files(self, keys: Sequence[str]) -> None:
        self._remove(map(self._object, keys))

    def digest(self, key: str) -> str:
        found = self._head(self._object(key))
        return (found and digest_told(found)) or digest_of(self.open(key))

    def take(self, key: str, opened: OpenedFile, digest: str) -> None:
        if opened.size_bytes > part_bytes(opened.size_bytes):
            take_in_parts(self, key, opened, digest)
            return
        data = opened.read(0, opened.size_bytes)
        if content_md5(data) != beside(digest)[CONTENT]:
            raise StoreFailed(errno.EIO, NOT_AS_ANNOUNCED, key)
        self._put(self._object(key), data)

    def _objects(self, key: str) -> Iterator["ObjectTypeDef"]:
        """The object of this key, and all below it. Of all keys that begin with one, that one itself comes first."""
        name = self._object(key)
        with as_os_errors(self.address(key)):
            first = self._client.list_objects_v2(Bucket=self._bucket, Prefix=name, MaxKeys=1)
        yield from (found for found in first.get("Contents", []) if found["Key"] == name)
        for page in self._pages(f"{name.rstrip('/')}/"):
            yield from page.get("Contents", [])

    def _pages(self, prefix: str, delimiter: str = "") -> Iterator["ListObjectsV2OutputTypeDef"]:
        pages = self._client.get_paginator("list_objects_v2")
        with as_os_errors(prefix):
            yield from pages.paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": MOST_AT_ONCE}
            )

    def _move(self, key: str, target: str) -> None:
        """Can be done twice, and at the same time by two processes, without harm."""
        source, final, above = self._object(key), self._object(target), self._object("")

        def copy(found: "ObjectTypeDef") -> None:
            moved = final + found["Key"].removeprefix(source)
            if found["Size"] <= COPIED_AT_ONCE:
                self._copy(Copy(found["Key"], moved))
            else:
                self.copy_object(found["Key"].removeprefix(above), moved.removeprefix(above), found["Size"])

        all_found = list(self._objects(key))
        each(copy, all_found)
        self._remove(found["Key"] for found in all_found)

    def _upload(self, file: Path, name: str) -> None:
        """Where an answer was lost and boto3 has tried again, our own object is in the way."""
        data = file.read_bytes()
        try:
            self._put(name, data)
        except FileExistsError:
            if self._content(name) != content_md5(data):
                raise

    def _put(self, name: str, data: bytes) -> None:
        """Raises FileExistsError where there is an object already."""
        md5 = content_md5(data)
        with as_os_errors(name):
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=data,
                ContentMD5=md5,
                ContentType=content_type(name),
                Metadata={CONTENT: md5},
                IfNoneMatch="*",
            )

    def _copy(self, copy: "Copy") -> None:
        source: CopySourceTypeDef = {"Bucket": self._bucket, "Key": copy.source}
        with as_os_errors(copy.source):
            self._client.copy_object(Bucket=self._bucket, Key=copy.target, CopySource=source)

    def _copy_once(self, copy: "Copy") -> "Copy | None":
        """Copy to where nothing is. Returns the copy with what is in its way, where that is something else."""
        source: CopySourceTypeDef = {"Bucket": self._bucket, "Key": copy.source}
        try:
            with as_os_errors(copy.target):
                self._client.copy_object(Bucket=self._bucket, Key=copy.target, CopySource=source, IfNoneMatch="*")
        except FileExistsError:
            there = self._head(copy.target)
            if there is None:
                return self._copy_once(copy)
            is_same = there["Metadata"].get(CONTENT, copy.target) == self._content(copy.source)
            return None if is_same else replace(copy, in_the_way=there["ETag"])
        return None

    def _replace(self, copy: "Copy") -> None:
        with suppress(FileNotFoundError), as_os_errors(copy.target):
            self._client.delete_object(Bucket=self._bucket, Key=copy.target, IfMatch=copy.in_the_way)
        if self._copy_once(copy) is not None:
            raise FileExistsError(errno.EEXIST, "Somebody else writes this object", copy.target)

    def _content(self, name: str) -> str | None:
        """A digest of what was written into the object; None for no object, or one that others have written."""
        found = self._head(name)
        return found["Metadata"].get(CONTENT) if found else None

    def _head(self, name: str) -> "HeadObjectOutputTypeDef | None":
        try:
            with as_os_errors(name):
                return self._client.head_object(Bucket=self._bucket, Key=name)
        except FileNotFoundError:
            return None

    def _remove(self, names: Iterable[str]) -> None:
        for part in batched(names, MOST_AT_ONCE):
            with as_os_errors(part[0]):
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": name} for name in part], "Quiet": True}
                )
            for refused in answer.get("Errors", []):
                raise StoreFailed(
                    errno.EIO, f"The bucket did not remove it: {refused.get('Code')}.", refused.get("Key")
                )
