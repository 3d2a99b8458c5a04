"""One line per event that a machine can read, with who and what, and without any secret."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.core.management import call_command
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import resolve
from hypothesis import given
from hypothesis import strategies as st

from accounts.auth import Viewer
from accounts.models import User
from hls import heartbeat
from project import database_outage, logs, once_a_minute
from project.logs import HINTS, SECRETS, logging_config, masked
from project.management.commands.worker import QueueWorker
from project.middleware import who_and_what

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


PIECES = (
    *(
        "/activate/",
        "password_confirm/",
        "/play/",
        "/uploads/granted/",
        "vfk_",
        "/confirm/",
        "token=",
        "uid=",
        "sessionid",
        "csrftoken",
        "_password=",
        "'",
        '"',
    ),
    *(
        ": ",
        "=",
        "Bearer ",
        "Basic ",
        "argon2$",
        "pbkdf2_sha256$",
        JWT,
        "eyJ",
        ".",
        "://",
        "@",
        ":",
        "ada",
        "abcdefgh12",
    ),
    *(" ", "password", "token", "/"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_no_secret_is_missed_for_lack_of_a_hint(text: str) -> None:
    assert bool(SECRETS.search(text)) <= any(hint in text for hint in HINTS)


class Lines:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    def begin(self, *, as_json: bool, level: str = "INFO") -> None:
        config = logging_config(level=level, as_json=as_json)
        config["handlers"]["stderr"]["stream"] = self.stream
        logs.configure(config)

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """The lines that production would write. Afterwards every logger is as it was."""
    captured = Lines()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    captured.begin(as_json=True)
    monkeypatch.setattr(logs.StandardError, "write", lambda _, text: captured.stream.write(text))  # lines of requests
    yield captured
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("/api/activate/MQ/c1-abcdef/", "/api/activate/***"),
        ("Internal Server Error: /api/password_confirm/MQ/c1-abc", "Internal Server Error: /api/password_confirm/***"),
        ("https://app.example.com/activate.html?uid=MQ&token=c1-abc", "https://app.example.com/activate.html?uid=***&token=***"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
        ("Authorization: Basic YWRtaW46c2VjcmV0", "Authorization: Basic ***"),
        ("Cookie: access_token=abc; refresh_token=def", "Cookie: access_token=***; refresh_token=***"),
        ("Cookie: b_access_token=abc; b_sessionid=d", "Cookie: b_access_token=***; b_sessionid=***"),
        ("Cookie: device_token=abc", "Cookie: device_token=***"),
        ("{'b_sessionid': 'abc'}", "{'b_sessionid': ***}"),
        (f"the token {JWT} is bad", "the token *** is bad"),
        ('{"email": "ada@example.com", "password": "a quiet river"}', '{"email": "ada@example.com", "password": ***}'),
        ("{'refresh_token': 'abc.def', 'video': 7}", "{'refresh_token': ***, 'video': 7}"),
        ("new_password=hunter2&confirm_password=hunter2", "new_password=***&confirm_password=***"),
        ("Failing row contains (7, argon2$argon2id$v=19$m=19456,t=2, ada).", "Failing row contains (7, ***,t=2, ada)."),
        ("Error 111 connecting to redis://user:hunter2@cache:6379/1", "Error 111 connecting to redis://***@cache:6379/1"),
        ("/api/play/WzE3.q7Jx-0c/video/7/master.m3u8", "/api/play/***/video/7/master.m3u8"),
        ("Referer: https://a.example/api/play/WzE3.q7/video/7/480p/", "Referer: https://a.example/api/play/***/video/7/480p/"),
        ("/api/video/7/720p/index.m3u8", "/api/video/7/720p/index.m3u8"),
        ("PATCH /api/uploads/granted/pK3v-0_nXq/ 204", "PATCH /api/uploads/granted/***/ 204"),
        ("sent vfk_7_0123abcd to nobody", "sent vfk_*** to nobody"),
        ("X: Bearer vfk_7_0123abcd", "X: Bearer ***"),
        ("http://127.0.0.1:8000/api/health/", "http://127.0.0.1:8000/api/health/"),
    ],
)  # fmt: skip
def test_secrets_are_masked_and_nothing_else_is(text: str, seen: str) -> None:
    assert masked(text) == seen


@pytest.mark.django_db
def test_request_becomes_one_json_line_without_its_query(client: Client, lines: Lines) -> None:
    answer = client.get("/?token=abc", headers={"X-Request-ID": "from-the-proxy-1"})

    [line] = lines.read()
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") > 0
    assert line == {
        "event": "request",
        "logger": "videoflix.web",
        "level": "info",
        "request_id": "from-the-proxy-1",
        "method": "GET",
        "path": "/",
        "status": 200,
    }
    assert answer["X-Request-ID"] == "from-the-proxy-1"


@pytest.mark.django_db
def test_request_id_that_could_break_a_line_is_replaced(client: Client) -> None:
    answer = client.get("/", headers={"X-Request-ID": "short\n{}"})

    assert len(answer["X-Request-ID"]) == 32


@pytest.mark.django_db
def test_link_of_a_mail_leaves_no_token_in_the_log(client: Client, lines: Lines) -> None:
    client.get("/api/activate/MQ/c1a2b3-0123456789abcdef/")

    assert [line["path"] for line in lines.read()] == ["/api/activate/***"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/api/play/WzE3.q7Jx0c/video/7/master.m3u8", "/api/video/7/master.m3u8"),
        ("/api/play/WzE3.q7Jx0c/elsewhere/7/", "/api/play/***/elsewhere/7/"),
        ("/api/play/WzE3.q7Jx0c", "/api/play/***"),
    ],
)
def test_playback_address_leaves_no_token_in_the_log(client: Client, lines: Lines, path: str, seen: str) -> None:
    client.get(path, headers={"Referer": f"http://testserver{path}"})

    assert [line["path"] for line in lines.read()] == [seen]
    assert "q7Jx0c" not in lines.stream.getvalue()


@pytest.mark.django_db
def test_successful_health_check_is_not_logged(client: Client, lines: Lines) -> None:
    assert client.get("/api/health/").status_code == 200

    assert not [line for line in lines.read() if line["event"] == "request"]


def test_exception_is_one_line_with_its_traceback(lines: Lines) -> None:
    try:
        raise RuntimeError(f"broken by {JWT}")
    except RuntimeError as error:
        structlog.stdlib.get_logger("videoflix.api").error("unexpected error", exc_info=error)

    [line] = lines.read()
    assert "RuntimeError: broken by ***" in line["exception"]
    assert "Traceback" in line["exception"]


def test_reason_that_is_an_exception_is_told_by_its_kind_and_its_first_line(lines: Lines) -> None:
    reason = OperationalError("no answer from redis://user:hunter2@redis:6379\nDETAIL: of a row")
    structlog.stdlib.get_logger("videoflix.mails").warning("nothing sent", reason=reason)

    [line] = lines.read()
    assert line["reason"] == "OperationalError: no answer from redis://***@redis:6379"


@pytest.mark.django_db
def test_what_ends_a_thread_of_the_worker_is_one_line_without_secrets(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # put back at the end
    monkeypatch.setattr(heartbeat.this_process, "end", lambda: None)

    def fail() -> None:
        raise RuntimeError("no answer from redis://user:hunter2@redis:6379")

    def run(consumer: QueueWorker) -> None:
        thread = threading.Thread(target=fail, name="work")
        thread.start()
        thread.join()

    monkeypatch.setattr(QueueWorker, "run", run)
    call_command("worker", skip_checks=True)

    [line] = [line for line in lines.read() if line["logger"] == "videoflix.threads"]
    assert (line["level"], line["event"]) == ("error", "unhandled exception in thread work")
    assert "no answer from redis://***@redis:6379" in line["exception"]


@pytest.mark.django_db
@pytest.mark.parametrize("as_json", [True, False])
def test_what_breaks_while_signing_in_leaves_no_password_in_the_log(
    client: Client, lines: Lines, monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    """The same with DEBUG=True, where tracebacks are readable."""

    def break_down(email: str, password: str, **others: str) -> None:
        raise RuntimeError(f"nobody can be looked up with {JWT}")

    lines.begin(as_json=as_json)
    monkeypatch.setattr("accounts.services.sign_in", break_down)

    answer = client.post(
        "/api/login/", {"email": "ada@example.com", "password": "hunter2hunter2"}, content_type="application/json"
    )

    assert answer.status_code == 500
    text = lines.stream.getvalue()
    assert "RuntimeError: nobody can be looked up with ***" in text
    assert "break_down" in text  # the traceback
    assert "hunter2" not in text
    assert JWT not in text


def test_secrets_are_masked_by_their_names_and_however_deep(lines: Lines) -> None:
    log = structlog.stdlib.get_logger("videoflix.api")

    log.info("odd", password="hunter2", headers={"Cookie": "a=b", "Host": "x"}, words=["token=abc", 7], video=3)

    [line] = lines.read()
    assert (line["password"], line["headers"]) == ("***", {"Cookie": "***", "Host": "x"})
    assert (line["words"], line["video"]) == (["token=***", 7], 3)


def test_queries_and_their_values_are_no_event(lines: Lines) -> None:
    lines.begin(as_json=True, level="DEBUG")

    logging.getLogger("django.db.backends").debug("(0.001) UPDATE …; args=('argon2$…',); alias=default")

    assert lines.read() == []


def test_lines_of_libraries_and_gunicorn_look_the_same(lines: Lines) -> None:
    logging.getLogger("gunicorn.error").info("Listening at: %s (%s)", "http://127.0.0.1:8000", 7)
    logging.getLogger("some.library").warning("odd")

    assert [(line["logger"], line["level"], line["event"]) for line in lines.read()] == [
        ("gunicorn.error", "info", "Listening at: http://127.0.0.1:8000 (7)"),
        ("some.library", "warning", "odd"),
    ]


def test_viewer_and_video_are_named_by_their_ids(rf: RequestFactory) -> None:
    request: HttpRequest = rf.get("/api/video/12/720p/index.m3u8")
    request.resolver_match = resolve(request.path)
    request.auth = Viewer(user_id=3, is_staff=False, session_id=None)  # type: ignore[attr-defined]  # set by Ninja

    assert who_and_what(request) == {"user_id": 3, "video_id": 12}


def test_request_without_a_user_or_a_route_has_no_ids(rf: RequestFactory) -> None:
    assert who_and_what(rf.get("/nowhere")) == {}


def test_admin_is_named_once_the_request_has_asked_for_them(rf: RequestFactory) -> None:
    request = rf.get("/admin/")
    request._cached_user = User(pk=5)  # type: ignore[attr-defined]  # where AuthenticationMiddleware keeps it

    assert who_and_what(request) == {"user_id": 5}


def test_readable_lines_for_people_are_masked_too(lines: Lines) -> None:
    lines.begin(as_json=False)

    logging.getLogger("videoflix").info("kept token=abc")

    assert "kept token=***" in lines.stream.getvalue()


def test_logging_that_is_set_up_twice_tells_why_the_database_is_away(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in web: by gunicorn, and then by Django. What the first filters had shortened, the second dropped."""
    monkeypatch.setattr(once_a_minute.pool, "_silent_until", 0.0)
    lines.begin(as_json=True)

    refused = OperationalError("Connection refused")
    logging.getLogger(database_outage.POOL).warning(f"{database_outage.TRYING} in %r: %s", "pool-1", refused)

    assert [line["event"] for line in lines.read()] == ["database unreachable: Connection refused"]
