"""Measures how soon a video can be watched after it was imported, or uploaded.

    .venv/bin/python bench/early.py [--upload] [--busy] [six-minutes two-hours twenty-gigabytes]

A web server and one worker run on a new installation. For each source it prints the seconds from `import_video`'s
return until a member of the staff gets the first segment over HTTP, and the ratio to the time that the first chunk's
ffmpeg takes when it runs alone, with the same limits and niceness. With --upload the file comes over tus in one piece,
and the seconds are from its last byte. The sources are a generated scene in 1080p24, repeated; the third has 20 GB of
padding between its index and its pictures, as a sparse file, which an upload writes out. With --busy the worker's only
slot is taken by one of another video's long chunks when the video is imported.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from http.client import HTTPConnection
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SCRATCH = tempfile.TemporaryDirectory(prefix="videoflix-early-")
os.environ |= {"DJANGO_SETTINGS_MODULE": "project.settings", "ENV_FILE": "", "DATA_DIR": f"{SCRATCH.name}/unused"}

from eta import access_token  # noqa: E402 (the settings need the environment made above)

from hls.binary import ffmpeg_path  # noqa: E402
from hls.core.encoding.encode import Encoder, encode_chunk  # noqa: E402
from hls.core.plan import make_plan  # noqa: E402
from hls.core.probe import Limits, probe  # noqa: E402
from hls.core.process import Bounds, run  # noqa: E402
from project.tests.installation import Installation, serving_without_demo, wait_for  # noqa: E402

GOAL_S = 5.0
PIECE_S = 6
BUSY_PERCENT = 9  # of six minutes: the first four chunks are done, and one of half a minute has begun
PADDING_BYTES = 20 << 30
SCENE = "mandelbrot=s=1920x1080:r=24:start_scale=2:end_scale=0.3:end_pts=144,noise=alls=3:allf=t,format=yuv420p"
VIDEO = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-maxrate", "6M", "-bufsize", "8M")
NICE = 10


def ffmpeg(*words: str) -> None:
    ended = run([str(ffmpeg_path()), "-v", "error", "-y", *words], bounds=Bounds(timeout_s=600))
    if ended.returncode:
        sys.exit(ended.stderr)


def pieces(folder: Path) -> tuple[Path, Path]:
    """Pictures that last as long as whole frames do, and AAC frames with a header each, which can be repeated."""
    pictures, sound = folder / "piece.mp4", folder / "piece.aac"
    if not pictures.exists():
        ffmpeg("-f", "lavfi", "-i", SCENE, "-t", str(PIECE_S), *VIDEO, str(pictures))
        ffmpeg("-f", "lavfi", "-i", f"anoisesrc=a=0.05:c=pink:d={PIECE_S}", "-c:a", "aac", str(sound))
    return pictures, sound


def lasting(folder: Path, seconds: int) -> Path:
    """The pieces again and again: at one rate, without a gap, as a film has it."""
    (pictures, sound), path, long_sound = pieces(folder), folder / f"{seconds}.mp4", folder / "long.aac"
    long_sound.write_bytes(sound.read_bytes() * ceil(seconds / PIECE_S))
    inputs = ("-stream_loop", str(seconds // PIECE_S), "-i", str(pictures), "-i", str(long_sound))
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", "-t", str(seconds), str(path))
    long_sound.unlink()
    return path


def padded(folder: Path) -> Path:
    """Two hours whose index is behind 20 GB of nothing (ISO/IEC 14496-12, 8.1.2)."""
    path = lasting(folder, 7200)
    data = path.open("r+b")
    with data:
        at = 0
        while (head := read_at(data.fileno(), at))[4:8] != b"moov":
            size = int.from_bytes(head[:4])
            at += size if size != 1 else int.from_bytes(head[8:16])
        index = os.pread(data.fileno(), path.stat().st_size - at, at)
        os.pwrite(data.fileno(), (1).to_bytes(4) + b"free" + (16 + PADDING_BYTES).to_bytes(8), at)
        os.pwrite(data.fileno(), index, at + 16 + PADDING_BYTES)
    return path


def read_at(descriptor: int, at: int) -> bytes:
    return os.pread(descriptor, 16, at)


SOURCES: dict[str, Callable[[Path], Path]] = {
    "six-minutes": lambda folder: lasting(folder, 360),
    "two-hours": lambda folder: lasting(folder, 7200),
    "twenty-gigabytes": padded,
}


def bare_s(folder: Path) -> float:
    """How long the first chunk's ffmpeg takes alone, with checking what it made."""
    source = lasting(folder, PIECE_S * 4)  # a first chunk of several
    plan = make_plan(probe(source, limits=Limits(max_duration_s=7200, max_pixels=8192 * 4320)))
    private = folder / "bare"
    private.mkdir()
    began = time.monotonic()
    encode_chunk(
        plan,
        0,
        source=source,
        folder=private,
        encoder=Encoder(ffmpeg_path(), nice=NICE),
        on_progress=lambda frames: None,
        should_stop=lambda: False,
    )
    return time.monotonic() - began


