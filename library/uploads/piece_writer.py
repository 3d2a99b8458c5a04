"""A piece on its way into a bucket, a part at a time, in constant memory."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from uuid import uuid4

from hls.store.interface import StoreFailed
from hls.store.multipart import ObjectPart
from hls.store.sections import FileSection, least_part_bytes, part_bytes
from library import disk
from library.errors import NoRoom, OffsetConflict, UploadGone
from library.models import Upload
from library.uploads.bucket_rows import bucket, enter, has_moved_on, multipart_of, next_number, put_part
from library.uploads.limits import most_bytes


@contextmanager
def buffer() -> Iterator[FileIO]:
    """A file without a name, which is gone with its process."""
    with tempfile.TemporaryFile(dir=disk.partial_folder(), buffering=0) as file:
        yield file


class PieceWriter:
    """Adds bytes to an upload whose row was just read.

    Full parts count at once, or, where the piece has a checksum, together at its end. Raises OffsetConflict where
    somebody else has added bytes meanwhile, UploadGone where the upload was ended, NoRoom, StoreFailed.
    """

    def __init__(self, upload: Upload, file: FileIO, *, counts_at_once: bool) -> None:
        self.upload, self.file = upload, file
        self.counts_at_once = counts_at_once
        self.least, self.most = least_part_bytes(most_bytes(upload)), part_bytes(most_bytes(upload))
        self.buffered_bytes = 0
        self.pending: list[ObjectPart] = []  # sent, and not counted yet
        self.is_begun = False

    def write(self, block: bytes) -> None:
        if not self.is_begun:
            self.begin()
        left = memoryview(block)
        while left:
            count = self.file.write(left[: self.most - self.buffered_bytes])
            self.buffered_bytes += count
            left = left[count:]
            if self.buffered_bytes == self.most:
                self.send()

    def end(self) -> None:
        """Let what is left count too: as a part, or as a rest where it is too small for one."""
        if not self.is_begun:
            enter(self.upload, (), rest=self.upload.rest, rest_bytes=self.upload.rest_bytes)
            return
        if self.reached == self.upload.length or self.buffered_bytes >= self.least:
            self.send()
        if self.buffered_bytes:
            self.keep_rest()
        elif self.pending:
            self.count()

    def seal(self) -> None:
        """Make a part of the rest, however small it is."""
        self.begin()
        self.send()

    @property
    def reached(self) -> int:
        """Where the upload ends with all that was written."""
        sent = sum(part.size_bytes for part in self.pending)
        return self.upload.received - self.upload.rest_bytes + sent + self.buffered_bytes

    def begin(self) -> None:
        """Look whether there is room, and begin with the rest that the piece before has left."""
        self.is_begun = True
        if disk.free_bytes() < 0:
            raise NoRoom
        if not self.upload.rest:
            return
        try:
            data = bucket().read(self.upload.rest)
        except FileNotFoundError:  # somebody else has made a part of it, or it is lost
            is_lost = Upload.objects.filter(pk=self.upload.pk, rest=self.upload.rest).exists()
            raise UploadGone if is_lost else OffsetConflict from None
        self.buffered_bytes = self.file.write(data)

    def send(self) -> None:
        if not self.buffered_bytes:
            return
        if disk.free_bytes() < 0:
            raise NoRoom
        number = next_number(self.upload)
        try:
            self.pending.append(put_part(multipart_of(self.upload), number, self.file))
        except FileNotFoundError:
            raise OffsetConflict if has_moved_on(self.upload) else UploadGone from None
        self.empty()
        if self.counts_at_once:
            self.count()

    def count(self, *, rest: str = "", rest_bytes: int = 0) -> None:
        before = self.upload.rest
        enter(self.upload, self.pending, rest=rest, rest_bytes=rest_bytes)
        self.pending = []
        if before:
            with suppress(StoreFailed):  # a sweep finds it
                bucket().remove(before)

    def keep_rest(self) -> None:
        key, size = f"{disk.PARTIAL}/{self.upload.pk}.{uuid4().hex}", self.buffered_bytes
        bucket().put_small(key, FileSection(self.file, 0, size))
        self.count(rest=key, rest_bytes=size)
        self.empty()

    def empty(self) -> None:
        self.file.seek(0, os.SEEK_SET)
        self.file.truncate()
        self.buffered_bytes = 0
