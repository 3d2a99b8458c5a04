"""What docs/architecture.md and the README's tree name is there."""

import re
from pathlib import Path

import pytest

from project.env import BASE_DIR

ARCHITECTURE = (BASE_DIR / "docs" / "architecture.md").read_text()
PATH = re.compile(r"`((?:[\w.]+/)+[\w.]*|\w+\.py)`")


def rooms() -> set[str]:
    """The folders of the four apps that Python modules are in, tests and migrations aside."""
    apps = ("project", "accounts", "library", "hls", "watch")
    found = {path.parent.relative_to(BASE_DIR) for app in apps for path in (BASE_DIR / app).rglob("*.py")}
    left_out = {"tests", "migrations", "management", "commands", "sqlite", "postgresql", "formats"}
    return {f"{room}/" for room in found if not left_out & set(room.parts)}


@pytest.mark.parametrize("path", sorted(set(PATH.findall(ARCHITECTURE))))
def test_path_in_the_architecture_is_there(path: str) -> None:
    assert (BASE_DIR / path).exists()


def test_architecture_names_every_room() -> None:
    assert rooms() <= set(PATH.findall(ARCHITECTURE))


def test_tree_in_the_readme_names_what_is_there() -> None:
    [tree] = re.findall(r"## Where things are\n\n```\n(.*?)```", (BASE_DIR / "README.md").read_text(), re.DOTALL)
    named = re.findall(r"(?:^|(?<=  ))([\w.]+(?:/[\w]+)*/)(?= )", tree, re.MULTILINE)
    assert len(named) >= 8
    assert [name for name in named if not Path(BASE_DIR / name).is_dir()] == []