def playable_s(installation: Installation, token: str, path: Path, *, is_uploaded: bool) -> float:
    """Seconds from the import's return, or the last byte of the upload, to the first segment."""
    if is_uploaded:
        video_id, began = upload(installation, token, path)
    else:
        video_id, began = installation.import_video(path, path.stem), time.monotonic()
    address = f"{installation.url}/api/video/{video_id}/480p/segment_000.ts"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    wait_for(lambda: is_there(request), seconds=300, what="the first segment")
    return time.monotonic() - began


def upload(installation: Installation, token: str, path: Path) -> tuple[int, float]:
    """The video's id, and when the last byte was sent."""
    told = {"filename": path.name, "title": path.stem}
    words = {
        "Authorization": f"Bearer {token}",
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(path.stat().st_size),
        "Upload-Metadata": ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in told.items()),
    }
    address = urlsplit(installation.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=300)
    connection.request("POST", "/api/uploads/", headers=words)
    made = connection.getresponse()
    made.read()
    piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    with path.open("rb") as file:
        connection.request("PATCH", urlsplit(made.headers["Location"]).path, file, words | piece)
    began = time.monotonic()
    answer = connection.getresponse()
    answer.read()
    print(f"the last byte was answered after {time.monotonic() - began:.2f} s", flush=True)
    return int(answer.headers["X-Video-ID"]), began


def occupy(installation: Installation, token: str, path: Path) -> None:
    """Let another video be made, and wait until a long chunk of it is."""
    video_id = installation.import_video(path, "another")
    address = f"{installation.url}/api/video/{video_id}/transcode/"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    wait_for(lambda: percent(request) >= BUSY_PERCENT, seconds=300, what="the other video's first chunks")


def percent(request: urllib.request.Request) -> float:
    with urllib.request.urlopen(request, timeout=10) as answer:
        return float(json.load(answer)["percent"])


def is_there(request: urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bool(answer.read())
    except urllib.error.HTTPError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--upload", action="store_true")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help=", ".join(SOURCES))
    chosen = parser.parse_args()
    if unknown := set(chosen.sources) - SOURCES.keys():
        parser.error(f"no source is called {min(unknown)}; there are {', '.join(SOURCES)}")
    folder = Path(SCRATCH.name)
    missed = 0
    with SCRATCH:
        alone_s = bare_s(folder)
        print(f"first chunk's ffmpeg alone: {alone_s:.2f} s", flush=True)
        for name in chosen.sources or SOURCES:
            place = folder / name
            place.mkdir()
            path = SOURCES[name](folder)
            with serving_without_demo(place) as installation:
                token = access_token(installation)
                if chosen.busy:
                    occupy(installation, token, path if name == "six-minutes" else lasting(folder, 360))
                found_s = playable_s(installation, token, path, is_uploaded=chosen.upload)
                missed += found_s > GOAL_S
                print(f"{name}: {found_s:.2f} s, {found_s / alone_s:.2f} times that", flush=True)
            path.unlink()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
