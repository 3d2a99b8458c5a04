"""What a process remembers is found in the source, and has to stand in the table of `project/memories.py`."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from operator import attrgetter

import pytest

from hls.binary import ffmpeg_path
from project import memories
from project.env import BASE_DIR
from project.memories import CONSTANTS, MEMORIES, ConstantMemory, ProcessMemory
from project.tests.test_house import MODULES, Module

DECORATORS = {"cache", "lru_cache", "cached", "cachedmethod"}
DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
CONTAINERS = re.compile(r"dict|list|set|deque|defaultdict|OrderedDict|Counter|\w+Cache|Weak\w+(Dictionary|Set)")
CHANGES = {
    *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft"),
    *("remove", "setdefault", "update"),
}


def name_of(node: ast.AST) -> str:
    """The last name of what is called, read or defined: "lru_cache" for `functools.lru_cache(maxsize=8)`."""
    match node:
        case ast.Call(func=inner):
            return name_of(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.FunctionDef(name=name):
            return name
        case _:
            return ""


def is_container(value: ast.AST | None) -> bool:
    return isinstance(value, DISPLAYS) or (
        isinstance(value, ast.Call) and CONTAINERS.fullmatch(name_of(value)) is not None
    )


def assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield target, value


def changed_in_functions(tree: ast.Module) -> set[str]:
    """Names of which a function changes the content."""
    changed = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                match node:
                    case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                        changed.add(name)
                    case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in CHANGES:
                        changed.add(name)
    return changed


def is_about_threads(node: ast.AST) -> bool:
    """Threads at work are no memory."""
    return isinstance(node, ast.AnnAssign) and "threading.Thread" in ast.unparse(node.annotation)


def remembering_classes(tree: ast.Module) -> set[str]:
    """Classes of which an instance keeps a container, or changes itself after it was made."""
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for method in node.body
        for part in ast.walk(method)
        for target, value in assigned(part)
        if isinstance(target, ast.Attribute) and name_of(target.value) == "self"
        if is_container(value) or name_of(method) != "__init__"
    }


def remembered_in(tree: ast.Module) -> Iterator[str]:
    """The names of a module's memories."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name, decorator_list=marks) if DECORATORS & set(map(name_of, marks)):
                yield name
    changed, classes = changed_in_functions(tree), remembering_classes(tree)
    for node in tree.body:
        for target, value in assigned(node):
            kind = name_of(value) if isinstance(value, ast.Call) else ""
            is_changed = is_container(value) and (name_of(target) in changed or kind.endswith("Cache"))
            if (is_changed and not is_about_threads(node)) or kind in DECORATORS | classes:
                yield name_of(target)


def found_in(module: Module) -> set[str]:
    dotted = module.name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    return {f"{dotted}:{name}" for name in remembered_in(module.tree)}


def test_every_memory_of_the_program_stands_in_the_table() -> None:
    found = {name for module in MODULES for name in found_in(module)}

    assert found == {entry.name for entry in (*MEMORIES, *CONSTANTS)}


@pytest.mark.parametrize(
    "source",
    [
        "@cache\ndef kept(): ...",
        "@functools.lru_cache(maxsize=8)\ndef kept(): ...",
        "@cached(LRUCache(8))\ndef kept(): ...",
        "class Owner:\n    @cache\n    def kept(self): ...",
        "kept = cache(len)",
        "kept = lru_cache(maxsize=8)(len)",
        "kept: dict[int, int] = {}\ndef look():\n    kept[1] = 2",
        "kept = set()\ndef look():\n    kept.add(1)",
        "KEPT = kept = dict()\ndef look():\n    kept.setdefault(1, 2)",
        "kept = TTLCache(8, 60)",
        "class Memory:\n    def __init__(self):\n        self._of: dict[int, int] = {}\nkept = Memory()",
        "class Memory:\n    def look(self):\n        self._newest = 1\nkept = Memory()",
    ],
)
def test_a_memory_is_found_however_it_is_kept(source: str) -> None:
    assert list(remembered_in(ast.parse(source))) == ["kept"]


@pytest.mark.parametrize(
    "source",
    [
        "NAMES = {1: 2}\ndef look():\n    return NAMES[1]",
        "def look():\n    own = {}\n    own[1] = 2",
        "class Value:\n    @cached_property\n    def length(self): ...",
        "hands: list[threading.Thread] = []\ndef work():\n    hands.append(1)",
        "@dataclass(frozen=True)\nclass Value:\n    number: int\nONE = Value(1)",
    ],
)
def test_what_is_no_memory_is_not_taken_for_one(source: str) -> None:
    assert list(remembered_in(ast.parse(source))) == []


@pytest.mark.parametrize("memory", MEMORIES, ids=lambda memory: memory.name)
def test_a_memory_can_be_emptied(memory: ProcessMemory) -> None:
    module = import_module(memory.owner)

    assert callable(attrgetter(memory.forgotten_by.partition(":")[2])(module))
    memory.forget()


@pytest.mark.parametrize("entry", [*MEMORIES, *CONSTANTS], ids=lambda entry: entry.name)
def test_a_memory_without_a_limit_of_its_own_says_what_limits_it(entry: ProcessMemory | ConstantMemory) -> None:
    module, _, name = entry.name.partition(":")
    parameters = getattr(getattr(import_module(module), name), "cache_parameters", None)
    limit = parameters()["maxsize"] if parameters else None

    assert entry.bound
    assert limit is None or f"{limit:,}" in entry.bound


def test_nothing_is_remembered_once_everything_is_forgotten() -> None:
    ffmpeg_path()
    assert ffmpeg_path.cache_info().currsize == 1

    memories.forget_everything()

    assert ffmpeg_path.cache_info().currsize == 0


def test_architecture_tells_of_every_memory() -> None:
    rows = re.findall(r"^\| `([\w.]+:\w+)` \|(.*)\|$", (BASE_DIR / "docs/architecture.md").read_text(), re.MULTILINE)
    told = {name: tuple(cell.strip() for cell in cells.split("|")) for name, cells in rows}

    assert told == {
        entry.name: (entry.remembers, entry.lifetime, entry.bound, entry.invalidated_by) for entry in MEMORIES
    } | {entry.name: (entry.remembers, entry.bound) for entry in CONSTANTS}
