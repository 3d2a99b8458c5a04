"""A clone made on Windows, where Git turns line ends into CRLF, starts like any other."""

import subprocess
from pathlib import Path

import pytest

from project.env import BASE_DIR

pytestmark = pytest.mark.skipif(not (BASE_DIR / ".git").exists(), reason="no clone, but unpacked files")

STARTED_BY_NAME = ("Makefile", "Dockerfile", "deploy/entrypoint", "scripts/find-python", ".ci/run", ".env.template")


def run(*command: str, folder: Path = BASE_DIR) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows") / "videoflix"
    run("git", "clone", "--quiet", "--depth=1", "--config=core.autocrlf=true", BASE_DIR.as_uri(), str(folder))
    return folder


def test_no_file_of_a_clone_made_with_autocrlf_has_crlf(clone: Path) -> None:
    ends = [line.split()[1] for line in run("git", "ls-files", "--eol", folder=clone).splitlines()]

    assert set(ends) <= {"w/lf", "w/none", "w/-text"}
    for name in STARTED_BY_NAME:
        assert b"\r" not in (clone / name).read_bytes(), name


def test_make_run_and_the_container_start_from_such_a_clone(clone: Path) -> None:
    assert "manage.py serve" in run("make", "--dry-run", "run", folder=clone)
    assert Path(run("scripts/find-python", folder=clone).strip()).exists()
    assert run("deploy/entrypoint", "echo", "one two", folder=clone) == "one two\n"
