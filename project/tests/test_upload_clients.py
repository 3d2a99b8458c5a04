"""Resumable uploads to a real web server, with clients that others wrote, and with little memory."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from io import BytesIO
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from django.conf import settings
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from project.tests.installation import ADMIN_EMAIL, ADMIN_PASSWORD, Installation, serving_without_demo

pytestmark = pytest.mark.services
needs_node = pytest.mark.skipif(which("node") is None, reason="Node.js is not installed")

TUS_JS = settings.BASE_DIR / "library/static/library/vendor/tus-js-client-4.3.1/tus.min.js"
GUIDE = (settings.BASE_DIR / "docs" / "uploads.md").read_text()
TUS_CLIENT = Path(__file__).parent / "tus_client.cjs"

PIECE_BYTES = 300_000
NAMED = {"filename": "video.mp4"}
LARGE_BYTES = 5 << 30  # lengths and offsets need more than 32 bits
LAST_BYTES = 400 << 20  # that are really sent: all of them would take a minute
MOST_MEMORY_BYTES = 200 << 20


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with serving_without_demo(tmp_path_factory.mktemp("uploads")) as made:
        yield made


@pytest.fixture(scope="module")
def token(installation: Installation) -> str:
    """An access token, obtained as scripts do."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    post(opener, f"{installation.url}/api/login/", {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
    return str(post(opener, f"{installation.url}/api/token/refresh/", {})["access"])


@pytest.fixture
def client(installation: Installation, token: str) -> TusClient:
    return TusClient(f"{installation.url}/api/uploads/", headers={"Authorization": f"Bearer {token}"})


