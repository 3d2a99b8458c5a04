"""One installation twice: served from its disk and from a bucket, each by gunicorn with an edge in front.

Both have the same database and secret key, so that one viewer's cookies open the same videos at both. What is asked of
the bucket and of Django can be counted (project/tests/store_front.py).
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from accounts.tests.serving import gunicorn, installed, web_server
from hls.store.bucket_address import BucketAddress
from library.tests.videos import PASSWORD
from project.tests.console import Console, console
from project.tests.edge import AUTHORITIES, nginx
from project.tests.store_front import Front, front

ORIGIN = "https://app.example.com"
SHARED = {"CSRF_TRUSTED_ORIGINS": ORIGIN, "TRUSTED_PROXIES": "1"}
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
class Servers:
    """What is behind the edges."""

    folder: Path  # DATA_DIR of the Django of the disk
    bucket: BucketAddress
    store: Front  # between everybody and the bucket
    of_disk: str  # addresses
    of_bucket: str
    videos: list[int]
    console: Console  # of the Django of the bucket


@dataclass(frozen=True)
class BucketSite:
    folder: Path
    servers: Servers
    django: Front  # between the edge and the Django of the bucket
    of_disk: str  # addresses of edges
    of_bucket: str

    @property
    def videos(self) -> list[int]:
        return self.servers.videos

    @property
    def store(self) -> Front:
        return self.servers.store

    @property
    def without_edge(self) -> str:
        """The address of Django, with the bucket."""
        return self.servers.of_bucket

    def manage(self, code: str) -> str:
        return self.servers.console.run(code)

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
    with console(installed(folder, more)) as opened:
        return opened.run(code)


def beside(folder: Path, name: str) -> Path:
    """Another DATA_DIR for the same installation: without its files, and with its database, if that is SQLite's."""
    data = folder / name
    data.mkdir()
    for shared in ("db.sqlite3", "secret_key"):
        if (folder / shared).exists():
            (data / shared).symlink_to(folder / shared)
    return data


@contextmanager
def servers(folder: Path, bucket: BucketAddress, *, size: int) -> Iterator[Servers]:
    """Both are up until the context ends; `size` is that of each segment of the first three videos, in bytes."""
    assert bucket.endpoint_url is not None
    with ExitStack() as stack:
        store = stack.enter_context(front(folder / "store", bucket.endpoint_url))
        of_bucket = variables(bucket, store)
        disk = stack.enter_context(web_server(folder, **SHARED, WEB_WORKERS="1"))
        data = beside(folder, "beside")
        behind = stack.enter_context(gunicorn(installed(data, SHARED | of_bucket)))
        opened = stack.enter_context(console(installed(data, of_bucket)))
        videos = json.loads(opened.run(SETUP.replace("SIZE", str(size)).replace("ON_DISK", str(folder / "hls"))))
        yield Servers(folder, bucket, store, disk, behind, videos, opened)


@contextmanager
def over_tls(made: Servers, folder: Path) -> Iterator[Servers]:
    """The same with another Django, whose way to the bucket has TLS."""
    with front(folder / "store", str(made.bucket.endpoint_url), is_tls=True) as store:
        data, told = beside(made.folder, "over-tls"), variables(made.bucket, store)
        with gunicorn(installed(data, SHARED | told | {"WEB_WORKERS": "1"})) as behind:
            yield replace(made, store=store, of_bucket=behind)


@contextmanager
def bucket_site(
    folder: Path,
    made: Servers,
    *,
    check_time: str = "55s",
    binary: str | None = None,
    resolver: str = "127.0.0.1",
) -> Iterator[BucketSite]:
    """These servers with an edge in front of each, of which nothing was asked."""
    made.store.forget()
    (folder / "nothing").mkdir()
    authority = made.store.authority
    with ExitStack() as stack:
        django = stack.enter_context(front(folder / "django", made.of_bucket))

        def edge(name: str, upstream: str, data: Path) -> str:
            running = nginx(
                folder / name,
                upstream=urlsplit(upstream).netloc,
                data=data,
                check_time=check_time,
                binary=binary,
                resolver=resolver,
                authorities=str(authority) if authority.exists() else AUTHORITIES,
            )
            return stack.enter_context(running)

        edges = edge("edge-of-disk", made.of_disk, made.folder), edge("edge", django.url, folder / "nothing")
        yield BucketSite(folder, made, django, *edges)
