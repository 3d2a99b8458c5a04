"""A CDN that is nginx, as docs/operations.md configures it: who gets segments from it, and who doesn't.

Real gunicorn, object store and nginx. The bucket's policy is the documentation's, too.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import httpx
import pytest
from django.conf import settings
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from accounts.tests.serving import web_server
from hls.store.bucket_address import BucketAddress
from hls.store.connection import client_of
from hls.tests.object_store import page_instead
from library.delivery.cdn import Cdn
from library.tests.videos import PASSWORD
from project.tests.bucket_site import bucket_variables, run
from project.tests.edge import free_port, nginx_binary, plain_nginx

pytestmark = [
    pytest.mark.services,
    pytest.mark.edge,
    pytest.mark.bucket,
    pytest.mark.skipif(nginx_binary() is None, reason="no nginx found"),
]

DOCUMENT = (settings.BASE_DIR / "docs" / "operations.md").read_text()
KEY = "only-for-tests-of-a-cdn"
ORIGIN = "https://app.example.com"  # as in the documentation
OF_CDN = "127.0.0.2"  # the address from which it reads the bucket
SETUP = """
from library.tests.videos import in_bucket, make_viewer, published, serve_version
for name in ("ada", "bob"):
    make_viewer(f"{name}@example.com")
video = published()
serve_version(video, 2)
in_bucket(video)
in_bucket(video, 2)
print([video.pk, video.transcode_id])
"""


def snippet(name: str, language: str) -> str:
    found = re.search(rf"<!-- tested: {name} -->\n```{language}\n(.+?)```", DOCUMENT, re.DOTALL)
    assert found
    return found[1]


def configuration(folder: Path, bucket: BucketAddress, port: int) -> str:
    """The documentation's, with the names of this test, and without TLS on this machine's own wires."""
    assert bucket.endpoint_url is not None
    text = snippet("nginx as a cdn", "nginx")
    for documented, here in {
        "s3.example.com:443": urlsplit(bucket.endpoint_url).netloc,
        "https://bucket/": "http://bucket/",
        "BUCKET": bucket.bucket,
        "CDN_KEY": KEY,
        "listen 443 ssl;": f"listen 127.0.0.1:{port}; proxy_bind {OF_CDN};",
        "/var/cache/nginx": str(folder),
        "/var/log/nginx": str(folder),
    }.items():
        assert documented in text, documented
        text = text.replace(documented, here)
    return re.sub(r"\n *ssl_certificate.*", "", text)


@dataclass(frozen=True)
class CdnSite:
    api: str
    cdn: Cdn
    bucket: BucketAddress
    video: int
    transcode: int

    def segments(self, name: str = "ada", version: int = 2) -> list[str]:
        """The addresses that a player finds, in the way that players go."""
        with httpx.Client(base_url=self.api, timeout=30) as client:
            client.post("/api/login/", json={"email": f"{name}@example.com", "password": PASSWORD})
            master = client.get(f"/api/video/{self.video}/master.m3u8?v={version}")
            best = [line for line in master.text.splitlines() if "720p" in line]
            media = client.get(urljoin(str(master.url), best[-1]))
        return [urljoin(str(media.url), line) for line in media.text.splitlines() if not line.startswith("#")]

    def folder(self, *, version: int, now_s: float) -> str:
        name = f"{self.bucket.prefix}hls/{self.transcode}/{version}/"
        return self.cdn.folder(name, session="0123456789abcdef", now_s=now_s)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    object_store: BucketAddress,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[CdnSite]:
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    bucket, client = replace(object_store, prefix=f"{uuid4().hex}/"), client_of(object_store)
    policy = snippet("policy of the bucket", "json").replace("BUCKET", bucket.bucket).replace("192.0.2.10", OF_CDN)
    cdn = Cdn(f"http://127.0.0.1:{port}", KEY, "nginx", 28_800)
    of_cdn = {"CDN_BASE_URL": cdn.base_url, "CDN_KEY": KEY, "CDN_KIND": "nginx"}
    variables = bucket_variables(bucket) | of_cdn
    client.put_bucket_policy(Bucket=bucket.bucket, Policy=policy)
    with django_db_blocker.unblock():
        with (
            web_server(folder, WEB_WORKERS="1", **variables) as api,
            plain_nginx(folder / "cdn", configuration(folder, bucket, port), port),
        ):
            video, transcode = json.loads(run(folder, SETUP, variables))
            yield CdnSite(api, cdn, bucket, video, transcode)
        call_command("flush", interactive=False, verbosity=0)
    client.delete_bucket_policy(Bucket=bucket.bucket)


def test_player_finds_the_segments_there_and_needs_no_cookie(site: CdnSite) -> None:
    segments = site.segments()
    assert len(segments) == 2
    for _ in range(2):  # fetched, and kept
        found = httpx.get(segments[1], headers={"Origin": ORIGIN})
        assert found.content.startswith(f"<{site.transcode}/2/720p/1>".encode())
        assert (found.status_code, found.headers["Content-Type"]) == (200, "video/MP2T")
        assert found.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert found.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    part = httpx.get(segments[1], headers={"Range": "bytes=2-5", "If-Range": found.headers["ETag"]})
    assert (part.status_code, part.content) == (206, found.content[2:6])
    stranger = httpx.get(segments[1], headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in stranger.headers


def test_page_may_ask_for_parts(site: CdnSite) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
    allowed = httpx.options(site.segments()[0], headers=asked)
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    assert allowed.headers["Access-Control-Allow-Headers"] == "range"


def test_each_session_has_addresses_of_its_own_and_all_share_what_is_kept(site: CdnSite) -> None:
    mine, other = site.segments("ada")[0], site.segments("bob")[0]
    assert mine != other
    assert httpx.get(mine).content == httpx.get(other).content


def test_address_opens_no_other_version_session_or_file(site: CdnSite) -> None:
    address = site.segments()[0]
    link, ends_at, session = urlsplit(address).path.split("/")[1:4]
    for spoilt in (
        address.replace(f"/{site.transcode}/2/", f"/{site.transcode}/1/"),
        address.replace(link, link[::-1]),
        address.replace(ends_at, str(int(ends_at) + 1)),
        address.replace(session, session[::-1]),
    ):
        assert httpx.get(spoilt).status_code == 403, spoilt
    folder = address.rpartition("720p/")[0]
    for hidden in ("master.m3u8", "720p/index.m3u8", "720p/../../1/720p/segment_000.ts", "../../.installation", ""):
        assert httpx.get(f"{folder}{hidden}").status_code in (403, 404), hidden
    assert httpx.get(address).status_code == 200


def test_address_ends(site: CdnSite) -> None:
    now_s = time.time()
    good = f"{site.folder(version=2, now_s=now_s)}720p/segment_000.ts"
    ended = f"{site.folder(version=2, now_s=now_s - site.cdn.ttl_s - 1)}720p/segment_000.ts"
    assert (httpx.get(good).status_code, httpx.get(ended).status_code) == (200, 410)


def test_page_is_told_why_it_gets_nothing(site: CdnSite) -> None:
    """A browser tells the status of no answer whose headers don't let the page read it."""
    headers = {"Origin": ORIGIN}
    ended = f"{site.folder(version=2, now_s=time.time() - site.cdn.ttl_s - 1)}720p/segment_000.ts"
    for address, status in ((ended, 410), (ended.replace("/2/720p", "/1/720p"), 403)):
        refused = httpx.get(address, headers=headers)
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (status, ORIGIN)
        assert "Cache-Control" not in refused.headers


def test_page_in_the_place_of_the_bucket_is_not_kept(site: CdnSite, tmp_path: Path) -> None:
    """A balancer's, with status 200."""
    port, kept = free_port(), tmp_path / "kept"
    kept.mkdir()
    other = replace(site, cdn=replace(site.cdn, base_url=f"http://127.0.0.1:{port}"))
    with page_instead() as address:
        text = configuration(kept, replace(site.bucket, endpoint_url=address), port)
        with plain_nginx(tmp_path / "nginx", text, port):
            page = httpx.get(f"{other.folder(version=2, now_s=time.time())}720p/segment_000.ts")
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    assert not [path for path in (kept / "cdn").rglob("*") if path.is_file()]


def test_bucket_itself_lets_nobody_but_the_cdn_read(site: CdnSite) -> None:
    path = urlsplit(site.segments()[0]).path.split("/", 4)[4]
    assert httpx.get(f"{site.bucket.endpoint_url}/{site.bucket.bucket}/{path}").status_code == 403


def test_former_version_has_addresses_of_its_own(site: CdnSite) -> None:
    found = httpx.get(site.segments(version=1)[0])
    assert found.content.startswith(f"<{site.transcode}/1/720p/0>".encode())
