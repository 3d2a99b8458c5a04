"""Several requests to a store at once, since each mostly waits."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

AT_ONCE = 8  # requests; a chunk of three renditions has about fifteen files
TICK_S = 1.0  # how often somebody who waits for them is called


def each[Item, Result](
    do: Callable[[Item], Result],
    items: Iterable[Item],
    go_on: Callable[[], None] = lambda: None,
    *,
    is_over: threading.Event | None = None,
) -> list[Result]:
    """Some at once; the results in the items' order. Raises the first error once all that has begun is over.

    `go_on` is called meanwhile, in this thread, and may raise as well. `is_over` is set where something was raised, so
    that those which look at it end sooner.
    """
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        begun = [pool.submit(do, item) for item in items]
        left = set(begun)
        try:
            while left:
                done, left = wait(left, timeout=TICK_S, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                go_on()
        finally:
            if is_over and left:
                is_over.set()
            for future in left:
                future.cancel()
        return [future.result() for future in begun]
