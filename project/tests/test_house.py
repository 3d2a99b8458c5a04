"""The house rules, read from the source: which app may import which, and which files may use which tools."""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from django.urls import reverse

import video_paths
from project.env import BASE_DIR

MAY_IMPORT = {
    "project": {"project", "accounts", "library", "hls", "watch"},
    "accounts": {"accounts"},
    "library": {"library", "hls"},
    "hls": {"hls"},
    "watch": {"watch"},
}
PURE = ("hls/core/", "hls/conformance/", "hls/store/")  # plain Python: usable and testable without Django
PURE_MAY_USE = {"av"}  # beside the standard library; probing runs it in a child of its own
WINGS_MAY_USE = {"hls/core/subtitles/": {"langcodes"}, "hls/store/": {"boto3", "botocore", "types_boto3_s3"}}
FLOORS = ("formats", "", "inspection", "encoding", "sampling", "subtitles")  # of hls/core/, lowest first
LOOKED_UP_ABOVE = {("hls/core/multivariant.py", "subtitles")}  # the names of languages
LONGEST_FUNCTION, LONGEST_FILE = 50, 300
MOST_MODULES = 40  # in one folder: a room is seen on one screen

# Module or dotted name -> the files that may use it
KEPT_IN = {
    "ninja": re.compile(
        r"accounts/(api|schemas|auth|me/api|me/schemas)\.py"
        r"|library/((uploads|tracks|watching|writing|grants|webhooks)/)?(api|schemas|openapi|parameters)\.py"
        r"|project/(api|edge|schema|upload_grants|health/api|personal/api)\.py"
    ),
    "ninja_jwt": re.compile(r"accounts/tokens\.py"),
    "huey": re.compile(r"\w+/(webhooks/)?tasks\.py|project/management/commands/worker\.py|project/health/probes\.py"),
    "subprocess": re.compile(r"hls/core/process\.py|project/supervisor\.py"),
    "os.environ": re.compile(r"project/env\.py|project/wsgi\.py"),  # wsgi.py only names the settings module
    "os.getenv": re.compile(r"project/env\.py"),
    "http.client": re.compile(
        r"library/(outgoing/connection|fetching/(bringing|offers)|webhooks/posting|management/commands/check_hls)\.py"
        r"|project/supervisor\.py"
    ),
    "requests": re.compile(r"accounts/single_sign_on/provider_requests\.py"),  # django-allauth's
}

PROGRAMS = ("bench", "scripts")  # beside the apps
# Names that several classes may have: Django looks for Command; both apps' APIs describe one Detail and one FieldErrors
SHARED_CLASS_NAMES = {"Command", "DatabaseWrapper", "Detail", "FieldErrors"}


@dataclass(frozen=True)
class Module:
    """A file, which is read once a test looks into it: each process of tests comes by here, and one of them tests."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def name(self) -> str:
        return self.path.relative_to(BASE_DIR).as_posix()

    @property
    def app(self) -> str:
        return self.name.partition("/")[0]

    @property
    def is_pure(self) -> bool:
        return self.name.startswith(PURE)


def modules() -> Iterator[Module]:
    for app in MAY_IMPORT:
        for path in sorted((BASE_DIR / app).rglob("*.py")):
            parts = path.relative_to(BASE_DIR).parts
            if not {"tests", "migrations"} & set(parts) and not path.name.startswith(("test_", "conftest")):
                yield Module(path)


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not used"
            yield f"{node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def used_names(tree: ast.AST) -> Iterator[str]:
    """Dotted names such as os.environ, as imported or as written."""
    yield from imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


MODULES = list(modules())
STYLES_AND_SCRIPTS = [
    path
    for app in MAY_IMPORT
    for path in sorted((BASE_DIR / app / "static").rglob("*"))
    if path.suffix in (".css", ".js") and "vendor" not in path.parts
]


def test_modules_are_found() -> None:
    assert {module.app for module in MODULES} == set(MAY_IMPORT)
    assert any(module.is_pure for module in MODULES)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_imports_go_downwards_only(module: Module) -> None:
    """project -> accounts, library -> hls; accounts and library don't import each other, hls neither, watch nobody."""
    ours = {name.partition(".")[0] for name in imported(module.tree)} & set(MAY_IMPORT)

    assert ours <= MAY_IMPORT[module.app]


def test_core_and_checker_need_neither_django_nor_the_app_around_them() -> None:
    for module in MODULES:
        if module.is_pure:
            wings = (libraries for wing, libraries in WINGS_MAY_USE.items() if module.name.startswith(wing))
            allowed = sys.stdlib_module_names.union(PURE_MAY_USE, *wings)
            for name in imported(module.tree):
                is_ours = f"{name.replace('.', '/')}/".startswith(PURE)
                assert is_ours or name.partition(".")[0] in allowed, f"{module.name} imports {name}"


def test_core_does_not_import_its_checker() -> None:
    for module in MODULES:
        if module.name.startswith("hls/core/"):
            assert not [name for name in imported(module.tree) if name.startswith("hls.conformance")], module.name


