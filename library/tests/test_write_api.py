"""Making, editing, replacing and deleting videos over the API, by keys and by staff."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.models import Scope
from hls.models import State, Transcode
from library.fetching import submitting
from library.models import KeptAnswer, Upload, Video
from library.tests.factories import VideoFactory
from library.tests.test_uploads import VIDEO
from library.tests.videos import Player, make_viewer, published, sign_in
from library.tests.writing import Program
from library.webhooks import payloads
from library.writing import idempotency, making

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(db: None) -> Program:
    return Program()


def ids(response: Any) -> list[int]:
    assert response.status_code == 200, response.sent
    return [video["id"] for video in response.json()]


def test_video_is_made_of_an_upload_and_tells_its_state(program: Program, folders: Path) -> None:
    answer = program.make(
        description="Boats leave.", category="drama", external_id="cms-1", metadata={"season": 2, "tags": ["sea"]}
    )
    assert answer.status_code == 201, answer.sent
    made = answer.json()
    assert answer["Location"] == f"/api/video/{made['id']}/"
    told = ("title", "description", "category", "external_id", "metadata", "status", "percent", "playable", "error")
    assert {name: made[name] for name in told} == {
        "title": "Harbour",
        "description": "Boats leave.",
        "category": "drama",
        "external_id": "cms-1",
        "metadata": {"season": 2, "tags": ["sea"]},
        "status": "queued",
        "percent": 0,
        "playable": False,
        "error": None,
    }
    video = Video.objects.get(pk=made["id"])
    assert (folders / "uploads" / str(video.video_file.name)).read_bytes() == VIDEO
    assert (video.original_name, video.added_by, video.is_published) == ("harbour.mp4", None, True)


def test_a_moment_is_spelled_alike_wherever_a_video_is_told_of(program: Program) -> None:
    """Programs compare texts: some answers had microseconds, the others milliseconds."""
    at = datetime(2026, 11, 29, 10, 4, 36, 388452, tzinfo=UTC)
    video = published()
    Video.objects.filter(pk=video.pk).update(created_at=at, publish_at=at, external_id="cms-1")
    video.refresh_from_db()
    lists = [program.send("GET", path).json() for path in ("video/", "video/?status=any", "video/?external_id=cms-1")]
    told = [
        *(videos[0] for videos in lists),
        program.send("GET", f"video/{video.pk}/").json(),
        program.send("PATCH", f"video/{video.pk}/", {"title": "Harbour"}).json(),
        payloads.of_video(video),
    ]
    assert {one["created_at"] for one in told} == {"2026-11-29T10:04:36.388Z"}
    assert {one.get("publish_at") for one in told} == {"2026-11-29T10:04:36.388Z", None}


def test_whole_life_of_a_video_by_its_key_alone(program: Program) -> None:
    video_id = program.make(is_published=False).json()["id"]
    edited = program.send("PATCH", f"video/{video_id}/", {"title": " Dusk ", "is_published": True}).json()
    assert (edited["title"], edited["is_published"]) == ("Dusk", True)
    cancelled = program.send("POST", f"video/{video_id}/transcode/cancel/")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert program.send("POST", f"video/{video_id}/transcode/retry/").json()["state"] == "queued"
    assert program.send("POST", f"video/{video_id}/transcode/retry/").status_code == 409
    replaced = program.send("POST", f"video/{video_id}/replace/", {"upload_id": program.uploaded()})
    assert (replaced.status_code, replaced.json()["status"]) == (200, "queued")
    assert Transcode.objects.get(video=video_id).version == 2
    assert program.send("DELETE", f"video/{video_id}/").status_code == 204
    assert program.send("DELETE", f"video/{video_id}/").status_code == 404


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"category": "poems"}, "category"),
        ({"external_id": ""}, "external_id"),
        ({"external_id": "x" * 201}, "external_id"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"a": "x" * 4_096}}, "metadata"),
        ({"metadata": {"a": "\0"}}, "metadata"),
        ({"metadata": {"\ud800": 1}}, "metadata"),
        ({"is_published": 0}, "is_published"),
        ({"publish_at": 0}, "publish_at"),
        ({"publish_at": "0"}, "publish_at"),
        ({"publish_at": "2027-01-31T12:00:00"}, "publish_at"),
        ({"publish_at": "0001-01-01T00:00:00+01:00"}, "publish_at"),
        ({"publish_at": "9999-12-31T23:59:59-14:00"}, "publish_at"),
        ({"publish_at": "9999-12-31T23:59:59Z"}, "publish_at"),
        ({"upload_id": "7"}, "upload_id"),
        ({"upload_id": "<script>"}, "upload_id"),
        ({"upload_id": "0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c"}, "upload_id"),
        ({"source_url": "http://example.com/a.mp4"}, "source_url"),
    ],
)
def test_what_can_not_be_used_is_named_by_its_field(program: Program, told: dict[str, Any], field: str) -> None:
    answer = program.make(**told)
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert "<" not in answer.sent.decode(), "what was sent is never repeated"
    assert not Video.objects.exists()


def test_text_that_looks_like_a_null_character_is_kept(program: Program) -> None:
    metadata = {"pattern": "\\u0000", "more": "\\\\u0000"}
    assert program.make(metadata=metadata).json()["metadata"] == metadata


@pytest.mark.parametrize("metadata", ['{"a": 1e400}', '{"a": NaN}', '{"a": ' + "[" * 1_900 + "]" * 1_900 + "}"])
def test_json_that_no_database_takes_is_refused(program: Program, metadata: str) -> None:
    body = f'{{"title": "x", "upload_id": "{program.uploaded()}", "metadata": {metadata}}}'.encode()
    headers = {"Authorization": f"Bearer {program.spelled}"}
    answer = Player().generic("POST", "/api/video/", body, content_type="application/json", headers=headers)
    assert answer.status_code == 400, answer.content


@pytest.mark.parametrize(
    "file",
    [
        {},
        {"upload_id": "0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c", "source_url": "https://example.com/a.mp4"},
    ],
)
def test_file_comes_from_exactly_one_place(program: Program, file: dict[str, str]) -> None:
    answer = program.send("POST", "video/", {"title": "Harbour"} | file)
    assert answer.status_code == 400
    assert "Send either upload_id or source_url." in answer.sent.decode()


def test_upload_is_ones_own_complete_and_used_once(program: Program) -> None:
    def refusal(upload_id: str) -> list[str]:
        found: list[str] = program.make(upload_id=upload_id).json()["upload_id"]
        return found

    mine = program.uploaded()
    assert program.make(upload_id=mine).status_code == 201
    assert refusal(mine) == [making.TAKEN]
    assert refusal(Program().uploaded()) == [making.TAKEN]
    assert refusal(program.uploaded(VIDEO[:100])) == [making.INCOMPLETE]


def test_external_id_belongs_to_one_video(program: Program) -> None:
    first = program.make(external_id="cms-1").json()
    second = program.make().json()
    assert program.make(external_id="cms-1").status_code == 409
    conflict = program.send("PATCH", f"video/{second['id']}/", {"external_id": "cms-1"})
    assert (conflict.status_code, conflict.json()) == (409, {"detail": "Another video has this external_id."})
    same = program.send("PATCH", f"video/{first['id']}/", {"external_id": "cms-1"})
    assert same.status_code == 200
    assert program.send("PATCH", f"video/{first['id']}/", {"external_id": None}).json()["external_id"] is None
    assert program.send("PATCH", f"video/{second['id']}/", {"external_id": "cms-1"}).status_code == 200


@pytest.mark.parametrize("body", [[], [None, None], "title", 7])
def test_patch_takes_an_object(program: Program, body: object) -> None:
    video = published()
    answer = program.send("PATCH", f"video/{video.pk}/", body)
    assert (answer.status_code, answer.json()) == (400, {"detail": "Send a JSON object."})


def test_patch_changes_what_it_names_alone(program: Program) -> None:
    made = program.make(description="Boats.", metadata={"a": 1}).json()
    before = Video.objects.get(pk=made["id"])
    unchanged = program.send("PATCH", f"video/{made['id']}/", {"title": "Harbour", "description": None})
    assert unchanged.json() == made
    assert Video.objects.get(pk=made["id"]).updated_at == before.updated_at
    changed = program.send(
        "PATCH", f"video/{made['id']}/", {"metadata": {}, "publish_at": "2999-01-01T00:00:00Z"}
    ).json()
    assert (changed["metadata"], changed["publish_at"], changed["description"]) == (
        {},
        "2999-01-01T00:00:00Z",
        "Boats.",
    )
    assert program.send("PATCH", f"video/{made['id']}/", {"publish_at": None}).json()["publish_at"] is None
    assert program.send("PATCH", "video/999999/", {"title": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("before", "after"), [("1", "true"), ("[0]", "[false]"), ('{"b": true}', '{"b": 1}'), ("1", "1.0")]
)
def test_metadata_of_another_type_and_like_value_are_a_change(program: Program, before: str, after: str) -> None:
    """Python takes 1, 1.0 and True for equal."""
    path = f"video/{program.make(metadata={'a': json.loads(before)}).json()['id']}/"
    program.send("PATCH", path, {"metadata": {"a": json.loads(after)}})
    (told,) = program.send("GET", "video/?status=any").json()
    assert json.dumps(told["metadata"]["a"]) == after


def test_metadata_that_are_sent_again_are_no_change(program: Program) -> None:
    made = program.make(metadata={"a": 1, "b": [True, None, 2.5, {"c": "ü"}]}).json()
    again = {"metadata": {"b": [True, None, 2.5, {"c": "ü"}], "a": 1}}
    assert program.send("PATCH", f"video/{made['id']}/", again).json() == made


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "video/"),
        ("PATCH", "video/{}/"),
        ("DELETE", "video/{}/"),
        ("POST", "video/{}/replace/"),
        ("POST", "video/{}/transcode/retry/"),
        ("POST", "video/{}/transcode/cancel/"),
    ],
)
def test_only_the_scope_and_staff_with_the_permission_may_write(ada: Player, method: str, path: str) -> None:
    video = published()
    body = {"title": "Harbour", "source_url": "https://example.com/a.mp4"}
    others = Program(*(scope for scope in Scope.values if scope != Scope.VIDEOS_WRITE))
    refused = others.send(method, path.format(video.pk), body)
    assert (refused.status_code, refused.json()["detail"]) == (403, "This API key has not the scope videos:write.")
    make_viewer("clerk@example.com", is_staff=True)
    clerk = sign_in(Player(), "clerk@example.com")
    for person in (ada, clerk):
        sent = json.dumps(body).encode()
        answer = person.generic(method, f"/api/{path.format(video.pk)}", sent, content_type="application/json")
        assert answer.status_code == 403, answer.content
    assert Video.objects.get() == video


def test_what_staff_do_is_in_the_history(db: None) -> None:
    make_viewer("dora@example.com", is_staff=True, is_superuser=True)
    dora, video = sign_in(Player(), "dora@example.com"), published()
    body = b'{"title": "Dusk", "description": "Late."}'
    assert dora.generic("PATCH", f"/api/video/{video.pk}/", body, content_type="application/json").status_code == 200
    assert LogEntry.objects.get().get_change_message() in (
        "Changed title and description.",
        "Changed description and title.",
    )
    assert dora.delete(f"/api/video/{video.pk}/").status_code == 204
    assert LogEntry.objects.count() == 2


def history() -> list[tuple[str, str]]:
    entries = LogEntry.objects.order_by("pk")
    return [(entry.user.get_username(), entry.get_change_message()) for entry in entries]


def test_what_a_key_does_is_in_the_history_under_whoever_made_it(db: None) -> None:
    dora = make_viewer("dora@example.com", is_staff=True)
    program = Program(made_by=dora)
    video_id = program.make().json()["id"]
    program.send("PATCH", f"video/{video_id}/", {"title": "Dusk"})
    program.send("POST", f"video/{video_id}/transcode/cancel/")
    made, edited, cancelled = history()
    assert made == ("dora@example.com", "Made over the API with the key “Importer”.")
    assert edited == ("dora@example.com", "Changed over the API with the key “Importer”: title.")
    assert cancelled == ("dora@example.com", "Transcode cancelled over the API with the key “Importer”.")

    dora.delete()

    assert program.send("PATCH", f"video/{video_id}/", {"title": "Dawn"}).status_code == 200
    assert history() == []


def test_what_a_key_without_a_maker_does_is_in_the_log_alone(program: Program) -> None:
    assert program.make().status_code == 201
    assert history() == []


def test_list_for_staff_and_keys_has_every_state(program: Program, ada: Player) -> None:
    ready, draft = published(title="One"), published(title="Two", is_published=False, external_id="cms-2")
    failed, queued = VideoFactory.create(failed=True), VideoFactory.create()
    everything = program.send("GET", "video/?status=any")
    assert ids(everything) == [queued.pk, failed.pk, draft.pk, ready.pk]
    assert everything["X-Total-Count"] == "4"
    assert ids(program.send("GET", "video/?status=failed,queued")) == [queued.pk, failed.pk]
    assert program.send("GET", "video/?status=failed").json()[0]["error"]["code"] == "no_video"
    assert ids(program.send("GET", "video/?external_id=cms-2")) == [draft.pk]
    assert ids(program.send("GET", "video/?external_id=cms-3")) == []
    assert ids(program.send("GET", "video/?external_id=%00")) == []
    assert ids(program.send("GET", "video/?status=any&limit=1&offset=1")) == [failed.pk]
    assert ids(program.send("GET", "video/?status=any&search=two")) == [draft.pk]
    assert program.send("GET", "video/?status=nice").status_code == 400
    for query in ("status=any", "external_id=cms-2"):
        refused = ada.get(f"/api/video/?{query}")
        assert refused.status_code == 403, refused.sent
    assert [video["id"] for video in ada.get("/api/video/").json()] == [ready.pk]
    assert set(ada.get("/api/video/").json()[0]) == set(program.send("GET", "video/").json()[0])


def test_admin_shows_a_video_whose_file_is_still_to_come(at_admin: Client) -> None:
    video = Video(title="Harbour")
    submitting.save_new(video, "https://media.example.com/harbour.mp4?signature=secret")
    for path in ("/admin/library/video/", "/admin/", f"/admin/library/video/{video.pk}/change/"):
        page = at_admin.get(path)
        assert page.status_code == 200
        assert "signature=secret" not in page.content.decode()
    assert "/original/" not in page.content.decode(), "there is no file to download yet"
    assert "0 bytes" not in page.content.decode()
    saved = at_admin.post(f"/admin/library/video/{video.pk}/change/", {"title": "Dusk", "category": "drama"})
    assert saved.status_code == 302
    assert Video.objects.get().title == "Dusk"


def test_list_takes_the_same_queries_for_any_number(program: Program, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        published(title=f"{number}")
    with django_assert_max_num_queries(12):
        assert len(program.send("GET", "video/?status=any").json()) == 12


def test_same_request_with_the_same_key_is_answered_the_same(program: Program) -> None:
    upload_id = program.uploaded()
    body = {"title": "Harbour", "upload_id": upload_id}
    first = program.send("POST", "video/", body, Idempotency_Key="one")
    again = program.send("POST", "video/", body, Idempotency_Key="one")
    assert (again.status_code, again.sent, again["Location"]) == (201, first.sent, first["Location"])
    assert Video.objects.count() == 1
    other = program.send("POST", "video/", body | {"title": "Dusk"}, Idempotency_Key="one")
    assert (other.status_code, other.json()["detail"]) == (409, "This Idempotency-Key was sent with another request.")
    elsewhere = program.send(
        "POST", f"video/{first.json()['id']}/replace/", {"upload_id": upload_id}, Idempotency_Key="one"
    )
    assert elsewhere.status_code == 409
    assert (
        program.send(
            "POST", "video/", {"title": "x", "upload_id": program.uploaded()}, Idempotency_Key="two"
        ).status_code
        == 201
    )
    stranger = Program()
    own = {"title": "Harbour", "upload_id": stranger.uploaded()}
    assert stranger.send("POST", "video/", own, Idempotency_Key="one").status_code == 201, "keys are each caller's own"


def test_refused_request_leaves_its_key_free(program: Program) -> None:
    assert (
        program.send("POST", "video/", {"title": "x", "source_url": "ftp://a"}, Idempotency_Key="one").status_code
        == 400
    )
    assert not KeptAnswer.objects.exists()
    body = {"title": "x", "upload_id": program.uploaded()}
    assert program.send("POST", "video/", body, Idempotency_Key="one").status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ü"])
def test_key_that_is_none_is_refused(program: Program, key: str) -> None:
    answer = program.send("POST", "video/", {"title": "x", "source_url": "https://a.example/b"}, Idempotency_Key=key)
    assert (answer.status_code, list(answer.json())) == (400, ["Idempotency-Key"])


def test_key_is_forgotten_after_a_day(program: Program) -> None:
    video = VideoFactory.create(failed=True)
    retry = f"video/{video.pk}/transcode/retry/"
    assert program.send("POST", retry, Idempotency_Key="one").status_code == 200
    assert program.send("POST", retry, Idempotency_Key="one").status_code == 200, "the same answer"
    KeptAnswer.objects.update(expires_at=timezone.now())
    assert program.send("POST", retry, Idempotency_Key="one").status_code == 409, "it is queued already"
    KeptAnswer.objects.create(caller="user 1", key="old", digest="", expires_at=timezone.now() - timedelta(seconds=1))
    idempotency.forget_old()
    assert not KeptAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_make_one_video() -> None:
    program = Program()
    body = {"title": "Harbour", "upload_id": program.uploaded()}
    gate = threading.Barrier(10)

    def send(_: int) -> tuple[int, bytes]:
        gate.wait()
        try:
            answer = program.send("POST", "video/", body, Idempotency_Key="one")
            return answer.status_code, answer.sent
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(send, range(10)))
    assert len(answers) == 1, answers
    assert next(iter(answers))[0] == 201
    assert (Video.objects.count(), Upload.objects.filter(taken_at=None).count()) == (1, 0)


def test_replacing_keeps_what_is_served_until_the_new_file_is_ready(program: Program, ada: Player) -> None:
    video = published()
    answer = program.send("POST", f"video/{video.pk}/replace/", {"upload_id": program.uploaded()})
    assert (answer.json()["status"], answer.json()["playable"]) == ("queued", True)
    assert ada.get(f"/api/video/{video.pk}/480p/index.m3u8").status_code == 200
    assert Transcode.objects.get(video=video).state == State.QUEUED
