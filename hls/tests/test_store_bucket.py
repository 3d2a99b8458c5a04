"""A store in a bucket, against a real one: two writers, what a dead worker left, broken connections, wrong keys."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from hls.store import connection
from hls.store.at_once import AT_ONCE, each
from hls.store.bucket import MOVES, BucketStore, Copy
from hls.store.bucket_address import BucketAddress
from hls.store.connection import client_of
from hls.store.contents import content_md5
from hls.store.interface import Staged, StoreFailed
from hls.tests.object_store import page_instead

pytestmark = pytest.mark.bucket


@pytest.fixture
def store(bucket: BucketAddress) -> BucketStore:
    return BucketStore("hls", bucket)


def never() -> None:
    raise AssertionError("nothing was in the way")


def staged(store: BucketStore, folder: Path, text: str, token: str = "one") -> Staged:
    """A chunk of two segments, as a claim stages it."""
    for number in range(2):
        file = folder / token / f"480p/segment_00{number}.ts"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text} {number}")
    return store.stage(folder / token, f"12/1/.work/0-{token}", go_on=lambda: None)


def contents(store: BucketStore) -> list[bytes]:
    return [store.read(f"12/1/480p/{entry.name}") for entry in store.entries("12/1/480p")]


def test_what_is_staged_is_not_put_in_yet(store: BucketStore, tmp_path: Path) -> None:
    staged(store, tmp_path, "mine")
    assert not store.exists("12/1/480p")
    assert store.exists("12/1/.work/0-one")


def test_who_waits_for_uploads_is_called_meanwhile(
    store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called, upload = threading.Event(), BucketStore._upload

    def waiting(self: BucketStore, file: Path, name: str) -> None:
        assert called.wait(20)
        upload(self, file, name)

    monkeypatch.setattr("hls.store.at_once.TICK_S", 0.01)
    monkeypatch.setattr(BucketStore, "_upload", waiting)
    (tmp_path / "a").write_text("a")
    assert store.stage(tmp_path, "12/1/.work/0-one", go_on=called.set).names == ("a",)
    assert store.read("12/1/.work/0-one/a") == b"a"


def test_what_a_dead_worker_has_left_is_replaced_after_asking(store: BucketStore, tmp_path: Path) -> None:
    """It died between its first copy and the end of its transaction, and its encoder made other bytes."""
    dead = staged(store, tmp_path, "dead", "dead")
    store.put_in(replace(dead, names=dead.names[:1]), "12/1", still_ours=never)
    asked = threading.Event()
    store.put_in(staged(store, tmp_path, "mine"), "12/1", still_ours=asked.set)
    assert asked.is_set()
    assert contents(store) == [b"mine 0", b"mine 1"]


class Lost(Exception):
    pass


def test_whoever_has_lost_the_claim_replaces_nothing(store: BucketStore, tmp_path: Path) -> None:
    """A machine that stood still for a minute goes on where it was, and another's chunk is published by then."""
    late = staged(store, tmp_path, "late", "late")
    store.put_in(staged(store, tmp_path, "mine"), "12/1", still_ours=never)

    def lost() -> None:
        raise Lost

    with pytest.raises(Lost):
        store.put_in(late, "12/1", still_ours=lost)
    assert contents(store) == [b"mine 0", b"mine 1"]


def test_what_has_changed_since_it_was_looked_at_is_not_removed(store: BucketStore, tmp_path: Path) -> None:
    """The claim was still held when it was asked for, and lost a moment later."""
    dead = staged(store, tmp_path, "dead", "dead")
    store.put_in(replace(dead, names=dead.names[:1]), "12/1", still_ours=never)
    late, mine = staged(store, tmp_path, "late", "late"), staged(store, tmp_path, "mine")

    def meanwhile() -> None:
        store.put_in(mine, "12/1", still_ours=lambda: None)

    with pytest.raises(FileExistsError):
        store.put_in(late, "12/1", still_ours=meanwhile)
    assert contents(store) == [b"mine 0", b"mine 1"]


