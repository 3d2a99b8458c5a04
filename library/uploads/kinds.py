"""Which kind the arriving bytes of uploads are of: that of the store which they go to."""

from importlib import import_module
from typing import cast

from hls import stores
from library.uploads import in_folder
from library.uploads.arriving import ArrivingBytes

IN_BUCKET = "library.uploads.in_bucket"  # named, since a bucket's client takes 25 MB of memory in each process


def arriving() -> ArrivingBytes:
    return in_folder if stores.bucket_of_uploads() is None else cast(ArrivingBytes, import_module(IN_BUCKET))
