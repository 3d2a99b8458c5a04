"""A file of another store written into a bucket, and what a bucket tells of the bytes of an object.

A large file goes in parts. The bucket compares the digest of each part with what has arrived; that of the whole is kept
in the object's metadata, as that of a small one is. Where this process dies in between, parts without a name are left,
which a sweep removes (hls.store.bucket).
"""

import base64
import errno
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hls.store.connection import as_os_errors
from hls.store.interface import UNFINISHED_S, OpenedFile, StoreFailed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

CONTENT = "content-md5"  # in an object's metadata; its ETag is something else where the bucket encrypts
TYPES = {".ts": "video/MP2T", ".jpg": "image/jpeg"}  # for those who get them from the bucket: edges, and a CDN
UNTYPED = "application/octet-stream"
PART_BYTES = 16 * 2**20
MOST_PARTS = 9_000  # S3 takes 10,000
PLAIN = re.compile(r'"?([0-9a-f]{32})"?')  # an ETag that is an MD5, as of an object that came in one piece
KEYS_ELSEWHERE = ("aws:kms", "aws:kms:dsse")  # where the bucket encrypts with these, an ETag is no MD5


def content_md5(data: bytes) -> str:
    """As the header Content-MD5 has it, which the bucket compares with what has arrived."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def content_type(name: str) -> str:
    return TYPES.get(PurePosixPath(name).suffix, UNTYPED)


def take_object(client: "S3Client", bucket: str, name: str, opened: OpenedFile, digest: str) -> None:
    """Raises FileExistsError where there is an object of this name already, StoreFailed."""
    whole = {CONTENT: base64.b64encode(bytes.fromhex(digest)).decode()}
    if opened.size_bytes > PART_BYTES:
        take_in_parts(client, bucket, name, opened, whole)
        return
    data = opened.read(0, opened.size_bytes)
    with as_os_errors(name):
        client.put_object(
            Bucket=bucket,
            Key=name,
            Body=data,
            ContentMD5=whole[CONTENT],
            ContentType=content_type(name),
            Metadata=whole,
            IfNoneMatch="*",
        )


def take_in_parts(client: "S3Client", bucket: str, name: str, opened: OpenedFile, whole: dict[str, str]) -> None:
    part_bytes = max(PART_BYTES, -(-opened.size_bytes // MOST_PARTS))
    with as_os_errors(name):
        begun = client.create_multipart_upload(Bucket=bucket, Key=name, ContentType=content_type(name), Metadata=whole)
        upload = begun["UploadId"]
    is_whole, parts, md5 = False, list["CompletedPartTypeDef"](), hashlib.md5(usedforsecurity=False)
    reader = opened.stream(0, opened.size_bytes)
    try:
        while data := reader.read(part_bytes):
            number = len(parts) + 1
            md5.update(data)
            with as_os_errors(name):
                sent = client.upload_part(
                    Bucket=bucket, Key=name, UploadId=upload, PartNumber=number, Body=data, ContentMD5=content_md5(data)
                )
            parts.append({"ETag": sent["ETag"], "PartNumber": number})
        if base64.b64encode(md5.digest()).decode() != whole[CONTENT]:
            raise StoreFailed(errno.EIO, "What was read is not what was announced.", name)
        with as_os_errors(name):
            client.complete_multipart_upload(
                Bucket=bucket, Key=name, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        is_whole = True
    finally:
        if not is_whole:
            give_up(client, bucket, UnfinishedUpload(name, upload))


@dataclass(frozen=True)
class UnfinishedUpload:
    """Parts without a name; they take room, and are paid for."""

    name: str  # of the object that it would have become
    upload_id: str


def unfinished(client: "S3Client", bucket: str, prefix: str) -> list[UnfinishedUpload]:
    """Those that were begun at least a day ago."""
    before = datetime.now(UTC) - timedelta(seconds=UNFINISHED_S)
    with as_os_errors(prefix):
        pages = list(client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix))
    return [
        UnfinishedUpload(found["Key"], found["UploadId"])
        for page in pages
        for found in page.get("Uploads", [])
        if found["Key"].startswith(prefix) and found["Initiated"] <= before
    ]


def parts_bytes(client: "S3Client", bucket: str, upload: UnfinishedUpload) -> int:
    """The size of its parts; 0 where it is gone."""
    try:
        with as_os_errors(upload.name):
            wanted = client.get_paginator("list_parts").paginate(
                Bucket=bucket, Key=upload.name, UploadId=upload.upload_id
            )
            return sum(part["Size"] for page in wanted for part in page.get("Parts", []))
    except FileNotFoundError:
        return 0


def give_up(client: "S3Client", bucket: str, upload: UnfinishedUpload) -> None:
    with suppress(FileNotFoundError), as_os_errors(upload.name):
        client.abort_multipart_upload(Bucket=bucket, Key=upload.name, UploadId=upload.upload_id)


def digest_told(client: "S3Client", bucket: str, name: str) -> str | None:
    """The MD5 of an object's bytes, in hexadecimal; None where the bucket has none. Raises FileNotFoundError."""
    with as_os_errors(name):
        found = client.head_object(Bucket=bucket, Key=name)
    if told := found["Metadata"].get(CONTENT):
        return base64.b64decode(told).hex()
    plain = PLAIN.fullmatch(found["ETag"])
    is_told = plain and found.get("ServerSideEncryption") not in KEYS_ELSEWHERE and "SSECustomerAlgorithm" not in found
    return plain[1] if plain and is_told else None
