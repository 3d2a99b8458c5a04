"""The connection to a bucket, and what its failures are called.

boto3 tries again by itself, with a growing pause, where an answer is late, missing or says "later". What is left after
that is a StoreFailed, with a sentence for people; who has time then tries again (hls.patience).
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from hls.store.bucket_address import BucketAddress
from hls.store.interface import StoreFailed, StoreFull, StoreRefused
from hls.store.observing import RequestMade, tell

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel
    from types_boto3_s3 import S3Client

    type Parsed = dict[str, dict[str, int]]  # of an answer; what is looked at here beside its names

ATTEMPTS = 5  # of each request; the pauses add up to 0.75 s at most, to 15 s where it says "slow down"
CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 20
QUICK_S = 0.9  # to connect, and to answer; both are less than a probe may take
REFUSED, FORBIDDEN, SERVER_AT_FAULT = 400, 403, 500
OF_AN_OBJECT = ("ContentLength", "ETag", "LastModified")
TOLD = {  # by every answer to these operations
    "GetObject": OF_AN_OBJECT,
    "HeadObject": OF_AN_OBJECT,
    "PutObject": ("ETag",),
    "UploadPart": ("ETag",),
    "ListObjectsV2": ("KeyCount",),
}
TRIALS = ".trial/"  # below it, objects that are written and removed at a start
MOST_CONNECTIONS = 256  # kept for reuse; as many as a web process has threads by default
BROKEN = (ConnectionClosedError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError)  # amid an answer
GONE = ("NoSuchKey", "404", "NoSuchUpload", "InvalidPart")  # an answer without a body, as to HEAD, has only a number
TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412")
FULL = ("XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "InsufficientStorage", "507")
SENTENCES = {
    "NoSuchBucket": "There is no bucket of this name (S3_BUCKET).",
    "InvalidAccessKeyId": "The bucket does not know this access key (S3_ACCESS_KEY_ID).",
    "SignatureDoesNotMatch": "The bucket refuses the secret key (S3_SECRET_ACCESS_KEY).",
    "AccessDenied": "The access key may not do this with the bucket.",
    "RequestTimeTooSkewed": "The clock of this machine differs from the bucket's by more than it allows.",
}


_one_by_one = Lock()  # to make a client takes a tenth of a second, and the first requests come from several threads


def client_of(address: BucketAddress, *, is_quick: bool = False) -> "S3Client":
    """All threads, and all buckets of a service, share one. A quick one tries once, for those who can't wait."""
    service = replace(address, bucket="", prefix="")
    with _one_by_one:
        if is_quick:
            return connected(service, Trying(QUICK_S, QUICK_S, 1))
        return connected(service, Trying(CONNECT_TIMEOUT_S, READ_TIMEOUT_S, ATTEMPTS))


@dataclass(frozen=True)
class Trying:
    """How long a request may take, and how often it is tried."""

    connect_timeout_s: float
    read_timeout_s: float
    attempts: int


@lru_cache(maxsize=8)
def connected(address: BucketAddress, trying: Trying) -> "S3Client":
    """Checksums are sent where S3 wants them: not all stores know the newer ones."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=address.endpoint_url,
        region_name=address.region,
        aws_access_key_id=address.access_key_id,
        aws_secret_access_key=address.secret_access_key,
        config=Config(
            connect_timeout=trying.connect_timeout_s,
            read_timeout=trying.read_timeout_s,
            max_pool_connections=MOST_CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": trying.attempts},
            signature_version="s3v4",  # for signed addresses too, which would be signed in an old way
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if address.endpoint_url else "virtual"},
        ),
    )
    client.meta.events.register("after-call.s3", observe_answer)
    client.meta.events.register("after-call-error.s3", observe_failure)
    client.meta.events.register("after-call.s3", refuse_pages)
    return client


def observe_answer(http_response: "AWSResponse", model: "OperationModel", parsed: "Parsed", **others: object) -> None:
    metadata = parsed.get("ResponseMetadata", {})
    status = http_response.status_code
    tell(RequestMade(model.name, status >= SERVER_AT_FAULT or status == FORBIDDEN, metadata.get("RetryAttempts", 0)))


def observe_failure(event_name: str, **others: object) -> None:
    """The event is called after-call-error.s3.GetObject."""
    tell(RequestMade(event_name.rpartition(".")[2], has_failed=True, retries=0))


def refuse_pages(http_response: "AWSResponse", model: "OperationModel", parsed: "Parsed", **others: object) -> None:
    """Raise StoreFailed where a proxy in between has answered with a page of its own, as if that were success."""
    if http_response.status_code < REFUSED and any(name not in parsed for name in TOLD.get(model.name, ())):
        http_response.raw.close()
        raise StoreFailed(errno.EIO, "Something else answers in the place of the bucket.")


def ask_quickly(address: BucketAddress) -> None:
    """Whether the bucket can be read right now, in less than two seconds. Raises StoreRefused, StoreFailed."""
    with as_os_errors(str(address)):
        client_of(address, is_quick=True).list_objects_v2(Bucket=address.bucket, Prefix=address.prefix, MaxKeys=1)


def try_out(address: BucketAddress) -> None:
    """Whether the keys may do what the program does, and the store knows conditions. Raises StoreRefused, StoreFailed.

    SeaweedFS takes an object for a bucket that isn't there, so the bucket is read first.
    """
    ask_quickly(address)
    client, name = client_of(address), f"{address.prefix}{TRIALS}{uuid4().hex}"
    with as_os_errors(name):
        client.put_object(Bucket=address.bucket, Key=name, Body=b"", IfNoneMatch="*")
    try:
        with suppress(FileExistsError), as_os_errors(name):
            client.put_object(Bucket=address.bucket, Key=name, Body=b"", IfNoneMatch="*")
            raise StoreRefused(errno.EIO, "This store ignores If-None-Match, so two writers can't be kept apart.", name)
    finally:
        with as_os_errors(name):
            client.delete_object(Bucket=address.bucket, Key=name)


@contextmanager
def as_os_errors(address: str) -> Iterator[None]:
    """Raises FileNotFoundError, FileExistsError for a condition that was not met, or StoreFailed."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        if code in GONE:
            raise FileNotFoundError(errno.ENOENT, "No such object", address) from error
        if code in TAKEN:
            raise FileExistsError(errno.EEXIST, "Another object is there", address) from error
        if code in SENTENCES:
            raise StoreRefused(errno.EIO, SENTENCES[code], address) from error
        if code in FULL:
            raise StoreFull(errno.ENOSPC, "The bucket is full.", address) from error
        raise StoreFailed(errno.EIO, f"The bucket answered {code or 'with an error'}.", address) from error
    except BotoCoreError as error:
        raise StoreFailed(errno.EIO, f"The bucket can't be reached ({type(error).__name__}).", address) from error
