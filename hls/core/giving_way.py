"""Makes this process's encoders give way to one that somebody waits for.

Where the kernel shares processors among sessions (autogroups, sched(7); Debian's does), a nice level says nothing to
other sessions, and each encoder has its own. So all of them have equal shares, until this module says it to the kernel.
"""

import os
from collections.abc import Iterator
from pathlib import Path


def give_way(*, nicer_than: int) -> None:
    """Let the nice levels of children that are nicer than that count across sessions for the rest of their lives.

    An ordinary user can't take that back. Each is the leader of its session, as hls.core.process starts them.
    """
    for child in _children():
        try:
            level = os.getpriority(os.PRIO_PROCESS, child)
            if level > nicer_than and os.getsid(child) == child:
                Path(f"/proc/{child}/autogroup").write_text(str(level))
        except OSError:  # it has ended, the kernel has no autogroups, or lets them be set ten times a second only
            continue


def _children() -> Iterator[int]:
    """None on a system without /proc."""
    for children in Path("/proc/self/task").glob("*/children"):
        try:
            yield from map(int, children.read_text().split())
        except OSError:  # the thread has ended
            continue
