"""Files that a worker fetches from an address: what is asked, what is refused, and what is left where it breaks off."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from hls import claims, lifecycle, renewal, upkeep
from hls.core.errors import Code, Reason
from hls.models import State, Transcode
from hls.sources import awaited
from hls.status import Phase, status_of
from library import disk
from library import upkeep as sweeps
from library.fetching import bringing, offers, submitting, sweeping
from library.fetching.models import Fetch
from library.models import Video
from library.outgoing import addresses, connection
from library.tests.origin import CONTENT, Origin, Ranged, Request, origin
from library.tests.videos import Player, published
from library.tests.writing import Program
from project.tests.certificates import make_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def server() -> Iterator[Origin]:
    with origin() as running:
        yield running


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.SOURCE_ALLOW_PRIVATE = True
    settings.UPLOAD_MAX_BYTES = 20_000_000


@pytest.fixture(autouse=True)
def fresh(server: Origin) -> None:
    server.answers.clear()
    server.seen.clear()
    server.hung_up.clear()


def submitted(url: str) -> Video:
    video = Video(title="Harbour")
    submitting.save_new(video, url)
    return video


def transcode_of(video: Video) -> Transcode:
    return Transcode.objects.get(video=video.pk)


def fetched(url: str) -> Transcode:
    """The transcode of a new video after one try to fetch its file."""
    video = submitted(url)
    assert awaited.do_next()
    return transcode_of(video)


def outcome(transcode: Transcode) -> tuple[str, str, str, bool]:
    """State, code, reason, and whether it is tried again by itself."""
    return transcode.state, transcode.error_code, transcode.error_reason, transcode.retry_at is not None


def files(folder: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((disk.upload_root() / folder).glob("*"))]


AGAIN = (State.FAILED, Code.FETCH_FAILED, "", True)


def for_good(reason: Reason) -> tuple[str, str, str, bool]:
    return (State.FAILED, Code.FETCH_FAILED, reason, False)


def test_file_is_fetched_and_then_planned(server: Origin) -> None:
    video = submitted(server.offers("/films/H%C3%A4fen.mov?token=x", Ranged()))
    assert not claims.unplanned().exists(), "its source is still to come"
    assert status_of(transcode_of(video)).phase == Phase.WAITING
    assert awaited.do_next()
    transcode = transcode_of(video)
    assert (transcode.state, transcode.awaits_source, transcode.source_bytes) == (State.QUEUED, False, len(CONTENT))
    assert (files("videos"), files("partial")) == ([CONTENT], [])
    assert transcode.source.endswith(".mov")
    assert Video.objects.get().original_name == "Häfen.mov"
    assert claims.unplanned().get() == transcode
    assert not Fetch.objects.exists(), "the address may hold a signature"
    [(_, headers)] = server.seen
    assert headers["Accept-Encoding"] == "identity"
    assert not awaited.do_next()


def test_percent_and_phase_tell_how_far_it_is(server: Origin) -> None:
    half_sent, go_on = threading.Event(), threading.Event()

    def half(request: Request) -> None:
        request.answer(200, CONTENT[: len(CONTENT) // 2], Content_Length=str(len(CONTENT)))
        half_sent.set()
        go_on.wait(20)
        request.wfile.write(CONTENT[len(CONTENT) // 2 :])

    video = submitted(server.offers("/a.mp4", half))
    found = claims.claim_transcode(claims.awaiting_source(), None)
    assert found
    told: list[float] = []

    class Watched(awaited.Delivery):
        def tell(self, done: int, total: int | None) -> None:
            super().tell(done, total)
            told.append(self.percent)
            if half_sent.is_set() and done >= len(CONTENT) // 2:
                self.renew()
                go_on.set()

    bringing.bring(found[0], Watched(*found))
    status = status_of(transcode_of(video))
    assert (status.phase, status.queue_position) == (Phase.FETCHING, None)
    assert 5 <= status.percent <= 10
    assert told == sorted(told)
    assert told[-1] == awaited.SHARE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed(server: Origin, status: int) -> None:
    server.offers("/b.mp4", Ranged())
    url = server.offers("/a.mp4", lambda request: request.answer(status, Location="/b.mp4#t=5"))
    assert outcome(fetched(url))[0] == State.QUEUED
    assert [path for path, _ in server.seen] == ["/a.mp4", "/b.mp4"]


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/my film.mp4?for=a b", "/my%20film.mp4?for=a%20b"),
        ("/film ü 雪.mp4", "/film%20%C3%BC%20%E9%9B%AA.mp4"),
        ("/my%20film%2F1.mp4?sig=a%2Fb+c&x=[1]", "/my%20film%2F1.mp4?sig=a%2Fb+c&x=[1]"),
        ("/b.mp4 ", "/b.mp4"),
    ],
)
def test_redirect_that_is_not_spelled_as_an_address_is_followed_as_browsers_do(
    server: Origin, location: str, path: str
) -> None:
    server.offers(path, Ranged())
    sent = location.encode().decode("latin-1")  # the bytes of UTF-8, as http.server writes them
    url = server.offers("/a.mp4", lambda request: request.answer(302, Location=sent))
    assert outcome(fetched(url))[0] == State.QUEUED
    assert [path for path, _ in server.seen] == ["/a.mp4", path]


def test_redirects_are_counted(server: Origin) -> None:
    url = server.offers("/a.mp4", lambda request: request.answer(302, Location="/a.mp4"))
    assert outcome(fetched(url)) == for_good(Reason.NOT_OFFERED)
    assert len(server.seen) == offers.MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "location",
    [
        "http://user:x@127.0.0.1/",
        "file:///etc/passwd",
        "http://[::1",
        "ftp://127.0.0.1/a",
        "http://a b/",
        "http://\xfc/",
    ],
)
def test_redirect_is_judged_like_the_address_itself(server: Origin, location: str) -> None:
    url = server.offers("/a.mp4", lambda request: request.answer(302, Location=location))
    assert outcome(fetched(url)) == for_good(Reason.ADDRESS_REFUSED)


def leads_to(place: str) -> Callable[[Request], None]:
    return lambda request: request.answer(302, Location=place)


def test_redirect_to_a_private_address_is_refused(
    server: Origin, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first host is taken for a public one, as somebody's web server on the internet is."""
    judge = addresses.addresses_of
    monkeypatch.setattr(
        offers,
        "addresses_of",
        lambda target, *, may_be_private: judge(target, may_be_private=may_be_private or target.host == "127.0.0.1"),
    )

    def read(url: str, *, may_be_private: bool) -> addresses.Target:
        return addresses.target_of(url, may_be_private=True)

    monkeypatch.setattr(offers, "target_of", read)
    settings.SOURCE_ALLOW_PRIVATE = False
    monkeypatch.setattr(submitting, "check", lambda url: None)
    server.offers("/secret", Ranged())
    for host in ("localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0"):
        url = server.offers("/a.mp4", leads_to(server.url("/secret", host)))
        assert outcome(fetched(url)) == for_good(Reason.ADDRESS_REFUSED), host
    assert "/secret" not in [path for path, _ in server.seen]


