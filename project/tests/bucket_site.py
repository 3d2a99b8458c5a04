"""One installation twice: served from its disk and from a bucket, each by gunicorn with an edge in front.

Both have the same database and secret key, so that one viewer's cookies open the same videos at both. What is asked of
the bucket and of Django can be counted (project/tests/store_front.py).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.db import connection

from accounts.tests.serving import web_server
from hls.store.bucket_address import BucketAddress
from library.tests.videos import PASSWORD
from project.tests.edge import AUTHORITIES, nginx
from project.tests.store_front import Front, front

ORIGIN = "https://app.example.com"
SECOND_ADMIN = {"DJANGO_SUPERUSER_USERNAME": "second", "DJANGO_SUPERUSER_EMAIL": "second@example.com"}
SETUP = """
from shutil import copytree
from django.conf import settings
from library.tests.videos import in_bucket, make_viewer, published, serve_version
for name in ("ada", "bob"):
    make_viewer(f"{name}@example.com")
videos = [published(title=title, size=SIZE) for title in ("One", "Two", "Three")]
videos.append(published(title="Several sounds", sounds=2))
serve_version(videos[2], 2, size=SIZE)
copytree(settings.HLS_ROOT, "ON_DISK", dirs_exist_ok=True)
for video in videos:
    in_bucket(video)
in_bucket(videos[2], 2)
print([video.pk for video in videos])
"""


@dataclass(frozen=True)
class BucketSite:
    folder: Path
    data: Path  # DATA_DIR of the Django of the bucket
    bucket: BucketAddress
    store: Front  # between everybody and the bucket
    django: Front  # between the edge and the Django of the bucket
    of_disk: str  # addresses of edges
    of_bucket: str
    without_edge: str  # that of Django, with the bucket
    videos: list[int]

    def manage(self, code: str) -> str:
        return run(self.data, code, variables(self.bucket, self.store))

    def cookie(self, video: int, name: str = "ada") -> dict[str, str]:
        """The headers of a player that may play this video, and nothing else."""
        return {"Cookie": f"playback_token={granted(self.without_edge, video, name)}"}


@cache
def granted(base: str, video: int, name: str) -> str:
    """A playback cookie of somebody who has signed in."""
    with httpx.Client(base_url=base, timeout=30) as client:
        signed_in = client.post("/api/login/", json={"email": f"{name}@example.com", "password": PASSWORD})
        assert signed_in.status_code == 200
        return client.get(f"/api/video/{video}/master.m3u8").cookies["playback_token"]


def bucket_variables(bucket: BucketAddress) -> dict[str, str]:
    """How an installation is told of this bucket."""
    return {
        "S3_BUCKET": bucket.bucket,
        "S3_PREFIX": bucket.prefix,
        "S3_ENDPOINT_URL": str(bucket.endpoint_url),
        "S3_REGION": bucket.region,
        "S3_ACCESS_KEY_ID": bucket.access_key_id,
        "S3_SECRET_ACCESS_KEY": bucket.secret_access_key,
    }


def variables(bucket: BucketAddress, store: Front) -> dict[str, str]:
    """The same, of the way there that is counted."""
    authority = {"AWS_CA_BUNDLE": str(store.authority)} if store.authority.exists() else {}
    return bucket_variables(replace(bucket, endpoint_url=store.url)) | authority


def run(folder: Path, code: str, more: dict[str, str]) -> str:
    """What a piece of Python prints, in this installation."""
    environment = os.environ | {"DATA_DIR": str(folder), "DB_NAME": str(connection.settings_dict["NAME"])} | more
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    return subprocess.run(
        command, env=environment, cwd=settings.BASE_DIR, check=True, capture_output=True, text=True
    ).stdout


def beside(folder: Path) -> Path:
    """Another DATA_DIR for the same installation: without its files, and with its database, if that is SQLite's."""
    data = folder / "beside"
    data.mkdir()
    for name in ("db.sqlite3", "secret_key"):
        if (folder / name).exists():
            (data / name).symlink_to(folder / name)
    return data


@contextmanager
def bucket_site(
    folder: Path,
    bucket: BucketAddress,
    *,
    size: int = 300_000,
    check_time: str = "55s",
    binary: str | None = None,
    is_tls: bool = False,
    resolver: str = "127.0.0.1",
    more: str = "",
) -> Iterator[BucketSite]:
    """It is up until the context ends; `size` is that of each segment of the first three videos, in bytes.

    `more` is added to the `http` block of the bucket's edge.
    """
    assert bucket.endpoint_url is not None
    (folder / "nothing").mkdir()
    shared = {"CSRF_TRUSTED_ORIGINS": ORIGIN, "TRUSTED_PROXIES": "1"}
    with ExitStack() as stack:
        store = stack.enter_context(front(folder / "store", bucket.endpoint_url, is_tls=is_tls))
        of_bucket = variables(bucket, store)
        disk = stack.enter_context(web_server(folder, **shared))
        data = beside(folder)
        behind = stack.enter_context(web_server(data, **shared, **SECOND_ADMIN, **of_bucket))
        setup = SETUP.replace("SIZE", str(size)).replace("ON_DISK", str(folder / "hls"))
        videos = json.loads(run(data, setup, of_bucket))
        django = stack.enter_context(front(folder / "django", behind))

        def edge(name: str, upstream: str, data: Path) -> str:
            made = nginx(
                folder / name,
                upstream=urlsplit(upstream).netloc,
                data=data,
                check_time=check_time,
                binary=binary,
                resolver=resolver,
                more=more if name == "edge" else "",
                authorities=str(store.authority) if is_tls else AUTHORITIES,
            )
            return stack.enter_context(made)

        edges = edge("edge-of-disk", disk, folder), edge("edge", django.url, folder / "nothing")
        yield BucketSite(folder, data, bucket, store, django, *edges, behind, videos)
