"""Checksums of pieces: the tus header `Upload-Checksum`, an algorithm and the base64 of its digest."""

import hashlib
from base64 import b64decode
from hmac import compare_digest

from library.errors import UploadMalformed

ALGORITHMS = ("sha1", "sha256", "md5")  # they detect accidents, not forgeries


class Digest:
    """The digest that was announced for a piece, compared with that of the bytes that arrived."""

    def __init__(self, header: str) -> None:
        """Raises UploadMalformed."""
        algorithm, _, expected = header.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise UploadMalformed(f"The checksum's algorithm is one of {', '.join(ALGORITHMS)}.")
        try:
            self.expected = b64decode(expected, validate=True)
        except ValueError:  # no ASCII, or no base64
            raise UploadMalformed("The header Upload-Checksum has a value that is no base64.") from None
        self.found = hashlib.new(algorithm, usedforsecurity=False)

    def update(self, block: bytes) -> None:
        self.found.update(block)

    def matches(self) -> bool:
        return compare_digest(self.found.digest(), self.expected)
