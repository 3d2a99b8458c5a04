"""`manage.py check` in a process of its own, which asks no database: neither the tests' nor its own."""

import subprocess
import sys
from pathlib import Path

from project.env import BASE_DIR
from project.tests.serving import clean_environment
from scripts.test import PRODUCTION


def check_deploy(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", *words],
        cwd=BASE_DIR,
        env=clean_environment(**PRODUCTION | variables),
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_environment_passes_djangos_own_checks_too(tmp_path: Path) -> None:
    ended = check_deploy("--fail-level", "WARNING", DATA_DIR=str(tmp_path))

    assert ended.returncode == 0, ended.stderr
    assert "no issues" in ended.stdout


def test_database_that_is_away_is_asked_once_and_without_a_word(tmp_path: Path) -> None:
    """A pool would try for seconds and log each try, without a chance where nothing listens."""
    ended = check_deploy(DATA_DIR=str(tmp_path), DB_HOST="127.0.0.1", DB_PORT="1")

    assert ended.returncode == 0, ended.stderr
    assert "connect" not in ended.stdout + ended.stderr


def test_template_as_it_is_stops_no_start(tmp_path: Path) -> None:
    """What it sets by default asks for nothing that it leaves out."""
    environment = clean_environment() | {"ENV_FILE": str(BASE_DIR / ".env.template"), "DATA_DIR": str(tmp_path)}
    command = [sys.executable, str(BASE_DIR / "manage.py"), "check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
