"""Measures what keeping videos in a bucket costs, against a disk, and what a second worker brings there.

    .venv/bin/python bench/storage.py [--seconds 60] [--rounds 5] [--only films|edge|memory]

Starts PostgreSQL, Redis, workers and a web server of its own in a temporary folder, and SeaweedFS as the bucket's
server, unless TEST_S3_ENDPOINT and its fellows name another (hls/tests/object_store.py). All of them share this
machine, so what is compared takes turns, and the medians of all turns are told.

films   One worker on a disk, one on the bucket, and two on the bucket make the same video, from the first claim to the
        moment at which the published version can be seen. Each worker has a core of its own (taskset) and encodes with
        one thread, as if it were on its own machine, and its encoder gives way to nobody. SeaweedFS is on whichever
        core has time: with two workers on two cores, it takes its time from theirs. The CPU time of worker and encoder
        is told as well, since other programs of a busy machine don't change it much.
edge    Segments of 20 kB and 1.5 MB that the edge has fetched from the bucket before, beside the same ones from an
        edge's disk, and from a plain nginx.
memory  What the web process alone uses, while a hundred viewers at once are sent a segment each out of the bucket.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edge_hits import edge_hits
from stage import Stage, make_video
from streams import streaming_memory

LIMIT_S = 900
TURNS = (("disk", 1), ("bucket", 1), ("bucket", 2))
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Made:
    """What a video took: from the first claim to its end, and the CPU time of workers and encoders."""

    wall_s: float
    cpu_s: float


def made(stage: Stage, workers: int, video: Path) -> Made:
    """Let so many workers make the video; they are started before, and stopped after it."""
    running = [f"worker-{number}" for number in range(workers)]
    for number in range(workers):
        stage.start_worker(number, core=number)
    await_workers(stage, workers)
    before = sum(cpu_s(stage.programs[name].pid) for name in running)
    added = stage.manage("import_video", str(video), "--title", f"With {workers}")
    assert added.returncode == 0, added.stderr
    deadline = time.monotonic() + LIMIT_S
    query = "SELECT state, extract(epoch FROM started_at) FROM hls_transcode ORDER BY id DESC LIMIT 1"
    while (row := stage.rows(query)[0])[0] != "ready":
        assert row[0] in ("queued", "processing"), row
        assert time.monotonic() < deadline, "not ready in time"
        time.sleep(0.05)
    took_s = time.time() - float(row[1])
    used_s = sum(cpu_s(stage.programs[name].pid) for name in running) - before
    stage.stop(*running)
    return Made(took_s, used_s)


def cpu_s(pid: int) -> float:
    """The CPU seconds of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def await_workers(stage: Stage, workers: int) -> None:
    """Until all wait for work: one that was stopped in order has no row any more."""
    deadline = time.monotonic() + LIMIT_S
    while stage.rows("SELECT count(*) FROM hls_worker")[0][0] != workers:
        assert time.monotonic() < deadline, "the workers did not start"
        time.sleep(0.1)


def films(stack: ExitStack, folder: Path, seconds: int, rounds: int) -> None:
    video = folder / "video.mp4"
    make_video(video, seconds=seconds, size="1280x720")
    stages = {}
    for kind in ("disk", "bucket"):
        place = folder / kind
        place.mkdir()
        place.chmod(0o777)
        stages[kind] = stage = Stage(place, workers=0, settings={"HLS_THREADS": "1", "HLS_NICE": "0"})
        stack.callback(stage.stop_all)
        if kind == "bucket":
            stage.use_bucket()
        stage.set_up()
        stage.start_all()
    took: dict[tuple[str, int], list[Made]] = {turn: [] for turn in TURNS}
    for _ in range(rounds):
        for kind, workers in TURNS:
            took[kind, workers].append(one := made(stages[kind], workers, video))
            print(f"{workers} on the {kind:6} {one.wall_s:6.1f} s, CPU {one.cpu_s:6.1f} s", flush=True)
    disk, one_worker, two_workers = (took[turn] for turn in TURNS)
    walls = [[one.wall_s for one in turns] for turns in (disk, one_worker, two_workers)]
    report("one worker, bucket / disk, at most 1.1", walls[1], walls[0])
    report("the same of the worker's CPU time", [one.cpu_s for one in one_worker], [one.cpu_s for one in disk])
    report("one worker / two, bucket, at least 1.8", walls[1], walls[2])


def report(name: str, above: list[float], below: list[float]) -> None:
    ratios = [first / second for first, second in zip(above, below, strict=True)]
    medians = f"{statistics.median(above):.1f} s / {statistics.median(below):.1f} s"
    told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"{name}: {statistics.median(ratios):.2f} (medians {medians}; {told})", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="the video's length")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each")
    parser.add_argument("--only", choices=("films", "edge", "memory"))
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="videoflix-storage-")))
        folder.chmod(0o777)
        if arguments.only in (None, "films"):
            films(stack, folder, arguments.seconds, arguments.rounds)
        if arguments.only in (None, "edge"):
            edge_hits(stack, folder)
        if arguments.only in (None, "memory"):
            streaming_memory(stack, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
