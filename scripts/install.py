"""Bring `.venv` up to the locked requirements named on the command line; quick when nothing is to do.

    python scripts/install.py requirements.txt [requirements-dev.txt]

A virtual environment counts as built once `.venv/.installed.json` says which files it was built from. That file is
written last, so that whatever was interrupted half-way is built anew, and two of these never work at once.
"""

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")
MARKER = VENV / ".installed.json"
LOG = ROOT / ".venv.log"


def main(names: list[str]) -> None:
    wanted = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in names}
    if is_current(wanted):
        return
    with alone() as lock:
        if is_current(wanted):
            return
        installed = read_marker() if python_works() else None
        if installed is None:
            create()
        kept = {name: digest for name, digest in (installed or {}).items() if wanted.get(name) == digest}
        write_marker(kept)  # adding the tools can't harm what runs, so a failure there leaves `make run` as it is
        install(names, lock)
        write_marker(kept | wanted)
        LOG.unlink(missing_ok=True)


def is_current(wanted: dict[str, str]) -> bool:
    installed = read_marker()
    return installed is not None and wanted.items() <= installed.items() and python_works()


def read_marker() -> dict[str, str] | None:
    """What `.venv` was built from, or None for one that is missing or was never finished."""
    try:
        content = json.loads(MARKER.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_marker(installed: dict[str, str]) -> None:
    """In one step; an environment of which nothing is known to be complete has no marker."""
    if not installed:
        MARKER.unlink(missing_ok=True)
        return
    draft = MARKER.with_suffix(".new")
    draft.write_text(json.dumps(installed))
    draft.replace(MARKER)


def python_works() -> bool:
    """False for an environment whose Python has been uninstalled, or that came from another machine."""
    try:
        return subprocess.run([PYTHON, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@contextmanager
def alone() -> Iterator[int]:
    """Hold the lock of this checkout; the system lets go of it once this process and its pip have ended."""
    with (ROOT / ".venv.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another make that is installing …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def create() -> None:
    if VENV.exists():
        say("The virtual environment .venv is unfinished or broken; building it anew.")
        shutil.rmtree(VENV)
    say(f"Creating .venv with Python {sys.version.split()[0]} …")
    venv.create(VENV, with_pip=True)


def install(names: list[str], lock: int) -> None:
    pins = sum(len(re.findall(r"^[a-z0-9][^\n]*==", (ROOT / name).read_text(), re.MULTILINE)) for name in names)
    say(f"Installing {pins} locked packages; the first time this takes about a minute …")
    files = [part for name in names for part in ("-r", str(ROOT / name))]
    command = [PYTHON, "-m", "pip", "install", "--require-hashes", "--no-input", "--disable-pip-version-check", *files]
    began = time.monotonic()
    with (
        LOG.open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, pass_fds=(lock,)) as pip,
    ):
        assert pip.stdout is not None
        for line in pip.stdout:
            log.write(line)
            show_progress(line.strip())
        code = pip.wait()
    if code:
        errors = [line for line in LOG.read_text().splitlines() if line.startswith("ERROR")][-3:]
        raise SystemExit(
            "\n".join(errors) + f"\nThe dependencies could not be installed: is PyPI reachable? "
            f"pip's whole output is in {LOG.name}; run make again to go on."
        )
    say(f"Installed in {time.monotonic() - began:.0f} s.")


def show_progress(line: str) -> None:
    """One line that changes in place, on a terminal only."""
    if sys.stdout.isatty() and line.startswith(("Collecting", "Downloading", "Installing")):
        print(f"\r\033[K  {line[:76]}", end="" if not line.startswith("Installing") else "\r\033[K", flush=True)


def say(sentence: str) -> None:
    print(sentence, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        raise SystemExit("\nStopped; run make again to go on.") from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f".venv can't be built: {error}.") from None
