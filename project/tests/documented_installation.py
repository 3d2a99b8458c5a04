"""An installation on which the commands of docs/operations.md are executed as they stand there."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accounts.tests.serving import ADMIN
from project.env import BASE_DIR
from project.tests.prepared import place_prepared
from project.tests.serving import clean_environment
from scripts import services

DOCUMENT = (BASE_DIR / "docs" / "operations.md").read_text()
DOCKER = """#!/bin/sh
# docker compose VERB [--option …] SERVICE WORDS…
verb=$2; shift 2
while [ "${1#-}" != "$1" ]; do shift; done
service=${1-none}; [ $# -eq 0 ] || shift
case "$verb $service" in
  "exec db") exec "$@" ;;
  "run web" | "exec web")
    for word; do shift; [ "$word" = /data ] && word=$DATA_DIR; set -- "$@" "$word"; done
    PATH="$PWD/.venv/bin:$PATH" exec "$@" ;;
  stop* | up*) ;;
  *) echo "unknown: $verb $service $*" >&2; exit 64 ;;
esac
"""
FILL = """
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from hls.models import Transcode
from library.models import Video
from library.tests.videos import make_viewer, published
from project.demo_tracks import add_demo_tracks
boss = make_viewer("boss@example.com", is_staff=True, is_superuser=True)
ada = make_viewer()
ada.groups.add(Group.objects.get(name="Editors"))
for title in ("One", "Deleted", "Two"):
    video = published(title=title)
    video.video_file.save("video.mp4", ContentFile(b"video " + title.encode()))
    Transcode.objects.filter(pk=video.transcode_id).update(source=video.video_file.name)
LogEntry.objects.log_actions(boss.pk, [video], CHANGE, change_message="Retry")
add_demo_tracks(video)
Video.objects.get(title="Deleted").delete()
"""
LOOK = """
import json
from shutil import rmtree
from django.contrib.admin.models import LogEntry
from django.db import connection
from accounts.models import User
from hls.folders import transcode_folder
from library.models import Video
from library.tests.videos import PASSWORD, Player, make_viewer, published
old, new = Player(), Player()
old.cookies["refresh_token"] = REFRESH
refreshed = old.post("/api/token/refresh/").status_code if REFRESH else 200
login = {"email": "ada@example.com", "password": PASSWORD}
signed_in = new.post("/api/login/", login, content_type="application/json").status_code
videos = new.get("/api/video/").json()
tracks = [track for video in videos for track in new.get(f"/api/video/{video['id']}/").json()["tracks"]]
guest, video = make_viewer("guest@example.com"), published(title="New")
after = [guest.pk, video.pk]
rmtree(transcode_folder(video.transcode_id))
guest.delete()
video.delete()
print(json.dumps({
    "refreshed": refreshed,
    "signed_in": signed_in,
    "videos": [[video["id"], video["title"]] for video in videos],
    "segments": [new.get(f"/api/video/{video['id']}/480p/segment_000.ts?v=1").status_code for video in videos],
    "states": list(Video.objects.order_by("pk").values_list("transcode__state", flat=True)),
    "texts": [[track["id"], track["label"], new.get(track["url"]).sent.decode()] for track in tracks],
    "uploads": [video.video_file.read().decode() for video in Video.objects.order_by("pk")],
    "users": [[user.pk, user.email, user.is_superuser] for user in User.objects.order_by("pk")],
    "may_edit": User.objects.get(email="ada@example.com").has_perm("library.change_video"),
    "history": [entry.change_message for entry in LogEntry.objects.all()],
    "after": after,
    "database": connection.vendor,
    "refresh": new.cookies["refresh_token"].value,
}))
"""


def documented(name: str) -> str:
    """The commands below `<!-- tested: NAME -->`."""
    found = re.search(rf"<!-- tested: {name} -->\n```sh\n(.+?)```", DOCUMENT, re.DOTALL)
    assert found, name
    return found[1]


@dataclass
class DocumentedInstallation:
    """A folder that looks to the commands like a checkout whose DATA_DIR is `var`."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    refresh_token: str = ""
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "var"

    def run(self, *words: str) -> str:
        own = {"DATA_DIR": str(self.data), "ALLOWED_HOSTS": "testserver", "DISK_RESERVE_MB": "0", **self.variables}
        path = f"{self.folder / 'bin'}:{services.postgresql_binaries()}:{os.environ['PATH']}"
        ended = subprocess.run(
            words,
            cwd=self.folder,
            env=clean_environment(**own) | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def follow(self, name: str) -> str:
        return self.run("sh", "-eu", "-c", documented(name))

    def manage(self, *words: str) -> str:
        return self.run(".venv/bin/python", "manage.py", *words)

    def look(self) -> dict[str, Any]:
        """What viewers and editors see; the session of the previous call must still be valid."""
        said = self.manage("shell", "--no-imports", "-c", f"REFRESH = {self.refresh_token!r}\n{LOOK}")
        self.seen = json.loads(said.splitlines()[-1])
        self.refresh_token = self.seen.pop("refresh")
        return self.seen

    def lose_everything(self) -> None:
        """As on a new machine; there a container's volume is empty, and a checkout has no `var`."""
        shutil.rmtree(self.data)
        if "DB_HOST" in self.variables:
            self.data.mkdir()


def new_installation(folder: Path) -> DocumentedInstallation:
    """With users, and videos that are published from its disk."""
    made = DocumentedInstallation(folder)
    (made.folder / ".venv").symlink_to(sys.prefix)
    (made.folder / "manage.py").symlink_to(BASE_DIR / "manage.py")
    docker = made.folder / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    place_prepared(made.data, ADMIN)
    made.manage("shell", "--no-imports", "-c", FILL)
    return made


def kept(seen: dict[str, Any], *, has_files: bool = True) -> dict[str, Any]:
    """What must be the same, and new ids beyond the old ones.

    Right after a restore, videos without their files, which are not in the backup, are queued to be made again.
    """
    highest = [seen["users"][-1][0], seen["videos"][0][0]]
    assert all(new > old for new, old in zip(seen["after"], highest, strict=True))
    told = seen | {"after": [], "database": ""}
    return told if has_files else told | {"segments": [404, 404], "states": ["queued", "queued"]}
