"""A shell of the program that stays open: what is asked of it costs no start of the program each time."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings

# Each piece is run as in a program of its own: nothing is remembered of the one before, and no connection stays open.
LOOP = """
import contextlib, io, json, sys, traceback
from django.db import connections
from project import memories
answers = sys.stdout
for line in sys.stdin:
    said, error = io.StringIO(), None
    try:
        with contextlib.redirect_stdout(said):
            exec(json.loads(line), {"__name__": "__main__"})
    except BaseException:
        error = traceback.format_exc()
    memories.forget_everything()
    connections.close_all()
    print(json.dumps([said.getvalue(), error]), file=answers, flush=True)
"""


class Console:
    """It is started with the first piece of code; `environment` is all that the program gets to know."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.process: subprocess.Popen[str] | None = None

    def run(self, code: str) -> str:
        """What this Python prints; an exception of it fails the test."""
        process = self.process = self.process or self.start()
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(code) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, f"it has ended with {process.wait(30)}"
        said, error = json.loads(answer)
        assert error is None, error
        return str(said)

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", LOOP],
            cwd=settings.BASE_DIR,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self) -> None:
        if self.process is not None:
            with self.process as process:  # it ends with its input
                assert process.stdin
                process.stdin.close()


@contextmanager
def console(environment: Mapping[str, str]) -> Iterator[Console]:
    opened = Console(environment)
    try:
        yield opened
    finally:
        opened.end()
