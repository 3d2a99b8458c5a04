#!/usr/bin/env python3
"""Kill worker, ffmpeg, Redis, PostgreSQL or everything at random while films are transcoded, then count what was lost.

    .venv/bin/python bench/chaos.py [--kills 50] [--seed 1]

Starts a PostgreSQL and a Redis of its own (Debian's packages) in a folder that goes away, and two workers. Bounded:
each kill follows the last one within seconds, and the films must be ready within ten minutes after the last.
Exits 1 where a film was lost, stuck or half-published, an orphan byte is left, or a kill cost more than one chunk.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from stage import FFMPEG, Stage, make_film

FILMS_AT_ONCE = 3
TARGETS = ["worker"] * 4 + ["ffmpeg"] * 3 + ["redis"] * 2 + ["database"] * 2 + ["everything"]
QUIET_LIMIT_S = 600
FILM_S = 70


def strike(stage: Stage, target: str, dice: random.Random) -> None:
    """Kill one target with SIGKILL and start again whatever died."""
    if target == "worker":
        number = dice.randrange(stage.workers)
        stage.kill(f"worker-{number}")
        stage.start_worker(number)
    elif target == "ffmpeg":
        for pid in dice.sample(encoders := stage.encoders(), min(1, len(encoders))):
            os.kill(pid, signal.SIGKILL)
    elif target == "redis":
        stage.kill("redis")
        time.sleep(dice.uniform(0, 2))
        stage.start_redis()
    elif target == "database":
        crash_database(stage)
        time.sleep(dice.uniform(0, 5))
        stage.start_database()
    else:
        for name in [name for name in stage.programs if name != "database"]:
            stage.kill(name)
        crash_database(stage)
        stage.start_all()


def crash_database(stage: Stage) -> None:
    """PostgreSQL's immediate, crash-like end."""
    database = stage.programs.pop("database")
    database.send_signal(signal.SIGQUIT)
    database.wait()


def unfinished(stage: Stage) -> int:
    return int(stage.rows("SELECT count(*) FROM hls_transcode WHERE state IN ('queued', 'processing')")[0][0])


def half_published(stage: Stage) -> list[str]:
    """Files that a served version's playlists name and that are not there."""
    missing = []
    for film, version in stage.rows("SELECT id, served_version FROM hls_transcode WHERE served_version IS NOT NULL"):
        folder = stage.folder / "var/hls" / str(film) / str(version)
        for playlist in [folder / "master.m3u8", *folder.glob("*/index.m3u8")]:
            lines = playlist.read_text().splitlines() if playlist.exists() else [playlist.name]
            names = [line.partition("?")[0] for line in lines if line and not line.startswith("#")]
            missing += [f"{film}/{version}/{name}" for name in names if not (playlist.parent / name).is_file()]
    return missing


def decodes(stage: Stage) -> list[str]:
    """What ffmpeg says of each film when it is played from its playlist; nothing is good."""
    complaints = []
    for (film,) in stage.rows("SELECT id FROM hls_transcode WHERE state = 'ready'"):
        playlist = stage.folder / f"var/hls/{film}/1/480p/index.m3u8"
        command = [FFMPEG, "-v", "warning", "-xerror", "-i", str(playlist), "-f", "null", "-"]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()
        complaints += [f"film {film}: {said.splitlines()[0]}"] if said else []
    return complaints


def run(stage: Stage, kills: int, dice: random.Random) -> int:
    film = stage.folder / "film.mp4"
    make_film(film, seconds=FILM_S)
    stage.set_up()
    stage.start_all()
    struck: Counter[str] = Counter()
    broken: list[str] = []
    films = 0
    began = time.monotonic()
    while sum(struck.values()) < kills:
        while unfinished(stage) < FILMS_AT_ONCE:
            films += 1
            added = stage.manage("import_video", str(film), "--title", f"Film {films}")
            assert added.returncode == 0, added.stderr
        time.sleep(dice.uniform(0.5, 5))
        target = dice.choice(TARGETS)
        strike(stage, target, dice)
        struck[target] += 1
        broken += half_published(stage)
        print(f"kill {sum(struck.values()):3}: {target}", flush=True)
    quiet = time.monotonic()
    while unfinished(stage) and time.monotonic() - quiet < QUIET_LIMIT_S:
        time.sleep(0.5)
        broken += half_published(stage)
    return report(stage, struck, films, broken, time.monotonic() - began)


def report(stage: Stage, struck: Counter[str], films: int, broken: list[str], seconds: float) -> int:
    states = Counter(dict(stage.rows("SELECT state, count(*) FROM hls_transcode GROUP BY state")))
    losses = int(stage.rows("SELECT coalesce(sum(losses), 0) FROM hls_chunk")[0][0])
    at_most = struck["worker"] + struck["ffmpeg"] + stage.workers * (struck["everything"] + struck["database"])
    complaints = decodes(stage)
    orphans = stage.manage("upkeep", "--check")
    stuck = states["queued"] + states["processing"]
    print(
        f"\n{sum(struck.values())} kills in {seconds:.0f} s: " + ", ".join(f"{n} {name}" for name, n in struck.items())
    )
    print(f"films added        {films}")
    print(f"films ready        {states['ready']}")
    print(f"films lost         {films - sum(states.values()) + states['failed'] + states['cancelled']}")
    print(f"films stuck        {stuck}")
    print(f"half-published     {len(broken)} files {broken[:3]}")
    print(f"chunks lost        {losses} (each kill may cost each worker that it met one: at most {at_most})")
    print(f"decoding warnings  {len(complaints)} {complaints[:3]}")
    print(f"orphans            {orphans.stdout.strip().splitlines()[-1]}")
    is_good = states["ready"] == films and not broken and not complaints and losses <= at_most
    return 0 if is_good and orphans.returncode == 0 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="use this folder and keep it")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="videoflix-chaos-")))
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        stage = Stage(folder)
        stack.callback(stage.stop_all)
        return run(stage, arguments.kills, random.Random(arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