def test_of_several_writers_one_wins(store: BucketStore) -> None:
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        barrier.wait()
        store.write_once(".installation", f"{number}" * 1000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert len(set(store.read(".installation"))) == 1


def test_an_upload_whose_answer_was_lost_is_not_taken_for_another_s(store: BucketStore, tmp_path: Path) -> None:
    """boto3 sends it again, and meets its own object."""
    staged(store, tmp_path, "mine")
    assert staged(store, tmp_path, "mine").names == ("480p/segment_000.ts", "480p/segment_001.ts")
    with pytest.raises(FileExistsError):
        staged(store, tmp_path, "other")


def test_bytes_that_were_changed_on_their_way_are_refused(store: BucketStore, bucket: BucketAddress) -> None:
    with pytest.raises(ClientError, match="BadDigest"):
        client_of(bucket).put_object(
            Bucket=bucket.bucket, Key=f"{bucket.prefix}hls/x", Body=b"changed", ContentMD5=content_md5(b"sent")
        )
    assert not store.exists("x")


def test_a_store_that_can_not_be_reached_is_told_in_a_sentence(
    bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ATTEMPTS", 1)
    store = BucketStore("hls", replace(bucket, endpoint_url="http://127.0.0.1:1"))
    with pytest.raises(StoreFailed, match="can't be reached"):
        store.read("x")


def test_a_page_in_the_place_of_the_bucket_is_no_object(bucket: BucketAddress, tmp_path: Path) -> None:
    """It was a bare KeyError where an object was read, success where one was written, and no objects in a list."""
    (tmp_path / "x").write_bytes(b"x")
    with page_instead() as address:
        store = BucketStore("hls", replace(bucket, endpoint_url=address))
        asks = (
            *(lambda: store.read("x"), lambda: store.exists("x"), lambda: store.remote("x"), lambda: store.entries("")),
            *(lambda: store.write_once("x", "text"), lambda: store.stage(tmp_path, "y", go_on=lambda: None)),
        )
        for ask in asks:
            with pytest.raises(StoreFailed):
                ask()


def test_more_objects_than_one_answer_holds_are_listed_and_removed(
    store: BucketStore, bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hls.store.bucket.MOST_AT_ONCE", 10)
    client = client_of(bucket)
    for number in range(25):
        name = f"{bucket.prefix}hls/12/1/480p/segment_{number:03d}.ts"
        client.put_object(Bucket=bucket.bucket, Key=name, Body=b"xy")
    assert len(store.entries("12/1/480p")) == 25
    assert store.size_bytes("12") == 50
    store.remove("12")
    assert not store.exists("12")


@pytest.mark.parametrize("fails", ["_copy", "_remove"])
def test_a_move_that_was_interrupted_is_finished(
    store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """A video that is half in the trash could neither be restored nor served."""
    store.put_in(staged(store, tmp_path, "mine"), "12/1", still_ours=never)
    store.remove("12/1/.work")
    whole = store.sizes("12/1")
    real = getattr(BucketStore, fails)

    def died(self: BucketStore, argument: Copy | list[str]) -> None:
        """After the first of two objects."""
        if isinstance(argument, Copy) and argument.source.endswith("000.ts"):
            real(self, argument)
        elif isinstance(argument, list):
            real(self, argument[:1])
        raise Lost

    with monkeypatch.context() as patched:
        patched.setattr(BucketStore, fails, died)
        with pytest.raises(Lost):
            store.move("12/1", ".trash/batch/12/1")
    store.finish_moves()
    assert (store.sizes(".trash/batch/12/1"), store.sizes("12/1")) == (whole, {})
    assert store.sizes(MOVES) == {}


def test_threads_that_ask_at_once_for_different_places_get_one_client(
    bucket: BucketAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ATTEMPTS", 7)  # nobody has a client of this kind yet
    places = [replace(bucket, prefix=f"{number}/") for number in range(AT_ONCE)]
    assert len(set(each(client_of, places))) == 1


def test_a_signed_address_can_be_read_by_anybody_and_in_parts(store: BucketStore, tmp_path: Path) -> None:
    store.put_in(staged(store, tmp_path, "mine"), "12/1", still_ours=never)
    address = store.signed_address("12/1/480p/segment_000.ts", lifetime_s=60)
    with urlopen(Request(address, headers={"Range": "bytes=1-3"})) as answer:
        assert (answer.status, answer.read()) == (206, b"ine")
    with pytest.raises(OSError, match="403"):
        urlopen(address.partition("?")[0])


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed(store: BucketStore, bucket: BucketAddress) -> None:
    client, name = client_of(bucket), f"{bucket.prefix}hls/x"
    client.put_object(Bucket=bucket.bucket, Key=name, Body=b"old" * 10)
    opened = store.open("x")
    client.put_object(Bucket=bucket.bucket, Key=name, Body=b"new" * 10)
    with pytest.raises(FileExistsError):
        opened.read(3, 3)
    opened.close()


@contextmanager
def breaking_off(port: int, after: int) -> Iterator[int]:
    """A connection to a port that breaks off after so many bytes of each answer; gives its own port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client, socket.create_connection(("127.0.0.1", port)) as real:
                    real.sendall(client.recv(65_536))
                    left = after
                    while left and (data := real.recv(min(left, 65_536))):
                        client.sendall(data)
                        left -= len(data)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_a_connection_that_breaks_off_costs_no_byte(store: BucketStore, bucket: BucketAddress) -> None:
    content = bytes(range(256)) * 4000
    client_of(bucket).put_object(Bucket=bucket.bucket, Key=f"{bucket.prefix}hls/x", Body=content)
    port = int((bucket.endpoint_url or "").rpartition(":")[2])
    with breaking_off(port, after=400_000) as bad_port:
        shaky = BucketStore("hls", replace(bucket, endpoint_url=f"http://127.0.0.1:{bad_port}"))
        assert shaky.read("x") == content


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"bucket": "no-such-bucket"}, "no bucket of this name"),
        ({"access_key_id": "nobody"}, "does not know this access key"),
        ({"secret_access_key": "wrong"}, "refuses the secret key"),
    ],
)
def test_a_wrong_address_is_told_in_a_sentence(bucket: BucketAddress, wrong: dict[str, str], sentence: str) -> None:
    store = BucketStore("hls", replace(bucket, **wrong))
    for ask in (lambda: store.exists("12"), lambda: store.read("x"), lambda: store.entries("")):
        with pytest.raises(StoreFailed, match=sentence):
            ask()


def test_the_secret_is_in_no_text_of_the_address(bucket: BucketAddress) -> None:
    assert bucket.secret_access_key not in f"{bucket!r} {bucket}"
