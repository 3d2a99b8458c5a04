"""Writes the clients from the API's schema into clients/: what `make clients` does.

    .venv/bin/python -m scripts.clients [FOLDER]

Of clients/ the descriptions of both packages are kept in the repository, and what is made of the schema is not. The
TypeScript client needs npm. FOLDER gets a copy of clients/ to work in instead.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = ROOT / "clients"
MADE = ("node_modules", "dist", "generated", "videoflix_client")  # by an earlier run
# What openapi-python-client is told of kinds of content that it does not know
KINDS = {
    **dict.fromkeys(("video/MP2T", "image/jpeg", "application/offset+octet-stream"), "application/octet-stream"),
    "application/vnd.apple.mpegurl": "text/plain",
}
# What it writes, and what is written instead: an answer without a body is None, and a status is any number. Uploads
# answer 460, which Python's HTTPStatus does not know.
MENDED = (
    (re.compile(r"cast\(Any, None\)"), "None"),
    (re.compile(r"\bAny \| | \| Any\b"), ""),
    (re.compile(r"HTTPStatus\(response\.status_code\)"), "response.status_code"),
    (re.compile(r"status_code: HTTPStatus"), "status_code: int"),
)


def schema() -> dict[str, Any]:
    """The schema, as the server tells it at /api/openapi.json."""
    program = "import json; from project.api import api; print(json.dumps(api.get_openapi_schema(path_prefix='/api/')))"
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"ENV_FILE": "", "DATA_DIR": folder}
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", program]
        said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(said.stdout)
    return made


def write_python(folder: Path, schema_path: Path) -> None:
    """The package `videoflix_client`, by openapi-python-client."""
    package = folder / "videoflix_client"
    shutil.rmtree(package, ignore_errors=True)
    config = schema_path.with_name("python.json")
    config.write_text(json.dumps({"content_type_overrides": KINDS, "literal_enums": True, "post_hooks": []}))
    tool = Path(sys.executable).with_name("openapi-python-client")
    options = ["--meta", "none", "--fail-on-warning", "--config", str(config), "--output-path", str(package)]
    run([str(tool), "generate", "--path", str(schema_path), *options], folder)
    for module in (*(package / "api").rglob("*.py"), package / "types.py"):
        text = module.read_text()
        for pattern, instead in MENDED:
            text = pattern.sub(instead, text)
        module.write_text(text)
    ruff, alike = str(Path(sys.executable).with_name("ruff")), ["--isolated", "--no-respect-gitignore", str(package)]
    run([ruff, "check", "--quiet", "--fix-only", "--select=I,F401", *alike], folder)
    run([ruff, "format", "--quiet", *alike], folder)
    (package / "py.typed").touch()


def write_typescript(folder: Path, schema_path: Path) -> None:
    """The functions and types in src/generated, by @hey-api/openapi-ts."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("The TypeScript client needs npm (Node.js 20 or newer).")
    shutil.rmtree(folder / "src/generated", ignore_errors=True)
    shutil.copy(schema_path, folder / "openapi.json")
    run([npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"], folder)
    run([npm, "run", "--silent", "generate"], folder)
    run([npm, "run", "--silent", "build"], folder)


def run(command: list[str], folder: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it formats with ruff
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": tools}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def main() -> None:
    clients = CLIENTS
    if sys.argv[1:]:
        clients = Path(sys.argv[1])
        shutil.copytree(CLIENTS, clients, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*MADE))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "openapi.json"
        path.write_text(json.dumps(schema()))
        write_python(clients / "python", path)
        write_typescript(clients / "typescript", path)
    print(f"Written: {clients / 'python'}, {clients / 'typescript'}")


if __name__ == "__main__":
    main()
