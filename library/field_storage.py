"""Where Django's file fields keep their files: in the store of uploads."""

import os
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import TemporaryUploadedFile

from hls.stores import uploads
from library import disk


class FieldStorage(FileSystemStorage):
    """Django's own in MEDIA_ROOT, unless the store of uploads is elsewhere."""

    def _save(self, name: str, content: "File[Any]") -> str:
        store = uploads()
        if store.is_on_disk:
            kept: str = super()._save(name, content)  # type: ignore[misc]  # unknown to Django's stubs
            os.utime(self.path(kept))  # a sweep spares young files: a form's file may have arrived long before its row
            return kept
        if isinstance(content, TemporaryUploadedFile):
            store.put_file(Path(content.temporary_file_path()), name)
            return name
        with NamedTemporaryFile(dir=disk.partial_folder()) as file:
            for block in content.chunks():
                file.write(block)
            file.flush()
            store.put_file(Path(file.name), name)
        return name

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        """For small files, as pictures are."""
        store = uploads()
        if store.has_on_disk(name):
            opened: File[Any] = super()._open(name, mode)  # type: ignore[misc]  # as above
            return opened
        return File(BytesIO(store.read(name)), name=name)

    def exists(self, name: str) -> bool:
        store = uploads()
        return (store.is_on_disk and super().exists(name)) or store.exists(name)

    def size(self, name: str) -> int:
        return uploads().size_bytes(name)

    def delete(self, name: str) -> None:
        uploads().remove(name)
