"""What make does first: find a Python, and bring the virtual environment up to date."""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from project.env import BASE_DIR
from scripts import install

OLD = '#!/bin/sh\ncase "$*" in -c*) exit 1;; esac\n'


def find_python(*, path: Path, home: Path | None) -> subprocess.CompletedProcess[str]:
    """Look for a Python where there is nothing but `path`, the basic tools, and no network."""
    environment = {"PATH": f"{path}:{path / 'tools'}", "UV_OFFLINE": "1"} | ({"HOME": str(home)} if home else {})
    return subprocess.run(
        ["/bin/sh", BASE_DIR / "scripts" / "find-python"], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with the tools that the script uses, and no Python yet."""
    for tool in ("mktemp", "rm", "sh", "id", "cut"):
        link = tmp_path / "path" / "tools" / tool
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(str(shutil.which(tool)))
    return tmp_path / "path"


def add(path: Path, name: str, script: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_text(script)
    (path / name).chmod(0o755)
    return path / name


def good(name: str) -> str:
    return f"#!/bin/sh\necho /usr/found/{name}\n"


def test_newest_python_of_the_path_is_taken(path: Path, tmp_path: Path) -> None:
    for name in ("python3", "python3.12", "python3.13"):
        add(path, name, good(name))

    assert find_python(path=path, home=tmp_path).stdout == "/usr/found/python3.13\n"


def test_python_that_is_too_old_or_a_shim_without_one_is_passed_over(path: Path, tmp_path: Path) -> None:
    add(path, "python3.13", "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    add(path, "python3", OLD)
    add(tmp_path / ".pyenv/versions/3.11.7/bin", "python3", OLD)
    add(tmp_path / ".pyenv/versions/3.12.1/bin", "python3", good("pyenv-3.12"))

    ended = find_python(path=path, home=tmp_path)

    assert (ended.stdout, ended.stderr) == ("/usr/found/pyenv-3.12\n", "")


def test_python_of_pyenv_is_found_where_the_environment_names_no_home(path: Path, tmp_path: Path) -> None:
    """As under cron and in services."""
    add(tmp_path / ".pyenv/versions/3.13.0/bin", "python3", good("pyenv-3.13"))
    add(path, "getent", f'#!/bin/sh\n[ "$*" = "passwd $(id -u)" ] && echo "me:x:1000:1000::{tmp_path}:/bin/sh"\n')

    ended = find_python(path=path, home=None)

    assert (ended.stdout, ended.stderr) == ("/usr/found/pyenv-3.13\n", "")


def test_this_python_is_good_enough(path: Path, tmp_path: Path) -> None:
    (path / "python3.12").symlink_to(sys.executable)

    ended = find_python(path=path, home=tmp_path)

    assert Path(ended.stdout.strip()).resolve() == Path(sys.executable).resolve()


def test_uv_is_asked_where_there_is_none(path: Path, tmp_path: Path) -> None:
    found = add(tmp_path / "uv-made", "python3.13", good("by-uv"))
    add(path, "uv", f'#!/bin/sh\ncase "$2" in find) echo {found};; esac\n')

    ended = find_python(path=path, home=tmp_path)

    assert ended.stdout == "/usr/found/by-uv\n"
    assert "asking uv" in ended.stderr


def test_one_sentence_says_what_to_install_where_nothing_helps(path: Path, tmp_path: Path) -> None:
    ended = find_python(path=path, home=tmp_path)

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.splitlines()[-1].startswith("Videoflix needs Python 3.12 or newer")


class Checkout:
    """A checkout whose installations are counted instead of done by pip."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.created = 0
        self.installed: list[list[str]] = []
        self.fails = False
        for name, value in {"ROOT": root, "VENV": root / ".venv", "LOG": root / "log"}.items():
            monkeypatch.setattr(install, name, value)
        monkeypatch.setattr(install, "MARKER", root / ".venv" / ".installed.json")
        monkeypatch.setattr(install, "PYTHON", str(root / ".venv" / "python"))
        monkeypatch.setattr(install, "create", self.create)
        monkeypatch.setattr(install, "install", self.install)
        (root / "run.txt").write_text("a==1")
        (root / "dev.txt").write_text("b==1")

    def create(self) -> None:
        self.created += 1
        (self.root / ".venv").mkdir(exist_ok=True)
        (self.root / ".venv" / "python").unlink(missing_ok=True)
        (self.root / ".venv" / "python").symlink_to(sys.executable)

    def install(self, names: list[str], lock: int) -> None:
        if self.fails:
            raise SystemExit("pip has failed")
        self.installed.append(names)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    return Checkout(tmp_path, monkeypatch)


def test_environment_is_built_once(checkout: Checkout) -> None:
    install.main(["run.txt"])
    install.main(["run.txt"])

    assert (checkout.created, checkout.installed) == (1, [["run.txt"]])


def test_half_built_environment_is_built_anew(checkout: Checkout) -> None:
    checkout.fails = True
    with pytest.raises(SystemExit):
        install.main(["run.txt"])
    checkout.fails = False

    install.main(["run.txt"])

    assert (checkout.created, checkout.installed) == (2, [["run.txt"]])


def test_changed_requirements_are_installed_into_what_is_there(checkout: Checkout) -> None:
    install.main(["run.txt"])
    (checkout.root / "run.txt").write_text("a==2")

    install.main(["run.txt"])

    assert (checkout.created, len(checkout.installed)) == (1, 2)


def test_tools_that_fail_to_install_do_not_stop_the_program(checkout: Checkout) -> None:
    install.main(["run.txt"])
    checkout.fails = True
    with pytest.raises(SystemExit):
        install.main(["run.txt", "dev.txt"])

    install.main(["run.txt"])

    assert (checkout.created, checkout.installed) == (1, [["run.txt"]])


def test_environment_whose_python_is_gone_is_built_anew(checkout: Checkout) -> None:
    install.main(["run.txt"])
    (checkout.root / ".venv" / "python").unlink()

    install.main(["run.txt"])

    assert checkout.created == 2


def test_two_at_once_build_it_once(checkout: Checkout, capfd: pytest.CaptureFixture[str]) -> None:
    with (checkout.root / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=install.main, args=(["run.txt"],))
        second.start()
        time.sleep(0.3)
        assert "Waiting for another make" in capfd.readouterr().out
        checkout.create()
        digest = {"run.txt": hashlib.sha256(b"a==1").hexdigest()}
        (checkout.root / ".venv" / ".installed.json").write_text(json.dumps(digest))
    second.join(5)

    assert (checkout.created, checkout.installed) == (1, [])
