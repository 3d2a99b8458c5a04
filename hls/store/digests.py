"""The digest of a file that has to be read for it."""

import hashlib

from hls.store.interface import OpenedFile

BLOCK_BYTES = 2**20  # how much of a file is in memory while it is read through


def digest_of(opened: OpenedFile) -> str:
    """The MD5 of an open file, in hexadecimal; closes it."""
    md5 = hashlib.md5(usedforsecurity=False)
    reader = opened.stream(0, opened.size_bytes)
    try:
        while data := reader.read(BLOCK_BYTES):
            md5.update(data)
    finally:
        reader.close()
    return md5.hexdigest()
