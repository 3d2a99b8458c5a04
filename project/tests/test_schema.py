"""The schema has all that a frontend developer needs, and the docs page works without the internet."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.contrib.staticfiles import finders
from django.core.management.color import no_style
from django.db import connection
from django.test import Client, override_settings

from accounts import cookies
from accounts.models import Scope
from hls.models import Track, TrackText, Transcode
from library.models import FirstCategory, Video
from library.tests.test_uploads import VIDEO, begin, begun, send
from library.tests.videos import Player, make_viewer, published, serve_version, sign_in
from library.tests.writing import Program
from project.api import api
from project.demo_tracks import add_demo_tracks

OF_SEVERAL_SOUNDS = "/api/video/{video_id}/{resolution}/video.m3u8"
METHOD_NAME = re.compile(r"[a-z]+([A-Z][a-z]+)*")
TOLD = re.compile(r"ETag|X-Total-Count|Set-Cookie|X-Video-ID|Location|Content-Range|Tus-.+|Upload-.+")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    response = Client().get("/api/openapi.json")
    assert response.status_code == 200
    loaded: dict[str, Any] = response.json()
    return loaded


@pytest.fixture(scope="module")
def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = [operation for path in schema["paths"].values() for operation in path.values()]
    by_id = {operation["operationId"]: operation for operation in found}
    assert len(by_id) == len(found)
    return by_id


def json_bodies(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(status or "request", media type object) for everything of this operation that is JSON."""
    parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
    return [
        (name, part["content"]["application/json"])
        for name, part in parts.items()
        if "application/json" in part.get("content", {})
    ]


def resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """A schema object that a JSON Schema validator can use by itself."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **part, "components": schema["components"]}


def test_schema_is_not_made_anew_for_each_who_asks() -> None:
    """That takes a quarter of a second of a processor, and needs no credential."""
    first = api.get_openapi_schema()
    assert Client().get("/api/openapi.json").json() == json.loads(json.dumps(first, default=str))
    assert api.get_openapi_schema() is first


def test_schema_is_openapi_3_1(schema: dict[str, Any]) -> None:
    assert schema["openapi"].startswith("3.1.")
    assert schema["info"]["title"] == "Videoflix"


def test_every_operation_has_a_method_name_words_and_a_described_tag(
    schema: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    tags = {tag["name"] for tag in schema["tags"] if tag["description"]}
    for name, operation in operations.items():
        assert METHOD_NAME.fullmatch(name), name
        assert operation["summary"], name
        assert operation["description"], name
        assert len(operation["tags"]) == 1, name
        assert set(operation["tags"]) <= tags, name


def test_every_json_body_has_an_example_that_fits_its_schema(
    schema: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    for name, operation in operations.items():
        for part, body in json_bodies(operation):
            assert "example" in body or "examples" in body, (name, part)
            example = body["example"] if "example" in body else next(iter(body["examples"].values()))["value"]
            assert example not in (None, {}, []), (name, part)
            jsonschema_rs.validate(resolved(schema, body["schema"]), example)


def test_every_field_has_an_example(schema: dict[str, Any]) -> None:
    for name, component in schema["components"]["schemas"].items():
        for field, details in component.get("properties", {}).items():
            known = {"examples", "example", "$ref", "enum", "const", "items", "anyOf"} & set(details)
            assert known or "example" in component or "examples" in component, (name, field)


def test_every_error_is_documented_in_one_of_two_shapes(
    schema: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    shapes = [resolved(schema, {"$ref": f"#/components/schemas/{name}"}) for name in ("Detail", "FieldErrors")]
    for name, operation in operations.items():
        for part, body in json_bodies(operation):
            if part.isdigit() and int(part) >= 400 and part != "503":
                fits = [jsonschema_rs.is_valid(shape, body["example"]) for shape in shapes]
                assert any(fits), (name, part)


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("register", {"201", "400", "403", "413", "415", "429", "500"}),
        ("login", {"200", "400", "401", "403", "413", "415", "429", "500"}),
        ("refreshToken", {"200", "400", "401", "403", "413", "415", "500"}),
        ("logout", {"200", "400", "403", "413", "415", "500"}),
        ("activateAccount", {"200", "400", "404", "500"}),
        ("resendActivation", {"200", "400", "403", "413", "415", "429", "500"}),
        ("requestPasswordReset", {"200", "400", "403", "413", "415", "429", "500"}),
        ("confirmPasswordReset", {"200", "400", "403", "404", "413", "415", "500"}),
        ("getMe", {"200", "401", "403", "429", "500"}),
        ("editMe", {"200", "400", "401", "403", "413", "415", "429", "500"}),
        ("changePassword", {"200", "400", "401", "403", "413", "415", "429", "500"}),
        ("changeEmail", {"200", "400", "401", "403", "413", "415", "429", "500"}),
        ("confirmEmail", {"200", "400", "403", "413", "415", "500"}),
        ("listSessions", {"200", "401", "403", "429", "500"}),
        ("endSession", {"204", "401", "403", "404", "429", "500"}),
        ("exportMe", {"200", "401", "403", "429", "500"}),
        ("deleteMe", {"204", "400", "401", "403", "409", "413", "415", "429", "500"}),
        ("putProgress", {"200", "400", "401", "403", "404", "413", "415", "429", "500"}),
        ("deleteMyListEntry", {"204", "401", "403", "404", "429", "500"}),
    ],
)
def test_accounts_document_every_status_they_answer(
    operations: dict[str, dict[str, Any]], operation: str, statuses: set[str]
) -> None:
    assert set(operations[operation]["responses"]) == statuses | {"503"}  # the database can be away for all of them


def test_every_way_to_send_a_piece_documents_what_is_wrong_with_it(operations: dict[str, dict[str, Any]]) -> None:
    """A piece is sent by PATCH, by POST in its place, and with the creation, where it can't be in a wrong place."""
    answers = {name: set(operations[name]["responses"]) for name in ("appendToUpload", "overrideUploadMethod")}
    assert answers["overrideUploadMethod"] == answers["appendToUpload"]
    assert answers["appendToUpload"] - {"204", "404", "409", "423"} <= set(operations["beginUpload"]["responses"])
    granted = {name: set(operations[f"{name}GrantedUpload"]["responses"]) for name in ("begin", "appendTo")}
    assert granted["begin"] == granted["appendTo"] | {"201"}, "which has the piece's method in a header"
    assert "507" in operations["getUpload"]["responses"]  # asking joins the parts that are there


