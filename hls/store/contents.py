"""What is told of a file's bytes: their digest, and in a bucket their kind.

A bucket's ETag is the MD5 of an object only where that came in one piece and is not encrypted with certain keys. So we
write the digest beside the bytes, into the object's metadata.
"""

import base64
import hashlib
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hls.store.interface import OpenedFile

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef

CONTENT = "content-md5"  # in an object's metadata, as the header Content-MD5 has it
TYPES = {".ts": "video/MP2T", ".jpg": "image/jpeg"}  # for those who get them from the bucket: edges, and a CDN
UNTYPED = "application/octet-stream"
PLAIN = re.compile(r'"?([0-9a-f]{32})"?')  # an ETag that is an MD5, as of an object that came in one piece
KEYS_ELSEWHERE = ("aws:kms", "aws:kms:dsse")  # where the bucket encrypts with these, an ETag is no MD5
NOT_AS_ANNOUNCED = "What was read is not what was announced."
BLOCK_BYTES = 2**20  # how much of a file is in memory while it is read through


def content_md5(data: bytes) -> str:
    """As the header Content-MD5 has it, which the bucket compares with what has arrived."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def beside(digest: str) -> dict[str, str]:
    """The metadata of an object whose bytes have this MD5, in hexadecimal."""
    return {CONTENT: base64.b64encode(bytes.fromhex(digest)).decode()}


def content_type(name: str) -> str:
    return TYPES.get(PurePosixPath(name).suffix, UNTYPED)


def digest_told(found: "HeadObjectOutputTypeDef") -> str | None:
    """The MD5 of an object's bytes, in hexadecimal; None where the bucket doesn't tell it."""
    if told := found["Metadata"].get(CONTENT):
        return base64.b64decode(told).hex()
    plain = PLAIN.fullmatch(found["ETag"])
    is_told = plain and found.get("ServerSideEncryption") not in KEYS_ELSEWHERE and "SSECustomerAlgorithm" not in found
    return plain[1] if plain and is_told else None


def digest_of(opened: OpenedFile) -> str:
    """The MD5 of an open file, in hexadecimal, for which it is read; closes it."""
    md5 = hashlib.md5(usedforsecurity=False)
    reader = opened.stream(0, opened.size_bytes)
    try:
        while data := reader.read(BLOCK_BYTES):
            md5.update(data)
    finally:
        reader.close()
    return md5.hexdigest()
