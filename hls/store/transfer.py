"""A large file of another store, written into a bucket in parts and in constant memory."""

import errno
import hashlib

from hls.store.contents import NOT_AS_ANNOUNCED, beside
from hls.store.interface import OpenedFile, StoreFailed
from hls.store.multipart import MultipartStore, ObjectPart
from hls.store.sections import BytesSection, part_bytes


def take_in_parts(store: MultipartStore, key: str, opened: OpenedFile, digest: str) -> None:
    """`digest` is what the whole is to have. Where this process dies in between, a sweep removes the parts.

    Raises FileExistsError where there is an object of this key already, StoreFailed.
    """
    multipart = store.begin(key, beside(digest))
    parts, md5, is_whole = list[ObjectPart](), hashlib.md5(usedforsecurity=False), False
    reader = opened.stream(0, opened.size_bytes)
    try:
        while data := reader.read(part_bytes(opened.size_bytes)):
            md5.update(data)
            parts.append(store.put(multipart, len(parts) + 1, BytesSection(data)))
        if md5.hexdigest() != digest:
            raise StoreFailed(errno.EIO, NOT_AS_ANNOUNCED, key)
        store.complete(multipart, parts, is_new=True)
        is_whole = True
    finally:
        if not is_whole:
            store.abort(multipart)
