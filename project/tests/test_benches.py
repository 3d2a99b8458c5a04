"""The programs of bench/: they are run by hand, and use what tests use."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

LOADING = """
import os, runpy, sys, traceback

for path in sys.argv[1:]:
    child = os.fork()
    if child:
        if os.waitpid(child, 0)[1]:
            print(f"{os.path.basename(path)}: its process was killed", flush=True)
        continue
    sys.path.insert(0, os.path.dirname(path))
    try:
        runpy.run_path(path, run_name="loaded")
    except BaseException as error:
        print(f"{os.path.basename(path)}: {traceback.format_exception_only(error)[-1].strip()}", flush=True)
    os._exit(0)
"""


def test_every_bench_can_be_loaded(tmp_path: Path) -> None:
    """Each in a process that has loaded nothing of Django before, as its command does."""
    benches = sorted(map(str, (settings.BASE_DIR / "bench").glob("*.py")))
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", LOADING, *benches],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert benches
    assert told.stdout + told.stderr == ""
