"""What is asked of the bytes of an upload, from its beginning until a video takes them.

There are two kinds, each a module with these functions: library.uploads.in_folder appends to a file, and
library.uploads.in_bucket, which needs no disk that web processes share, puts parts into a bucket.
library.uploads.kinds chooses.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Protocol

from library.models import Upload, Video
from library.uploads.checksums import Digest

LIFETIME = timedelta(hours=24)  # of an upload, since its last piece


class ArrivingBytes(Protocol):
    def begin(self, upload: Upload) -> None:
        """Get ready for the bytes of an upload that has no row yet."""

    def has_room(self, to_write: int) -> bool:
        """Whether so many bytes more can be taken in."""

    def received(self, upload: Upload) -> int:
        """How many bytes are there for good. Raises UploadGone where they were lost."""

    def are_there(self, upload: Upload) -> bool:
        """Whether nothing of the bytes that were received is lost, as far as can be told without reading them."""

    def are_all_there(self, upload: Upload) -> bool:
        """Whether the whole length has arrived and is there; of an upload of parts also in these."""

    def arrived_bytes(self) -> int:
        """What all uploads take that no video has taken."""

    def append(self, upload: Upload, *, offset: int, blocks: Iterable[bytes], digest: Digest | None) -> int:
        """Add a piece to an upload that ends at `offset`. Returns the new offset.

        `digest` is updated by whoever gives the blocks. Raises OffsetConflict, UploadBusy, UploadGone, NoRoom,
        ChecksumMismatch, and what the blocks raise.
        """

    def complete(self, upload: Upload) -> None:
        """Make one file of an upload whose bytes are all there, and write that down. Raises UploadBusy, UploadGone."""

    def head(self, upload: Upload, size: int) -> bytes:
        """The first bytes of a complete upload. Raises UploadGone."""

    def join(self, whole: Upload, parts: Sequence[Upload]) -> None:
        """Go on until the parts are one file, and write that down. Raises UploadBusy, UploadGone, NoRoom."""

    def take(self, upload: Upload, video: Video) -> str:
        """Give the file of a complete upload to a video, within its transaction. Returns its name among the uploads.

        Raises UploadGone.
        """

    def discard(self, upload: Upload) -> None:
        """Remove an upload and its parts, bytes and rows. A request that is writing to it notices by itself."""

    def discard_idle(self, upload: Upload) -> None:
        """The same for one that has expired, unless somebody is writing to it."""

    def sweep(self) -> None:
        """Remove what was begun and left behind, where no upload's row knows it."""