def test_both_credentials_are_declared_and_required_where_somebody_must_be_signed_in(
    schema: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    schemes = schema["components"]["securitySchemes"]
    assert (schemes["cookie"]["in"], schemes["cookie"]["name"]) == ("cookie", "access_token")
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    for name, operation in operations.items():
        is_open = operation["tags"][0] in ("Accounts", "Health") or name in ("discoverUploads", "checkPlayback")
        is_open = is_open or name.endswith("GrantedUpload")  # whose address is the right
        accepted = {scheme for choice in operation.get("security", []) for scheme in choice}
        assert is_open == (not accepted), name
        assert is_open or {"cookie", "bearer"} <= accepted, name
        assert is_open or "401" in operation["responses"], name


def test_too_many_tries_document_when_to_come_back(operations: dict[str, dict[str, Any]]) -> None:
    for operation in operations.values():
        for status, header in (("429", "Retry-After"), ("503", "Retry-After"), ("401", "WWW-Authenticate")):
            if status in operation["responses"] and operation["tags"] != ["Health"]:
                assert header in operation["responses"][status]["headers"]


def test_parameters_are_valid_openapi(operations: dict[str, dict[str, Any]]) -> None:
    """Ninja writes a list where OpenAPI 3.1 wants a map of Example Objects."""
    for operation in operations.values():
        for parameter in operation["parameters"]:
            assert isinstance(parameter.get("examples", {}), dict)


def test_docs_page_needs_nothing_from_elsewhere() -> None:
    page = Client().get("/api/docs").content.decode()
    assets = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/static/"), asset
        assert finders.find(asset.removeprefix("/static/")), asset
    assert not re.search(r"https?://", page)
    assert '"validatorUrl": null' in page
    assert "openapi.json" in page


def test_docs_explain_how_to_sign_in_and_try(schema: dict[str, Any]) -> None:
    assert "Trying it here" in schema["info"]["description"]


@pytest.fixture
def editor(db: None, settings: Any, tmp_path: Path) -> Player:
    """The administrator, signed in where there is nothing but the video of a first start."""
    settings.HLS_ROOT, settings.MEDIA_ROOT = tmp_path / "hls", tmp_path / "uploads"
    settings.DISK_RESERVE_BYTES = 0
    add_demo_tracks(published(id=1, title="Colours and clock", category=FirstCategory.TUTORIAL))
    first = Track.objects.earliest("pk")  # PostgreSQL goes on counting where the test before has ended: not from here
    TrackText.objects.filter(track=first).update(track_id=1)
    Track.objects.filter(pk=first.pk).update(id=1)
    with connection.cursor() as cursor:
        for sql in connection.ops.sequence_reset_sql(no_style(), [Video, Track]):
            cursor.execute(sql)
    make_viewer(is_staff=True, is_superuser=True)
    return sign_in(Player())


def told_headers(response: Any) -> set[str]:
    """The headers of an answer that the schema has to name, `Set-Cookie` among them."""
    return {name for name in response.headers if TOLD.fullmatch(name)} | ({"Set-Cookie"} if response.cookies else set())


def declared(operation: dict[str, Any], response: Any) -> set[str]:
    return set(operation["responses"][str(response.status_code)].get("headers", {}))


def filled_in(path: str, operation: dict[str, Any]) -> tuple[str, dict[str, str], dict[str, str]]:
    """The address, the query and the headers that the docs page sends: each parameter's example, where it has one."""
    values: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}}
    for parameter in operation["parameters"]:
        if "example" in parameter:
            values[parameter["in"]][parameter["name"]] = str(parameter["example"])
    return path.format(**values["path"]), values["query"], values["header"]


def test_examples_of_addresses_lead_to_the_video_of_a_first_start(schema: dict[str, Any], editor: Player) -> None:
    tried = 0
    for path, operations in schema["paths"].items():
        if path.startswith(("/api/video/", "/api/categories/")) and "get" in operations:
            address, query, headers = filled_in(path, operations["get"])
            response = editor.get(address, query, headers=headers)
            if path == OF_SEVERAL_SOUNDS:  # that video has one
                assert response.status_code == 404
                continue
            assert response.status_code in (200, 206), path
            assert response.sent not in (b"", b"[]"), path
            assert told_headers(response) <= declared(operations["get"], response), path
            tried += 1
    assert tried == 16


def test_example_of_an_address_leads_to_the_pictures_of_several_sounds(
    operations: dict[str, dict[str, Any]], editor: Player
) -> None:
    serve_version(Video.objects.get(), 2, sounds=2)
    operation = operations["getPicturesPlaylist"]
    address, query, headers = filled_in(OF_SEVERAL_SOUNDS, operation)
    response = editor.get(address, query, headers=headers)
    assert response.status_code == 200
    assert told_headers(response) <= declared(operation, response)


def test_an_upload_begins_with_the_examples(operations: dict[str, dict[str, Any]], editor: Player) -> None:
    operation = operations["beginUpload"]
    _, _, headers = filled_in("", operation)
    response = editor.generic("POST", "/api/uploads/", headers=headers)
    assert response.status_code == 201
    assert told_headers(response) <= declared(operation, response)


