"""Files in forms: streamed onto the upload folder's own disk, for staff only, and never past the reserve.

1. Django parses a form before any view runs. `new_file` cuts the connection of anybody who is not staff.
2. The file is written to the partial folder block by block, while there is room. A file that can't be kept is read to
   its end and dropped, so that the form comes back with a sentence instead of a cut connection.
3. `file_complete` fsyncs the file. Closing the request removes it, unless the form has moved it to its final place.
"""

import os
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest

from hls.stores import uploads
from library import disk
from library.uploads import request_body

LOOK_AT_DISK_EVERY = 32 << 20
SUFFIX = ".form"


class PartialFile(TemporaryUploadedFile):
    """A file in the partial folder. Closing removes it, unless it was moved to its final place."""

    def __init__(self, name: str, content_type: str | None, charset: str | None) -> None:
        opened = NamedTemporaryFile(suffix=SUFFIX, dir=disk.partial_folder())  # noqa: SIM115 (the request closes it)
        UploadedFile.__init__(self, opened, name, content_type, 0, charset)


class Receiver(FileUploadHandler):
    """Writes each file of a form to the disk and fsyncs it. What was refused, and why, is in `refusals(request)`."""

    chunk_size = 1 << 20
    partial: PartialFile | None = None
    announced_bytes = 0

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *arguments: Any) -> None:
        if self.request is not None and request_body.content_length(self.request) is not None:
            self.announced_bytes = content_length

    def new_file(self, *arguments: Any, **options: Any) -> None:
        super().new_file(*arguments, **options)
        user = getattr(self.request, "user", None)
        if user is None or not user.is_staff:
            raise StopUpload(connection_reset=True)
        if not uploads().is_on_disk:
            disk.remove_leftovers()
        self.partial = PartialFile(str(self.file_name), self.content_type, self.charset)
        self.refuse_if_full(0, to_write=self.announced_bytes)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.partial is None:
            raise SkipFile
        if start // LOOK_AT_DISK_EVERY != (start + len(raw_data)) // LOOK_AT_DISK_EVERY:
            self.refuse_if_full(start + len(raw_data))
        self.partial.write(raw_data)
        disk.write_back(self.partial.fileno(), start, start + len(raw_data))

    def file_complete(self, file_size: int) -> "UploadedFile[bytes] | None":
        whole, self.partial = self.partial, None
        if whole is None:
            return None
        whole.flush()
        os.fsync(whole.fileno())
        whole.seek(0)
        whole.size = file_size
        return whole

    def upload_interrupted(self) -> None:
        self.drop()

    def refuse_if_full(self, size_bytes: int, *, to_write: int = 0) -> None:
        sentence = disk.refusal(size_bytes, to_write=to_write)
        if sentence:
            self.drop()
            refusals(self.request)[str(self.field_name)] = sentence
            raise SkipFile

    def drop(self) -> None:
        if self.partial is not None:
            self.partial.close()
            self.partial = None


def refusals(request: HttpRequest | None) -> dict[str, str]:
    """The fields whose file was dropped while it arrived, each with a sentence."""
    found: dict[str, str] = request.__dict__.setdefault("refused_files", {}) if request else {}
    return found
