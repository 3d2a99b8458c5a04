"""Which kind the arriving bytes of uploads are of: that of the store which they go to."""

from library.uploads import in_folder
from library.uploads.arriving import ArrivingBytes


def arriving() -> ArrivingBytes:
    return in_folder
