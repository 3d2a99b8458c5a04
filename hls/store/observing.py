"""Whoever counts the requests to a bucket is told of each. A module of its own, since the bucket's client is large."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class RequestMade:
    """A request to a bucket that was answered, or given up."""

    operation: str  # as S3 calls it: "GetObject"
    has_failed: bool  # without an answer, or with one that says that the store or the keys are at fault
    retries: int


observers: list[Callable[[RequestMade], None]] = []


def tell(made: RequestMade) -> None:
    for observer in observers:
        observer(made)