def test_name_that_changes_between_look_up_and_use_changes_nothing(
    server: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name is looked up once, and the connection goes to what was judged."""
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def answers(host: str, *arguments: Any, **options: Any) -> Any:
        if host != "rebind.example":
            return real(host, *arguments, **options)
        looked_up.append(host)
        return real("127.0.0.1" if len(looked_up) == 1 else "127.0.0.2", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    server.offers("/a.mp4", Ranged())
    assert fetched(server.url("/a.mp4", "rebind.example")).state == State.QUEUED
    assert looked_up == ["rebind.example"]
    assert server.seen[0][1]["Host"].startswith("rebind.example:")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda request: request.answer(404), for_good(Reason.NOT_OFFERED)),
        (lambda request: request.answer(401), for_good(Reason.NOT_OFFERED)),
        (lambda request: request.answer(204), for_good(Reason.NOT_OFFERED)),
        (lambda request: request.answer(206, CONTENT, Content_Range="bytes 5-9/10"), AGAIN),
        (lambda request: request.answer(416), AGAIN),
        (lambda request: request.answer(429), AGAIN),
        (lambda request: request.answer(503), AGAIN),
        (lambda request: request.answer(200, CONTENT, Content_Encoding="gzip"), for_good(Reason.NOT_OFFERED)),
        (lambda request: request.answer(200, CONTENT, Content_Type="text/html"), for_good(Reason.NOT_A_VIDEO)),
        (lambda request: request.answer(200, b"  <!DOCTYPE html><p>"), for_good(Reason.NOT_A_VIDEO)),
        (lambda request: request.answer(200, b'{"error": "no"}', Content_Type=""), for_good(Reason.NOT_A_VIDEO)),
        (lambda request: request.answer(200, "Schöne Grüße".encode() * 500), for_good(Reason.NOT_A_VIDEO)),
        (lambda request: request.answer(200, b"#EXTM3U\n"), for_good(Reason.NOT_A_VIDEO)),
        (lambda request: request.answer(200, b"PK\x03\x04" + b"\0" * 2_000), for_good(Reason.NOT_A_VIDEO)),
        (lambda request: request.answer(200, b"\x1f\x8b" + b"\0" * 2_000), for_good(Reason.NOT_A_VIDEO)),
        (lambda request: request.answer(200, b""), for_good(Reason.NOT_A_VIDEO)),
        (lambda request: request.answer(200, CONTENT, Content_Length="1100000"), AGAIN),
        (lambda request: request.wfile.write(b"nonsense\r\n\r\n"), AGAIN),
        (lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200), AGAIN),
        (lambda request: request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), AGAIN),
    ],
)
def test_answer_that_is_no_file_fails_in_a_sentence(server: Origin, answer: Any, expected: Any) -> None:
    transcode = fetched(server.offers("/a.mp4", answer))
    assert outcome(transcode) == expected
    assert (files("videos"), status_of(transcode).percent <= awaited.SHARE) == ([], True)
    error = status_of(transcode).error
    assert error is not None
    assert error.message.endswith(".")
    assert error.hint.endswith(".")


def test_chunks_and_no_length_are_read_to_their_end(server: Origin) -> None:
    def chunked(request: Request) -> None:
        request.answer(200, Content_Length="", Transfer_Encoding="chunked")
        request.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(CONTENT), CONTENT))

    for path, answer in (("/a", chunked), ("/b", lambda request: request.answer(200, CONTENT, Content_Length=""))):
        assert fetched(server.offers(path, answer)).source_bytes == len(CONTENT)


def test_nobody_there_is_tried_again_a_few_times(server: Origin) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        video = submitted(f"http://127.0.0.1:{closed.getsockname()[1]}/a.mp4")
    for attempt in range(1, 4):
        assert awaited.do_next()
        assert outcome(transcode_of(video)) == (*AGAIN[:3], attempt < 3)
        Transcode.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now() - timedelta(seconds=1))
        upkeep.retry_due()
    error = status_of(transcode_of(video)).error
    assert error is not None
    assert "several times" in error.hint


def test_name_that_nobody_has_is_tried_again(server: Origin) -> None:
    assert outcome(fetched("http://nobody.invalid/a.mp4")) == AGAIN


def test_broken_off_fetch_goes_on_where_it_was(server: Origin) -> None:
    file = Ranged(breaks_at=300_000)
    video = submitted(server.offers("/a.mp4", file))
    assert awaited.do_next()
    assert outcome(transcode_of(video)) == AGAIN
    assert [len(part) for part in files("partial")] == [300_000]
    lifecycle.retry(transcode_of(video))
    assert awaited.do_next()
    assert file.asked == ["", f"bytes={300_000 - offers.OVERLAP_BYTES}-"]
    assert files("videos") == [CONTENT]


@pytest.mark.parametrize("etag", ["", 'W/"one"'])
def test_server_without_a_strong_validator_gives_out_the_rest_as_well(server: Origin, etag: str) -> None:
    file = Ranged(breaks_at=300_000, etag=etag, knows_if_range=False)
    video = submitted(server.offers("/a.mp4", file))
    awaited.do_next()
    lifecycle.retry(transcode_of(video))
    awaited.do_next()
    assert file.sent == [300_000, len(CONTENT) - 300_000 + offers.OVERLAP_BYTES]
    assert files("videos") == [CONTENT]


def test_server_that_breaks_off_early_costs_nothing_that_is_here(server: Origin) -> None:
    file = Ranged(breaks_at=300_000)
    video = submitted(server.offers("/a.mp4", file))
    awaited.do_next()
    file.breaks_at = 1_000
    for _ in range(2):
        lifecycle.retry(transcode_of(video))
        awaited.do_next()
    assert file.sent == [300_000, 1_000, len(CONTENT) - 300_000 + offers.OVERLAP_BYTES]
    assert files("videos") == [CONTENT]


@pytest.mark.parametrize("answer", [
    lambda request: request.answer(416),
    lambda request: request.answer(206, CONTENT[9:], Content_Range=f"bytes 9-{len(CONTENT) - 1}/{len(CONTENT)}"),
])  # fmt: skip
def test_rest_that_is_not_given_out_lets_it_begin_anew_at_once(server: Origin, answer: Any) -> None:
    file = Ranged(breaks_at=300_000)
    video = submitted(server.offers("/a.mp4", file))
    awaited.do_next()
    server.offers("/a.mp4", lambda request: answer(request) if request.headers.get("Range") else file(request))
    lifecycle.retry(transcode_of(video))
    awaited.do_next()
    assert files("videos") == [CONTENT]


@pytest.mark.parametrize("kind", ["text/vnd.trolltech.linguist", "text/plain", "application/octet-stream"])
def test_kind_that_a_server_calls_a_video_by_is_not_what_counts(server: Origin, kind: str) -> None:
    url = server.offers("/a.ts", lambda request: request.answer(200, CONTENT, Content_Type=kind))
    assert outcome(fetched(url))[0] == State.QUEUED


def test_what_may_not_be_on_the_disk_is_fetched_again(server: Origin) -> None:
    """A machine that lost its power may have less of the file than was written."""
    file = Ranged(breaks_at=300_000)
    video = submitted(server.offers("/a.mp4", file))
    awaited.do_next()
    Fetch.objects.update(received=100_000)
    lifecycle.retry(transcode_of(video))
    awaited.do_next()
    assert file.asked[1] == f"bytes={100_000 - offers.OVERLAP_BYTES}-"
    assert files("videos") == [CONTENT]


@pytest.mark.parametrize("etag", ['"one"', 'W/"one"', ""])
@pytest.mark.parametrize("knows_if_range", [True, False])
def test_file_that_changed_meanwhile_begins_anew(server: Origin, etag: str, knows_if_range: bool) -> None:
    file = Ranged(breaks_at=300_000, etag=etag, knows_if_range=knows_if_range)
    video = submitted(server.offers("/a.mp4", file))
    awaited.do_next()
    file.etag, file.content = '"two"', CONTENT[::-1].replace(b"\xff", b"\0", 1)
    lifecycle.retry(transcode_of(video))
    awaited.do_next()
    assert files("videos") == [file.content]


def test_killed_workers_fetch_is_taken_up_by_another(server: Origin) -> None:
    file = Ranged(breaks_at=300_000)
    video = submitted(server.offers("/a.mp4", file))
    found = claims.claim_transcode(claims.awaiting_source(), None)
    assert found
    with pytest.raises(Exception, match="300000 bytes of"):
        bringing.fetch_file(Fetch.objects.get(), awaited.Delivery(*found))  # and here its worker is killed
    assert not awaited.do_next(), "the claim still holds"
    Transcode.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    upkeep.take_back_lapsed()
    assert awaited.do_next()
    assert file.asked == ["", f"bytes={300_000 - offers.OVERLAP_BYTES}-"]
    assert (files("videos"), transcode_of(video).losses) == ([CONTENT], 0)


def test_worker_that_was_killed_after_the_last_step_left_the_file(server: Origin) -> None:
    file = Ranged()
    video = submitted(server.offers("/a.mp4", file))
    found = claims.claim_transcode(claims.awaiting_source(), None)
    assert found
    assert bringing.bring(found[0], awaited.Delivery(*found))
    claims.take_back_transcodes(Transcode.objects.all())
    assert awaited.do_next()
    assert (transcode_of(video).awaits_source, len(file.asked)) == (False, 1)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What happens once the first bytes of a file are here."""
    things: list[Callable[[], object]] = []
    tell = awaited.Delivery.tell

    def told(self: awaited.Delivery, done: int, total: int | None) -> None:
        while things:
            things.pop()()
        tell(self, done, total)

    monkeypatch.setattr(awaited.Delivery, "tell", told)
    monkeypatch.setattr(renewal, "RENEW_EVERY_S", 0.0)
    return things


def endless(request: Request) -> None:
    request.answer(200, CONTENT, Content_Length="")
    while True:
        request.wfile.write(b"\0" * 65_536)


def test_cancelled_fetch_ends_and_takes_its_part_along(server: Origin, meanwhile: list[Callable[[], object]]) -> None:
    video = submitted(server.offers("/a.mp4", endless))
    meanwhile.append(lambda: lifecycle.cancel(transcode_of(video)))
    assert awaited.do_next()
    assert (transcode_of(video).state, files("partial"), files("videos")) == (State.CANCELLED, [], [])
    assert server.hung_up.wait(20)


def test_fetch_that_is_cancelled_while_nobody_works_is_swept(server: Origin) -> None:
    video = submitted(server.offers("/a.mp4", Ranged(breaks_at=300_000)))
    awaited.do_next()
    sweeping.sweep()
    assert len(files("partial")) == 1, "it is tried again"
    lifecycle.retry(transcode_of(video))
    lifecycle.cancel(transcode_of(video))
    sweeping.sweep()
    assert files("partial") == []


def test_part_of_a_file_is_no_stray(server: Origin, settled: Path) -> None:
    submitted(server.offers("/a.mp4", Ranged(breaks_at=300_000)))
    awaited.do_next()
    assert sweeps.strays() == []


def test_deleted_video_ends_its_fetch(server: Origin, meanwhile: list[Callable[[], object]]) -> None:
    video = submitted(server.offers("/a.mp4", endless))
    meanwhile.append(lambda: video.delete())
    assert awaited.do_next()
    assert (Video.objects.count(), Fetch.objects.count(), files("partial")) == (0, 0, [])


def test_endless_file_ends_at_the_upload_limit(server: Origin, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 3_000_000
    assert outcome(fetched(server.offers("/a.mp4", endless))) == for_good(Reason.FILE_TOO_LARGE)
    assert files("partial") == []


def test_announced_size_is_checked_before_a_byte_is_read(server: Origin, settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1_000
    assert outcome(fetched(server.offers("/a.mp4", Ranged()))) == for_good(Reason.FILE_TOO_LARGE)


def test_file_without_room_waits_for_it(server: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.offers("/a.mp4", Ranged())
    monkeypatch.setattr(disk, "free_bytes", lambda: 1_000)
    transcode = fetched(url)
    assert outcome(transcode) == (State.FAILED, Code.DISK_FULL, "", True)


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + CONTENT[:2_000]])
def test_silent_and_dripping_servers_are_given_up(
    server: Origin, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    monkeypatch.setattr(connection, "TICK_S", 0.02)
    monkeypatch.setattr(connection, "STALL_S", 0.3)

    def drip(request: Request) -> None:
        request.wfile.write(first)
        while True:
            request.wfile.write(b"X" if first else b"")
            time.sleep(0.05)
            if not first and server.hung_up.wait(1):
                return

    assert outcome(fetched(server.offers("/a.mp4", drip))) == AGAIN
    server.hung_up.set()


def test_fetch_may_not_take_for_ever(server: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bringing, "LONGEST_S", 0.0)
    assert outcome(fetched(server.offers("/a.mp4", Ranged()))) == AGAIN


def test_fetch_may_not_take_for_ever_before_its_answer_either(server: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says again and again that it will answer kept one of a worker's two threads as long as it liked."""
    is_asked = threading.Event()
    hours_later = SimpleNamespace(monotonic=lambda: time.monotonic() + 2 * bringing.LONGEST_S * is_asked.is_set())
    monkeypatch.setattr(bringing, "time", hours_later)

    def put_off(request: Request) -> None:
        is_asked.set()
        for _ in range(200):
            request.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000)

    assert outcome(fetched(server.offers("/a.mp4", put_off))) == AGAIN
    assert server.hung_up.wait(20)


def test_claim_is_renewed_while_the_other_side_is_silent(server: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TICK_S", 0.02)
    monkeypatch.setattr(renewal, "RENEW_EVERY_S", 0.0)
    renewed = threading.Event()
    renew = awaited.Delivery.renew

    def counted(self: awaited.Delivery) -> bool:
        renewed.set()
        return renew(self)

    def late(request: Request) -> None:
        renewed.clear()
        assert renewed.wait(20)
        Ranged()(request)

    monkeypatch.setattr(awaited.Delivery, "renew", counted)
    assert fetched(server.offers("/a.mp4", late)).state == State.QUEUED


def test_tls_is_checked_against_the_name_and_trusted_authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    make_certificate(tmp_path / "tls")
    certificate = tmp_path / "tls/fullchain.pem"
    with origin(certificate=certificate, key=tmp_path / "tls/privkey.pem") as secure:
        secure.offers("/a.mp4", Ranged())
        assert outcome(fetched(secure.url("/a.mp4", "localhost"))) == AGAIN, "nobody has vouched for it"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert fetched(secure.url("/a.mp4", "localhost")).state == State.QUEUED
        real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **options: real("127.0.0.1", *rest, **options))
        assert outcome(fetched(secure.url("/a.mp4", "elsewhere.example"))) == AGAIN, "it is another's certificate"


def test_replacing_by_address_keeps_what_is_served(server: Origin, ada: Player) -> None:
    program, video = Program(), published()
    url = server.offers("/new.mp4", Ranged())
    answer = program.send("POST", f"video/{video.pk}/replace/", {"source_url": url})
    assert (answer.json()["status"], answer.json()["playable"]) == ("queued", True)
    assert ada.get(f"/api/video/{video.pk}/480p/index.m3u8").status_code == 200
    assert awaited.do_next()
    assert transcode_of(video).source == Video.objects.get().video_file.name
    assert ada.get(f"/api/video/{video.pk}/480p/index.m3u8").status_code == 200


def test_another_replacement_forgets_the_address(server: Origin) -> None:
    program = Program()
    made = program.make(source_url=server.url("/a.mp4")).json()
    assert program.send("POST", f"video/{made['id']}/replace/", {"upload_id": program.uploaded()}).status_code == 200
    assert not awaited.do_next()
    sweeping.sweep()
    assert not Fetch.objects.exists()


def test_threads_of_a_worker_bring_what_is_awaited(server: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    here, brought = awaited.Bringers(), threading.Event()
    monkeypatch.setattr(awaited, "do_next", lambda worker: brought.set())
    here.look(None)
    assert here.threads == [], "nothing is awaited"
    submitted(server.url("/a.mp4"))
    here.look(None)
    assert brought.wait(20)
    for thread in here.threads:
        thread.join()


def test_worker_that_ends_leaves_the_part_to_the_next_one(
    server: Origin, meanwhile: list[Callable[[], object]]
) -> None:
    video = submitted(server.offers("/a.mp4", endless))
    meanwhile.append(renewal.stopping.set)
    try:
        assert awaited.do_next()
        assert not awaited.do_next()
    finally:
        renewal.stopping.clear()
    assert (transcode_of(video).state, transcode_of(video).lease_token) == (State.QUEUED, "")
    assert len(files("partial")) == 1
