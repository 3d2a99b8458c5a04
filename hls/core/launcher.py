"""Sets limits on its own process, then becomes the real command. hls.core.process starts every program through it.

    python -I -S launcher.py '{"parent": 123, "nice": 10, "limits": {"AS": 1000000}}' ffmpeg …

It is a separate program because `preexec_fn` isn't safe in a process with threads. It imports nothing of the project.
"""

import ctypes
import json
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
ORPHANED = 86
CPU_GRACE_S = 5  # between SIGXCPU, which says why, and SIGKILL, which anybody could have sent


def main() -> None:
    spec = json.loads(sys.argv[1])
    die_with(spec["parent"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, wanted in spec["limits"].items():
        kind = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        grace = CPU_GRACE_S if name == "CPU" and hard == resource.RLIM_INFINITY else 0
        resource.setrlimit(kind, (limit, limit + grace))
    os.nice(spec["nice"])
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 — no shell is wanted


def die_with(parent: int) -> None:
    """Let the system kill this process as soon as its parent is gone, where it can do that: on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above could take effect
            sys.exit(ORPHANED)


if __name__ == "__main__":
    main()
