#!/usr/bin/env python3
"""Kill web, worker, ffmpeg, Redis, PostgreSQL, the object store or everything at random, while videos are uploaded,
transcoded and watched and people register; take the mail server away or make it mute, and let webhooks be refused. Then
count what was lost.

    .venv/bin/python bench/chaos.py [--store folder|bucket] [--kills 50] [--seed 1] [--pause 5]

Starts its own PostgreSQL and Redis (Debian's packages) in a temporary folder, for a bucket also SeaweedFS, and a web
server and two workers. The run is bounded: each kill follows the last one within seconds, and all videos, mails and
events have to be there within ten minutes after the last one. Exits 1 if a video, an upload, a mail or an event was
lost, stuck or half-published, if an event came under two ids or badly signed, if a viewer met a hole, if an orphan is
left, or if a kill cost more than one chunk.
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
from pathlib import Path, PurePosixPath

from callers import Callers, MailServer, editor
from events import Events
from stage import FFMPEG, Stage, make_video
from viewers import Viewers

from hls.core import names  # stage has put the checkout on the path
from hls.store.interface import StoreFailed
from library.tests.receivers import receiver
from scripts.services import free_port

VIDEOS_AT_ONCE = 3
TARGETS = [
    *["worker"] * 4,
    *["web"] * 4,
    *["ffmpeg"] * 3,
    *["redis"] * 2,
    *["database"] * 2,
    *["mail"] * 2,
    "web and workers",
    "everything",
]
IN_A_BUCKET = ["store"] * 5
STORE_AWAY_S = 12  # at most: longer than a request takes in all, with its repetitions
STORE_BEGINS_S = 60  # at most
MAIL_STATES = ["well", "away", "mute"]
QUIET_LIMIT_S = 600
VIDEO_S = 70  # eight chunks
MOST_DECODED = 100  # which takes several seconds each


# What a web process that was killed may still be writing is left alone for an hour, or a day. Nobody writes any more.
SWEEP_A_DAY_LATER = """
from datetime import timedelta
from hls import upkeep as engine
from library import upkeep
from library.uploads import in_bucket
upkeep.YOUNG_S.update(dict.fromkeys(upkeep.YOUNG_S, 0.0))
in_bucket.FORGOTTEN_AFTER = timedelta(0)
engine.sweep()
upkeep.sweep()
"""


def strike(stage: Stage, mails: MailServer, target: str, dice: random.Random) -> None:
    """Kill one target with SIGKILL and restart whatever died; the mail server stays as it is until its next turn."""
    if target == "web":
        kill_web(stage)
        start_web(stage)
    elif target == "mail":
        mails.become(dice.choice(MAIL_STATES))
    elif target == "web and workers":
        kill_web(stage)
        for number in range(stage.workers):
            stage.kill(f"worker-{number}")
        for number in range(stage.workers):
            stage.start_worker(number)
        start_web(stage)
    elif target == "worker":
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
    elif target == "store":
        stage.kill_store()
        time.sleep(dice.uniform(0, STORE_AWAY_S))
        stage.start_store()
    else:
        kill_web(stage)
        for name in [name for name in stage.programs if name != "database"]:
            stage.kill(name)
        stage.kill_store()
        crash_database(stage)
        stage.start_all()
        start_web(stage)


def start_web(stage: Stage) -> None:
    stage.start("web", [sys.executable, "-m", "gunicorn", "--config", "python:project.web", "project.wsgi"])


def kill_web(stage: Stage) -> None:
    """Kill gunicorn and its processes, as when a container is killed."""
    web = stage.programs.pop("web")
    os.killpg(web.pid, signal.SIGKILL)
    web.wait()


def crash_database(stage: Stage) -> None:
    """Stop PostgreSQL in its immediate mode, which is like a crash."""
    database = stage.programs.pop("database")
    database.send_signal(signal.SIGQUIT)
    database.wait()


def unfinished(stage: Stage) -> int:
    return int(stage.rows("SELECT count(*) FROM hls_transcode WHERE state IN ('queued', 'processing')")[0][0])


def half_published(stage: Stage) -> list[str]:
    """Files that a served version's playlists name but that don't exist. A store that was killed needs a moment."""
    deadline = time.monotonic() + STORE_BEGINS_S
    while True:
        try:
            return missing_files(stage)
        except StoreFailed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def missing_files(stage: Stage) -> list[str]:
    missing = []
    for video, version in stage.rows("SELECT id, served_version FROM hls_transcode WHERE served_version IS NOT NULL"):
        key = f"{video}/{version}"
        there = {name: size for name, size in stage.versions.sizes(key).items() if not name.startswith(".")}
        wanted = {names.MASTER}
        for playlist in [name for name in there if name.endswith(".m3u8")]:
            lines = stage.versions.read(f"{key}/{playlist}").decode().splitlines()
            named = [line.partition("?")[0] for line in lines if line and not line.startswith("#")]
            wanted |= {(PurePosixPath(playlist).parent / name).as_posix() for name in named}
        missing += [f"{key}/{name}" for name in sorted(wanted) if not there.get(name)]
    return missing


def decodes(stage: Stage, dice: random.Random) -> list[str]:
    """What is wrong with videos, by check_hls, and by ffmpeg when it plays the playlist; nothing is good."""
    ready = "SELECT t.id, v.id FROM hls_transcode t JOIN library_video v ON v.transcode_id = t.id"
    videos = stage.rows(f"{ready} WHERE t.state = 'ready'")
    complaints = []
    for transcode, video in dice.sample(videos, min(MOST_DECODED, len(videos))):
        checked = stage.manage("check_hls", str(video))
        complaints += [f"video {video}: {checked.stdout or checked.stderr}"] if checked.returncode else []
        with tempfile.TemporaryDirectory() as folder:
            for name in stage.versions.sizes(f"{transcode}/1/480p"):
                (Path(folder) / name).write_bytes(stage.versions.read(f"{transcode}/1/480p/{name}"))
            command = [FFMPEG, "-v", "warning", "-xerror", "-i", f"{folder}/index.m3u8", "-f", "null", "-"]
            said = subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()
        complaints += [f"video {video}: {said.splitlines()[0]}"] if said else []
    return complaints


def unsent(stage: Stage) -> int:
    return int(stage.rows("SELECT count(*) FROM accounts_mail WHERE sent_at IS NULL")[0][0])


def run(stage: Stage, events: Events, video_s: int, kills: int, pause_s: float, dice: random.Random) -> int:
    video = stage.folder / "video.mp4"
    make_video(video, seconds=video_s, size="320x240")
    callers, mails = Callers(free_port()), MailServer(free_port())
    viewers = Viewers(callers)
    places = {"PORT": str(callers.port), "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(mails.port)}
    stage.settings |= editor() | places | {"HLS_NICE": "0", "WEBHOOK_ALLOW_PRIVATE": "True"}
    stage.set_up()
    mails.become("well")
    stage.start_all()
    assert stage.manage("prepare").returncode == 0
    events.subscribe(stage)
    start_web(stage)
    viewers.begin()
    targets = TARGETS + (IN_A_BUCKET if stage.bucket else [])
    struck: Counter[str] = Counter()
    broken: list[str] = []
    videos = 0
    began = time.monotonic()
    while (kill := sum(struck.values())) < kills:
        while unfinished(stage) + callers.under_way < VIDEOS_AT_ONCE:
            videos += 1
            callers.begin_upload(video, f"Video {videos}")
        callers.pool.submit(callers.register, f"person-{kill}@example.com")
        time.sleep(dice.uniform(0.5, pause_s))
        target = dice.choice(targets)
        strike(stage, mails, target, dice)
        struck[target] += 1
        broken += half_published(stage)
        print(f"kill {sum(struck.values()):3}: {target}", flush=True)
    mails.become("well")
    callers.pool.shutdown()
    stage.rows("UPDATE accounts_mail SET due_at = now() WHERE sent_at IS NULL RETURNING id")  # else they wait for hours
    events.recover(stage)
    quiet = time.monotonic()
    while (unfinished(stage) or unsent(stage) or events.waiting(stage)) and time.monotonic() - quiet < QUIET_LIMIT_S:
        time.sleep(0.5)
        broken += half_published(stage)
    viewers.end()
    is_good = not [*report_calls(stage, callers, mails), *events.report(stage), *viewers.report()]
    return report(stage, struck, videos, broken, time.monotonic() - began) or (0 if is_good else 1)


def report_calls(stage: Stage, callers: Callers, mails: MailServer) -> list[str]:
    """What is wrong; nothing is good."""
    titles = Counter(title for (title,) in stage.rows("SELECT title FROM library_video"))
    lost = callers.videos - set(titles)
    twice = [title for title, number in titles.items() if number > 1]
    received = mails.inbox.received
    missing = callers.people - set(received)
    print(f"\nanswers            {dict(sorted(callers.statuses.items()))} (0: nobody answered)")
    print(f"uploads finished   {len(callers.videos)}, without a video {sorted(lost)}, with two {twice}")
    print(f"uploads gone       {callers.gone}")
    print(f"people registered  {len(callers.people)}, without a mail {sorted(missing)}")
    print(f"mails sent twice   {sum(received.values()) - len(received)} (a kill between the sending and its row)")
    return [*lost, *twice, *callers.gone, *missing]


def report(stage: Stage, struck: Counter[str], videos: int, broken: list[str], seconds: float) -> int:
    states = Counter(dict(stage.rows("SELECT state, count(*) FROM hls_transcode GROUP BY state")))
    losses = int(stage.rows("SELECT coalesce(sum(losses), 0) FROM hls_chunk")[0][0])
    all_workers = struck["everything"] + struck["database"] + struck["web and workers"]
    at_most = struck["worker"] + struck["ffmpeg"] + stage.workers * all_workers
    complaints = decodes(stage, random.Random(videos))
    stage.manage("upkeep")
    young = stage.manage("upkeep", "--check").stdout.strip().splitlines()[-1]
    swept = stage.manage("shell", "--no-imports", "-c", SWEEP_A_DAY_LATER)
    orphans = stage.manage("upkeep", "--check")
    stuck = states["queued"] + states["processing"]
    print(
        f"\n{sum(struck.values())} kills in {seconds:.0f} s: " + ", ".join(f"{n} {name}" for name, n in struck.items())
    )
    print(f"videos added        {videos}")
    print(f"videos ready        {states['ready']}")
    print(f"videos lost         {videos - sum(states.values()) + states['failed'] + states['cancelled']}")
    print(f"videos stuck        {stuck}")
    print(f"half-published     {len(broken)} files {broken[:3]}")
    print(f"chunks lost        {losses} (each kill may cost each worker that it met one: at most {at_most})")
    print(f"decoding warnings  {len(complaints)} {complaints[:3]}")
    print(f"after a sweep      {young}")
    print(f"a day later        {orphans.stdout.strip()} {swept.stderr}")
    is_good = states["ready"] == videos and not broken and not complaints and losses <= at_most
    return 0 if is_good and orphans.returncode == 0 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=("folder", "bucket"), default="folder", help="where what is made is kept")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=5, help="seconds between two kills, at most")
    parser.add_argument("--seconds", type=int, default=VIDEO_S, help="the length of the videos")
    parser.add_argument("--keep", type=Path, help="use this folder and keep it")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="videoflix-chaos-")))
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        stage = Stage(folder)
        stack.callback(stage.stop_all)
        if arguments.store == "bucket":
            stage.use_bucket()
        events = Events(stack.enter_context(receiver()), random.Random(arguments.seed))
        return run(stage, events, arguments.seconds, arguments.kills, arguments.pause, random.Random(arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