def test_wings_of_the_core_import_downwards_only() -> None:
    wings = {path.name for path in (BASE_DIR / "hls" / "core").iterdir() if (path / "__init__.py").exists()}
    assert {*wings, ""} == set(FLOORS)

    def wing(dotted: str) -> str:
        first = dotted.removeprefix("hls.core.").partition(".")[0]
        return first if first in wings else ""

    upwards = {
        (module.name, wing(name))
        for module in MODULES
        if module.name.startswith("hls/core/")
        for name in imported(module.tree)
        if name.startswith("hls.core.")
        if FLOORS.index(wing(name)) > FLOORS.index(wing(module.name.replace("/", ".")))
    }

    assert upwards == LOOKED_UP_ABOVE


def test_every_room_is_seen_on_one_screen() -> None:
    rooms = Counter(module.path.parent for module in MODULES if module.path.name != "__init__.py")

    assert {str(room): count for room, count in rooms.items() if count > MOST_MODULES} == {}


@pytest.mark.parametrize("tool", KEPT_IN)
def test_tool_is_used_only_where_it_may_be(tool: str) -> None:
    def uses(module: Module) -> bool:
        return any(name == tool or name.startswith(f"{tool}.") for name in used_names(module.tree))

    users = {module.name for module in MODULES if uses(module)}

    assert {name for name in users if not KEPT_IN[tool].fullmatch(name)} == set()


def test_no_import_hides_in_a_function() -> None:
    for module in MODULES:
        for function in functions(module.tree):
            hidden = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            assert not hidden, f"{module.name}:{hidden[0].lineno}" if hidden else ""


def test_functions_and_files_stay_readable() -> None:
    too_long = [
        f"{module.name}:{function.lineno} {function.name}: {length} lines"
        for module in MODULES
        for function in functions(module.tree)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    ]
    too_long += [module.name for module in MODULES if len(module.text.splitlines()) > LONGEST_FILE]

    assert too_long == []


def test_styles_and_scripts_stay_readable() -> None:
    assert {path.suffix for path in STYLES_AND_SCRIPTS} == {".css", ".js"}
    lengths = {path.relative_to(BASE_DIR).as_posix(): len(path.read_text().splitlines()) for path in STYLES_AND_SCRIPTS}

    assert [name for name, length in lengths.items() if length > LONGEST_FILE] == []


def test_no_except_catches_everything() -> None:
    for module in MODULES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler):
                caught = "everything" if node.type is None else ast.unparse(node.type)
                assert caught not in ("everything", "Exception", "BaseException"), f"{module.name}:{node.lineno}"


def test_no_server_loads_the_libraries_that_parse_hostile_files() -> None:
    """Only programs of their own, with limits, do: a file that crashes a parser must not crash web or worker."""
    code = "import sys, project.wsgi, hls.tasks; print('av' in sys.modules)"
    environment = {"ENV_FILE": "", "DATA_DIR": os.environ["DATA_DIR"], "DJANGO_SETTINGS_MODULE": "project.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_names_say_what_a_module_is() -> None:
    vague = re.compile(r"(utils?|helpers?|common|managers?|misc)\.py|(handle|process)_\w+\.py")

    assert [module.name for module in MODULES if vague.fullmatch(module.path.name)] == []


def test_every_class_has_a_name_of_its_own() -> None:
    files: dict[str, list[str]] = {}
    programs = [path for folder in PROGRAMS for path in sorted((BASE_DIR / folder).glob("*.py"))]
    for path in [*(module.path for module in MODULES), *programs]:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name not in SHARED_CLASS_NAMES:
                files.setdefault(node.name, []).append(path.relative_to(BASE_DIR).as_posix())

    assert {name: found for name, found in files.items() if len(found) > 1} == {}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_address_of_a_video_is_spelled_in_one_module_alone() -> None:
    """Others call video_paths. Examples in the API's documentation name a host."""
    spelled = re.compile(r"/?api/(video|play)/")
    found = {
        module.name
        for module in [*MODULES, Module(BASE_DIR / "video_paths.py")]
        for text in strings(module.tree)
        if spelled.search(text) and not text.startswith("https://api.example.com/")
    }

    assert found == {"video_paths.py"}


def test_address_of_a_video_needs_no_app() -> None:
    assert set(imported(ast.parse((BASE_DIR / "video_paths.py").read_text()))) <= sys.stdlib_module_names


def test_edge_and_api_mean_the_same_videos() -> None:
    """nginx's copy of the address, and the routes that lead to the views."""
    template = (BASE_DIR / "deploy" / "nginx.conf.template").read_text()
    spelled = set(re.findall(r"\^(/api/video/\(\?<video>[^)]+\)/)", template))
    assert spelled == {f"{video_paths.VIDEOS}(?<video>{video_paths.ID})/"}
    assert f"/video/{video_paths.ID}/" in template
    assert reverse("api:get_video", args=[7]) == video_paths.folder(7)
    assert reverse("api:get_storyboard", args=[7]) == video_paths.file(7, "storyboard.vtt")
    assert reverse("api:get_thumbnail", args=[7]) == video_paths.thumbnail(7, None)


def strings(tree: ast.Module) -> Iterator[str]:
    """Every text in the code, parts of f-strings too, but no docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
