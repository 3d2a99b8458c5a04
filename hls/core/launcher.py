"""Sets limits on its own process, then becomes the real command. hls.core.process starts every program through it.

    python -I -S launcher.py '123 10 AS=1000000' ffmpeg …

The first word is the parent's process id, the second a niceness to be added, all others are limits. It is a separate
program because `preexec_fn` isn't safe in a process with threads. It imports nothing of the project, and nothing that
takes long to import: each ffmpeg waits for it.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
ORPHANED = 86
CPU_GRACE_S = 5  # between SIGXCPU, which says why, and SIGKILL, which anybody could have sent


def main() -> None:
    parent, nice, *limits = sys.argv[1].split()
    die_with(int(parent))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for named in limits:
        name, _, told = named.partition("=")
        kind, wanted = getattr(resource, f"RLIMIT_{name}"), int(told)
        _, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        grace = CPU_GRACE_S if name == "CPU" and hard == resource.RLIM_INFINITY else 0
        resource.setrlimit(kind, (limit, limit + grace))
    os.nice(int(nice))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 — no shell is wanted


def spec(*, nice: int = 0, **limits: int | None) -> str:
    """The first argument of a launcher that this process starts; limits by resource's names, as `AS`."""
    named = (f"{name}={limit}" for name, limit in limits.items() if limit is not None)
    return " ".join([str(os.getpid()), str(nice), *named])


def die_with(parent: int) -> None:
    """Let the system kill this process as soon as its parent is gone, where it can do that: on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above could take effect
            sys.exit(ORPHANED)


if __name__ == "__main__":
    main()