def test_the_headers_of_the_list_are_declared(operations: dict[str, dict[str, Any]], editor: Player) -> None:
    operation = operations["listVideos"]
    page = editor.get("/api/video/", {"limit": 1})
    assert told_headers(page) == declared(operation, page) == {"ETag", "X-Total-Count"}
    headers = operation["responses"]["200"]["headers"]
    for query, name in (("limit", "1"), ("offset", "0"), ("status", "any"), ("external_id", "x")):
        assert "X-Total-Count" in editor.get("/api/video/", {query: name})
        assert f"`{query}`" in headers["X-Total-Count"]["description"]
    assert "ETag" not in editor.get("/api/video/", {"status": "any"})
    assert "None with `status`" in headers["ETag"]["description"]
    again = editor.get("/api/video/", {"limit": 1}, headers={"If-None-Match": page["ETag"]})
    assert again.status_code == 304
    assert told_headers(again) == declared(operation, again) == {"ETag"}


def test_answers_that_set_cookies_declare_them(operations: dict[str, dict[str, Any]], editor: Player) -> None:
    steps = [("getMasterPlaylist", "get", "/api/video/1/master.m3u8", {cookies.PLAYBACK})]
    steps += [("refreshToken", "post", "/api/token/refresh/", {cookies.ACCESS, cookies.REFRESH})]
    steps += [("logout", "post", "/api/logout/", {cookies.ACCESS, cookies.REFRESH})] * 2
    for name, method, address, expected in steps:
        response = getattr(editor, method)(address)
        assert set(response.cookies) == expected
        header = operations[name]["responses"][str(response.status_code)]["headers"]["Set-Cookie"]
        assert all(f"`{cookie}`" in header["description"] for cookie in expected), name
    assert response.status_code == 400  # nobody was signed in any more
    body = {"email": "ada@example.com", "password": "a quiet river at 5"}
    signed_in = editor.post("/api/login/", body, content_type="application/json")
    told = operations["login"]["responses"]["200"]["headers"]["Set-Cookie"]["description"]
    assert all(f"`{cookie}`" in told for cookie in signed_in.cookies)
    assert len(signed_in.cookies) >= 3


def test_a_playlist_that_is_known_declares_its_cookie_and_tag(
    operations: dict[str, dict[str, Any]], editor: Player
) -> None:
    tag = editor.get("/api/video/1/master.m3u8")["ETag"]
    response = editor.get("/api/video/1/master.m3u8", headers={"If-None-Match": tag})
    assert response.status_code == 304
    assert told_headers(response) == {"ETag", "Set-Cookie"} <= declared(operations["getMasterPlaylist"], response)


PLAYED = {
    "getMasterPlaylist": "master.m3u8",
    "getMediaPlaylist": "480p/index.m3u8",
    "getIframePlaylist": "480p/iframes.m3u8",
    "getStoryboard": "storyboard.vtt",
    "getStoryboardSheet": "storyboard_00.jpg",
    "getThumbnail": "thumbnail.jpg",
    "getSegment": "480p/segment_000.ts",
    "getTrackText": "tracks/1.vtt",
    "getTrackPlaylist": "tracks/1/index.m3u8",
    "getTrackSegment": "tracks/1/segment_000.vtt",
    "getChapters": "tracks/chapters.vtt",
}


def test_what_players_are_answered_is_declared_whatever_they_ask_for(
    operations: dict[str, dict[str, Any]], editor: Player
) -> None:
    """Ranges of playlists were answered with 206 and 416, which the schema did not know, and tags with 412."""
    answered = set()
    for asked in (
        {},
        {"Range": "bytes=0-3"},
        {"Range": "bytes=99999999-"},
        {"If-Match": '"x"'},
        {"If-None-Match": "*"},
    ):
        for name, path in PLAYED.items():
            response = editor.get(f"/api/video/1/{path}", headers=asked)
            assert str(response.status_code) in operations[name]["responses"], (name, asked)
            told = {header.lower() for header in declared(operations[name], response)}
            assert {"last-modified", "accept-ranges"} & {header.lower() for header in response.headers} <= told, name
            answered.add(response.status_code)
    assert answered == {200, 206, 304, 412, 416}


