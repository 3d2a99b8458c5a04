"""Webhooks with the whole program: a worker sends them at once, and libraries of others verify them."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hls.tests.videos import small_video
from library.tests.receivers import Receiver, receiver, status
from project.tests.installation import Installation, stop, wait_for
from project.tests.npm import installed

pytestmark = [pytest.mark.ffmpeg, pytest.mark.services]

LIBRARY = "standardwebhooks@1.1.1"
VERIFY = """
const { Webhook } = require("standardwebhooks");
const [secret, headers, body] = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(new Webhook(secret).verify(body, headers).type);
let refused = false;
try { new Webhook(secret).verify(body + " ", headers); } catch { refused = true; }
console.log(refused);
"""
ADD = "from library.webhooks import services; print(services.add('{url}', []).secret)"
IMPORT = "from library.videos import add_video; from pathlib import Path; add_video(Path('{path}'), title='Told')"


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path, {"WEBHOOK_ALLOW_PRIVATE": "True"})
    made.prepare()
    return made


def names(hook: Receiver) -> list[str]:
    return [json.loads(sent.body)["type"] for sent in hook.received]


def heard(installation: Installation) -> list[dict[str, Any]]:
    """What `webhook listen` has printed."""
    return [json.loads(line) for line in installation.log("webhook").splitlines() if line.startswith("{")]


def test_life_of_a_video_arrives_and_is_verified_in_javascript(installation: Installation, tmp_path: Path) -> None:
    video = small_video(tmp_path / "video.mp4", seconds=4)
    with receiver() as hook:
        secret = installation.shell(ADD.format(url=hook.url)).strip()
        worker, listener = installation.start("worker"), installation.start("webhook", "listen")
        try:
            wait_for(lambda: "Listening" in installation.log("webhook"), seconds=60, what="it listens")
            installation.import_video(video, "Told")
            wait_for(lambda: len(names(hook)) == 3, seconds=60, what="three events")
            wait_for(lambda: len(heard(installation)) == 3, seconds=60, what="three lines")
            listener.send_signal(signal.SIGINT)
            assert listener.wait(30) == 0
        finally:
            stop(worker)
            listener.kill()
    assert sorted(names(hook)) == ["video.created", "video.playable", "video.ready"]
    assert {event["id"] for event in heard(installation)} == {sent.headers["webhook-id"] for sent in hook.received}
    modules = installed(LIBRARY)
    for sent in hook.received:
        said = json.dumps([secret, {name.lower(): value for name, value in sent.headers.items()}, sent.body.decode()])
        node = shutil.which("node") or "node"
        command = [node, "-e", VERIFY]
        environment = {"NODE_PATH": str(modules), "PATH": os.environ["PATH"]}
        checked = subprocess.run(command, input=said, env=environment, capture_output=True, text=True, check=True)
        assert checked.stdout.split() == [json.loads(sent.body)["type"], "true"]


def test_event_whose_worker_is_killed_arrives_all_the_same(installation: Installation, tmp_path: Path) -> None:
    video = small_video(tmp_path / "video.mp4", seconds=4)
    with receiver() as hook:
        hook.answer = lambda request: status(request, 503)
        installation.shell(f"{ADD.format(url=hook.url)}\n{IMPORT.format(path=video)}")
        worker = installation.start("worker")
        wait_for(lambda: "video.created" in names(hook), seconds=60, what="the first attempt")
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        hook.answer = lambda request: status(request, 200)
        worker = installation.start("worker")
        try:
            wait_for(lambda: "video.ready" in names(hook), seconds=90, what="the last event")
            wait_for(lambda: names(hook).count("video.created") > 1, seconds=90, what="it is sent again")
        finally:
            stop(worker)
    ids = {sent.headers["webhook-id"] for sent in hook.received if b"video.created" in sent.body}
    assert len(ids) == 1