def post(opener: urllib.request.OpenerDirector, url: str, body: dict[str, str]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with opener.open(request, timeout=20) as response:
        return json.load(response)


def listed(installation: Installation, token: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(f"{installation.url}/api/uploads/", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return list(json.load(response))


def random_video(size: int = 1_000_000) -> BytesIO:
    """No two are alike, and none begins by chance as an archive or a program does."""
    head = b"\0\0\0\x18ftypisom"
    return BytesIO(head + os.urandom(size - len(head)))


def stored(installation: Installation, url: str) -> Path:
    return installation.folder / "var/uploads/partial" / url.rstrip("/").rpartition("/")[2]


def test_tuspy_uploads_a_file_in_pieces_with_checksums(client: TusClient, installation: Installation) -> None:
    video = random_video()
    uploader = client.uploader(file_stream=video, chunk_size=PIECE_BYTES, metadata=NAMED, upload_checksum=True)
    uploader.upload()
    assert stored(installation, str(uploader.url)).read_bytes() == video.getvalue()


def test_tuspy_goes_on_where_it_was_stopped(client: TusClient, installation: Installation) -> None:
    video = random_video()
    first = client.uploader(file_stream=video, chunk_size=PIECE_BYTES, metadata=NAMED)
    first.upload(stop_at=PIECE_BYTES)
    second = client.uploader(file_stream=video, chunk_size=PIECE_BYTES, url=first.url)
    assert second.offset == PIECE_BYTES
    second.upload()
    assert stored(installation, str(first.url)).read_bytes() == video.getvalue()


def test_tuspy_makes_a_video_by_its_title(client: TusClient, installation: Installation) -> None:
    video = random_video()
    client.uploader(file_stream=video, metadata={**NAMED, "title": "By script"}).upload()
    videos = list((installation.folder / "var/uploads/videos").iterdir())
    assert video.getvalue() in {path.read_bytes() for path in videos}


def test_tuspy_gets_the_refusals_sentence(client: TusClient) -> None:
    with pytest.raises(TusCommunicationError) as refused:
        client.uploader(file_stream=random_video(), metadata={"filename": "notes.txt"}).upload()
    assert refused.value.status_code == 400


def guide_lines(language: str, number: int, installation: Installation) -> str:
    """A block of docs/uploads.md, for this installation's address and administrator instead of a first start's."""
    block = re.findall(rf"```{language}\n(.+?)```", GUIDE, re.DOTALL)[number]
    for written, here in (
        ("http://localhost:8000", installation.url),
        ("admin@example.com", ADMIN_EMAIL),
        ("the-printed-one", ADMIN_PASSWORD),
    ):
        block = block.replace(written, here)
    return str(block)


@pytest.mark.skipif(which("curl") is None, reason="curl is not installed")
def test_the_guides_commands_sign_in_and_upload(installation: Installation, tmp_path: Path) -> None:
    """Its token for curl and for tuspy; each makes a video of the file that lies in the folder."""
    token, jar, curl = (guide_lines("sh", number, installation) for number in range(3))
    python = f"import sys\naccess = sys.argv[1]\n{guide_lines('python', 0, installation)}"
    script = f'set -eu\n{token}\n{jar}\n{curl}\n"$PYTHON" tuspy.py "$ACCESS"\n'
    video = random_video().getvalue()
    (tmp_path / "harbour.mp4").write_bytes(video)
    (tmp_path / "tuspy.py").write_text(python)
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"^X-Video-ID: \d+", ended.stdout, re.MULTILINE | re.IGNORECASE), ended.stdout
    originals = [path.read_bytes() for path in (installation.folder / "var/uploads/videos").iterdir()]
    assert originals.count(video) == 2


def by_tus_js(installation: Installation, token: str, video: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    settled = {
        "endpoint": f"{installation.url}/api/uploads/",
        "headers": {"Authorization": f"Bearer {token}"},
        "chunkSize": PIECE_BYTES,
        "metadata": NAMED,
        "file": str(video),
        **options,
    }
    command = [str(which("node")), str(TUS_CLIENT), str(TUS_JS), json.dumps(settled)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    path.write_bytes(random_video().getvalue())
    return path


@needs_node
@pytest.mark.parametrize("options", [{}, {"uploadDataDuringCreation": True}, {"chunkSize": 10_000_000}])
def test_tus_js_client_uploads_a_file(installation: Installation, token: str, video: Path, options: Any) -> None:
    ended = by_tus_js(installation, token, video, **options)
    assert ended.returncode == 0, ended.stderr
    assert stored(installation, ended.stdout.strip()).read_bytes() == video.read_bytes()


@needs_node
@pytest.mark.parametrize("title", [None, "In parts"])
def test_tus_js_client_uploads_a_file_in_parallel_parts(
    installation: Installation, token: str, video: Path, title: str | None
) -> None:
    told = NAMED | ({"title": title} if title else {})
    ended = by_tus_js(installation, token, video, parallelUploads=4, metadata=told, chunkSize=100_000)
    assert ended.returncode == 0, ended.stderr
    if title:
        videos = list((installation.folder / "var/uploads/videos").iterdir())
        assert video.read_bytes() in {path.read_bytes() for path in videos}
    else:
        assert stored(installation, ended.stdout.strip()).read_bytes() == video.read_bytes()


@needs_node
def test_tus_js_client_sends_the_length_at_the_end(installation: Installation, token: str, video: Path) -> None:
    ended = by_tus_js(installation, token, video, uploadLengthDeferred=True)
    assert ended.returncode == 0, ended.stderr
    assert stored(installation, ended.stdout.strip()).read_bytes() == video.read_bytes()


@needs_node
def test_tus_js_client_goes_on_where_it_was_stopped(installation: Installation, token: str, video: Path) -> None:
    first = by_tus_js(installation, token, video, stopAfter=PIECE_BYTES)
    url = first.stdout.strip()
    kept = stored(installation, url).stat().st_size
    assert PIECE_BYTES <= kept < video.stat().st_size, first.stderr
    assert by_tus_js(installation, token, video, uploadUrl=url).returncode == 0
    assert stored(installation, url).read_bytes() == video.read_bytes()


@needs_node
def test_tus_js_client_gets_the_refusals_sentence(installation: Installation, token: str, video: Path) -> None:
    refused = by_tus_js(installation, token, video, metadata={"filename": "notes.txt"})
    assert refused.returncode == 1
    assert "response code: 400" in refused.stderr
    assert "Files of this kind" in refused.stderr


def test_a_large_file_costs_little_memory(
    client: TusClient, installation: Installation, token: str, tmp_path: Path
) -> None:
    """One request with all that is missing; the web server's peak is read from the kernel."""
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(LARGE_BYTES)
    with path.open("rb") as file:
        url = client.uploader(file_stream=file, chunk_size=LARGE_BYTES, metadata=NAMED).create_url()
        os.truncate(stored(installation, url), LARGE_BYTES - LAST_BYTES)  # as if so much had arrived
        file.seek(LARGE_BYTES - LAST_BYTES)
        headers = {
            "Authorization": f"Bearer {token}",
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(LARGE_BYTES - LAST_BYTES),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(LAST_BYTES),
        }
        request = urllib.request.Request(url, data=file, headers=headers, method="PATCH")
        with urllib.request.urlopen(request, timeout=300) as response:
            assert response.headers["Upload-Offset"] == str(LARGE_BYTES)
    assert stored(installation, url).stat().st_size == LARGE_BYTES
    assert max(peak_bytes(pid) for pid in web_processes(installation)) < MOST_MEMORY_BYTES
    end = urllib.request.Request(url, headers=headers, method="DELETE")
    with urllib.request.urlopen(end, timeout=30) as response:
        assert response.status == 204
    assert url.rstrip("/").rpartition("/")[2] not in {entry["id"] for entry in listed(installation, token)}


def web_processes(installation: Installation) -> list[int]:
    """gunicorn's processes of this installation."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = folder.joinpath("cmdline").read_bytes()
            environment = folder.joinpath("environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if b"gunicorn" in command and f"DATA_DIR={installation.folder}/".encode() in environment:
            found.append(int(folder.name))
    return found


def peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