def test_pages_on_other_origins_may_send_every_header_that_is_told_of(operations: dict[str, dict[str, Any]]) -> None:
    """An answer's tag was theirs to read, and their browser refused to send it back."""
    named = {
        one["name"].lower()
        for operation in operations.values()
        for one in operation["parameters"]
        if one["in"] == "header"
    }
    for operation in operations.values():
        if "304" in operation["responses"]:
            assert "If-None-Match" in {one["name"] for one in operation["parameters"]}, operation["operationId"]
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    with override_settings(CSRF_TRUSTED_ORIGINS=["https://app.example.com"]):
        answer = Client().options("/api/video/", headers=asked)
    assert {"if-none-match", "range", "idempotency-key"} <= named
    assert named <= set(answer["Access-Control-Allow-Headers"].split(", "))


def test_a_refused_key_is_told_why_and_the_schema_says_where(operations: dict[str, dict[str, Any]], db: None) -> None:
    program = Program(Scope.STATS_READ)
    for name, address in (("listVideos", "video/"), ("getMe", "me/"), ("listWebhooks", "webhooks/")):
        response = program.send("GET", address)
        assert (response.status_code, "WWW-Authenticate" in response.headers) == (403, True)
        assert "WWW-Authenticate" in declared(operations[name], response), name


def test_a_segment_of_a_replaced_video_is_asked_for_as_its_description_says(
    operations: dict[str, dict[str, Any]], editor: Player
) -> None:
    """It said that `v` is to be left out, which was 404."""
    serve_version(Video.objects.get(), 2)
    Transcode.objects.update(retired=None)
    for name, address in (("getSegment", "480p/segment_000.ts"), ("getStoryboardSheet", "storyboard_00.jpg")):
        (told,) = (one for one in operations[name]["parameters"] if one["name"] == "v")
        assert told["description"].startswith("As the playlist or WebVTT has it.")
        assert editor.get(f"/api/video/1/{address}?v=2").status_code == 200


def test_head_is_answered_wherever_get_is_but_for_a_mails_link(
    operations: dict[str, dict[str, Any]], schema: dict[str, Any], editor: Player
) -> None:
    for path, found in schema["paths"].items():
        if "get" in found and found["get"]["operationId"] != "activateAccount":
            address, query, _ = filled_in(path, found["get"])
            assert editor.head(address, query).status_code != 405, path
    assert editor.head("/api/activate/Mg/x-y/").status_code == 405


def test_the_headers_of_uploads_are_declared(operations: dict[str, dict[str, Any]], editor: Player) -> None:
    discovered = editor.options("/api/uploads/")
    whole = begin(editor, body=VIDEO, title="Harbour")
    url = begun(editor)
    asked = editor.get(url)
    piece = send(editor, url, VIDEO, 0)
    refused = editor.generic("DELETE", url)
    ended = editor.generic("DELETE", begun(editor), headers={"Tus-Resumable": "1.0.0"})
    assert {"X-Video-ID", "Upload-Offset", "Location"} <= told_headers(whole)
    assert (refused.status_code, ended.status_code) == (412, 204)
    for name, response in (
        ("discoverUploads", discovered),
        ("beginUpload", whole),
        ("getUpload", asked),
        ("appendToUpload", piece),
        ("overrideUploadMethod", piece),
        ("endUpload", refused),
        ("endUpload", ended),
        ("listUploads", editor.get("/api/uploads/")),
    ):
        assert told_headers(response) <= declared(operations[name], response), name
        assert "Tus-Resumable" in told_headers(response), name
