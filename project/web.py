"""gunicorn's configuration: `gunicorn --config python:project.web project.wsgi`."""

import ctypes
import gc
import os
import resource
import shutil
import tempfile
import threading
from typing import Any

from gunicorn.glogging import Logger

from hls.core.launcher import die_with
from project import env as environment
from project import listening
from project.logs import log_unhandled, logging_config

_env = environment.load()


class ErrorsOnly(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log without a line for each request: the application writes that line, with more in it.

    With a `logconfig_dict` gunicorn would still collect each request and response in a dictionary that nobody reads.
    """

    access_log_enabled = False


bind = [f"{listening.bracketed(address)}:{_env.port}" for address in listening.addresses(_env.host)]
workers = _env.web_workers
IDLE_CONNECTIONS = 1000
SPARE_FILES = 100  # databases, logs, counters


def files_for(wanted: int) -> int:
    """How many files each process may have open, after asking the system for that many; the usual limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in (soft, hard):
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


threads = _env.web_threads  # each client that is being sent something has one, and most of them only wait
# A client that is being sent a segment takes two files; at the limit a process would end instead of waiting.
worker_connections = max(threads + 1, files_for(IDLE_CONNECTIONS + 2 * threads + SPARE_FILES) - threads - SPARE_FILES)
worker_class = "project.threads.StayingWorker"
timeout = 60
graceful_timeout = 15
keepalive = 15
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 (heartbeats, not on a disk)
# Django alone decides which forwarded headers count (USE_X_FORWARDED_PROTO). gunicorn ignores them all, so it need not
# check who sends them.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
forwarded_allow_ips = "*"
logger_class = ErrorsOnly
logconfig_dict = logging_config(level=_env.log_level, as_json=not _env.debug)
_metrics_folder = ""

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # <malloc.h>
LARGE_BYTES = 1_000_000
ARENAS = 2


def give_memory_back() -> None:
    """Let the C library return large blocks to the system at once, however many threads there are.

    By itself glibc goes over to keeping them after the first one that is freed, one for each of the arenas that it
    makes for threads: with hundreds of threads that is Argon2's 19 MiB many times over. Other C libraries don't.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        library.mallopt(M_ARENA_MAX, ARENAS)


give_memory_back()  # the web processes are forked from this one


def on_starting(server: Any) -> None:
    """Make the folder in which the web processes add up their counters, before any of them counts."""
    global _metrics_folder
    _metrics_folder = tempfile.mkdtemp(prefix="videoflix-metrics-")
    environment.share_metrics(_metrics_folder)


def post_fork(server: Any, worker: Any) -> None:
    """Load the program without looking for garbage, of which there is none yet; see project/apps.py.

    If gunicorn is killed, its processes are at once: by themselves they would end their requests, and keep the port
    from the next gunicorn until then.
    """
    gc.disable()
    die_with(worker.ppid)


def post_worker_init(worker: Any) -> None:
    """Spare the garbage collector what the program is made of, which stays as long as the process does.

    What ends a thread goes to the log, as one line.
    """
    gc.collect()
    gc.freeze()
    threading.excepthook = log_unhandled


def on_exit(server: Any) -> None:
    shutil.rmtree(_metrics_folder, ignore_errors=True)
