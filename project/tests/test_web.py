"""gunicorn's configuration: what the web processes inherit from it."""

import platform
import subprocess
import sys

import pytest
from django.conf import settings

HASHING = """
import threading
from pathlib import Path
from argon2 import PasswordHasher
import project.web

THREADS = 8
turn, begun = threading.Lock(), threading.Barrier(THREADS)
hasher = PasswordHasher(memory_cost=19 * 1024, time_cost=1, parallelism=1)


def anonymous_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("RssAnon"))


def sign_in():
    begun.wait()
    with turn:
        hasher.hash("a quiet river at 5")
    begun.wait()


before = anonymous_mb()
threads = [threading.Thread(target=sign_in) for _ in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(anonymous_mb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps a block for each of many arenas")
def test_sign_ins_in_many_threads_leave_no_memory_behind() -> None:
    """Argon2 takes 19 MiB each time; kept by every thread's arena, that would be hundreds of megabytes."""
    command = [sys.executable, "-c", HASHING]
    found = subprocess.run(command, cwd=settings.BASE_DIR, check=True, capture_output=True, text=True)
    assert float(found.stdout) < 19


LOADING = """
import gc
import os
from types import SimpleNamespace
import project.web

project.web.post_fork(None, SimpleNamespace(ppid=os.getppid()))
was_put_off = not gc.isenabled()
import project.wsgi
project.web.post_worker_init(None)
print(was_put_off, gc.isenabled(), gc.get_freeze_count() > 100_000)
"""
STARTED = "import gc; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"


@pytest.mark.parametrize(
    ("command", "said"),
    [(["-c", LOADING], "True True True"), (["manage.py", "shell", "--no-imports", "-c", STARTED], "True True")],
    ids=["gunicorn", "manage.py"],
)
def test_garbage_is_looked_for_once_the_program_is_loaded(command: list[str], said: str) -> None:
    told = subprocess.run([sys.executable, *command], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == said
