"""Waiting for a store that is away, with what was made in hand: to make it again takes longer.

A bucket's client tries again by itself, but for less than a second where nobody answers.
"""

import time
from collections.abc import Callable

import structlog

from hls import renewal
from hls.store.interface import StoreFailed, StoreRefused

log = structlog.get_logger("videoflix.hls")

LONGEST_S = 300.0
FIRST_PAUSE_S = 1.0  # each pause is twice as long as the one before it
LONGEST_PAUSE_S = 5.0  # less than the shortest lease


def patiently(do: Callable[[], None], *, go_on: Callable[[], None]) -> None:
    """Do what can be done again, until the store doesn't fail. Raises its error after LONGEST_S, StoreRefused at once.

    `go_on` is called after each pause; it renews the claim, or raises Stopped.
    """
    gives_up_at, pause_s = time.monotonic() + LONGEST_S, FIRST_PAUSE_S
    while True:
        try:
            return do()
        except StoreRefused:
            raise
        except StoreFailed as error:
            if time.monotonic() >= gives_up_at:
                raise
            log.warning("store failed", reason=error.strerror)
        renewal.stopping.wait(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        go_on()
