"""The API: mounts the routers, and owns the one table from error class to status."""

import errno
import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from ninja import NinjaAPI, Router
from ninja.errors import HttpError, ValidationError
from ninja.openapi.docs import Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser
from redis.exceptions import RedisError

from accounts import errors as accounts
from accounts.api import router as accounts_router
from accounts.auth import Viewer, person, playback, reader, staff, staff_or_session, viewer
from accounts.me import api as me
from accounts.models import Scope, User
from hls.core.errors import DISK_IS_FULL, in_one_line
from hls.errors import NotPossible
from hls.store.interface import StoreFailed, StoreFull
from library import api as library
from library import errors as videos
from library.grants import api as grants
from library.tracks import api as tracks
from library.uploads import api as uploads
from library.watching import api as watching
from library.webhooks import api as webhooks
from library.writing import api as writing
from project import edge
from project.health import api as health
from project.middleware import CHALLENGE
from project.personal import api as personal
from project.schema import DESCRIPTION, TAGS, complete_schema
from project.sentences import sentence_for
from project.upload_grants import by_grant

log = structlog.get_logger("videoflix.api")

STATUS_OF: dict[type[Exception], int] = {
    accounts.RegistrationRefused: 400,
    accounts.LinkRefused: 400,
    accounts.RefreshTokenMissing: 400,
    accounts.SignInRefused: 401,
    accounts.CodeMissing: 401,
    accounts.OtherHostName: 403,
    accounts.SessionNotFound: 404,
    accounts.LastAdministrator: 409,
    accounts.TokenRefused: 401,
    accounts.KeyRefused: 401,
    accounts.ScopeMissing: 403,
    accounts.TooManyTries: 429,
    NotPossible: 409,
    videos.NotFound: 404,
    videos.FileRefused: 400,
    videos.UploadMalformed: 400,
    videos.NotPermitted: 403,
    videos.FinalUpload: 403,
    videos.OffsetConflict: 409,
    videos.ExternalIdTaken: 409,
    videos.KeyUsedOtherwise: 409,
    videos.SwitchedOff: 409,
    videos.UploadGone: 410,
    videos.UnknownVersion: 412,
    videos.TooLarge: 413,
    videos.WrongMedia: 415,
    videos.UploadBusy: 423,
    videos.ChecksumMismatch: 460,
    videos.NoRoom: 507,
}
GENERIC_STATUS_OF: dict[type[Exception], int] = {  # answered with the status's own sentence
    PermissionDenied: 403,
    RequestDataTooBig: 413,
    SuspiciousOperation: 400,
    UnreadablePostError: 400,
    OperationalError: 503,
    InterfaceError: 503,
    RedisError: 503,
    StoreFailed: 503,
    StoreFull: 507,
}
WITH_EFFECT = {"activateAccount"}
OBJECT_WANTED = "Send a JSON object."
SENTENCES_OF = {  # instead of Pydantic's, which repeat a part of the input
    "missing": "This field is required.",
    "uuid_parsing": "Input should be a UUID, such as 0b5c1ae8-51a4-4a3f-9a4e-5f1fbb6d1b1c.",
}


class NotAnObject(ValueError):
    """JSON, but a list, a text or a number. Ninja's Schema reads attributes, and would take it for an empty object."""


class StrictJson(Parser):
    """An object of JSON sent as JSON: no other content type, no key twice, no NaN."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        if not is_json(request):
            raise ValueError
        body = json.loads(request.body, object_pairs_hook=_without_repetition, parse_constant=_no_constant)
        if not isinstance(body, dict):
            raise NotAnObject
        return body


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError


def is_json(request: HttpRequest) -> bool:
    kind = request.content_type or ""
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


class HeadToo(NinjaAPI):
    """Answers HEAD wherever it answers GET (RFC 9110 9.1); the schema leaves it out.

    A GET that has an effect is excepted, which is a mail's link: mail scanners send HEAD to every address.
    """

    def add_router(self, prefix: str, router: Router | str, **options: Any) -> None:
        if isinstance(router, Router):
            for view in router.path_operations.values():
                for operation in view.operations:
                    is_safe = operation.methods == ["GET"] and operation.operation_id not in WITH_EFFECT
                    operation.methods += ["HEAD"] if is_safe else []
        super().add_router(prefix, router, **options)

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return complete_schema(self, path_prefix or self.get_root_path(path_params or {}))


api = HeadToo(
    title="Videoflix",
    version="1.0.0",
    description=DESCRIPTION,
    docs=Swagger({"persistAuthorization": True, "validatorUrl": None, "tryItOutEnabled": True}),
    openapi_extra={"tags": TAGS},
    servers=[{"url": "/", "description": "This server"}],
    urls_namespace="api",
    auth=viewer,
    parser=StrictJson(),
)
api.add_router("", health.router)
api.add_router("", edge.router)
api.add_router("", accounts_router, tags=["Accounts"])
api.add_router("/me", me.router, auth=person)
api.add_router("/me", personal.router, auth=person)
api.add_router("/me", watching.router, auth=person)
api.add_router("/video", library.videos, auth=reader.for_keys(Scope.VIDEOS_READ))
api.add_router("/video", library.staff, auth=staff.for_keys(Scope.VIDEOS_READ, Scope.VIDEOS_WRITE))
api.add_router("/video", writing.router, auth=staff.for_keys(Scope.VIDEOS_WRITE))
api.add_router("/video", tracks.streams, auth=playback.for_keys(Scope.VIDEOS_READ))
api.add_router("/video", library.streams, auth=playback.for_keys(Scope.VIDEOS_READ))
api.add_router("/video", tracks.staff, auth=staff.for_keys(Scope.TRACKS_WRITE))
api.add_router("/categories", library.category_list, auth=reader.for_keys(Scope.VIDEOS_READ, Scope.VIDEOS_WRITE))
api.add_router("/webhooks", webhooks.router, auth=staff.for_keys(Scope.WEBHOOKS_WRITE))
api.add_router("/upload-grants", grants.makers, auth=staff.for_keys(Scope.UPLOADS_WRITE))
api.add_router("/uploads/granted", grants.router, auth=by_grant)
api.add_router("/uploads", uploads.router, auth=staff_or_session(uploads.session_of).for_keys(Scope.UPLOADS_WRITE))


def refuse(request: HttpRequest, status: int, sentence: str = "", *, code: str = "") -> HttpResponse:
    """An error as `{"detail": "one sentence"}`, with a `code` where frontends go on by it."""
    body = {"detail": sentence or sentence_for(status)} | ({"code": code} if code else {})
    return api.create_response(request, body, status=status)


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Ninja's own errors. A body that can't be parsed is a 400, or a 415 if its content type is not JSON."""
    status = error.status_code
    if isinstance(error.__cause__, NotAnObject):
        return refuse(request, status, OBJECT_WANTED)
    if status == 400 and not is_json(request):
        status = 415
    return refuse(request, status)


@api.exception_handler(ValidationError)
def invalid_input(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """One list of sentences for each wrong field; the input itself is never repeated."""
    fields: dict[str, list[str]] = defaultdict(list)
    for problem in error.errors:
        location = tuple(problem["loc"])
        if location[0] == "path":
            return refuse(request, 404)
        if location[0] == "body" and len(location) < 3:
            return refuse(request, 400, OBJECT_WANTED)
        fields[field_name(location)].append(sentence(problem["type"], str(problem["msg"])))
    return api.create_response(request, fields, status=400)


@api.exception_handler(accounts.PasswordRefused)
def password_refused(request: HttpRequest, error: accounts.PasswordRefused) -> HttpResponse:
    return api.create_response(request, {"new_password": error.sentences}, status=400)


@api.exception_handler(accounts.WrongPassword)
@api.exception_handler(accounts.ProofMissing)
def password_is_wrong(request: HttpRequest, error: accounts.WrongPassword | accounts.ProofMissing) -> HttpResponse:
    return api.create_response(request, {error.field: [str(error)]}, status=400)


@api.exception_handler(accounts.EmailRefused)
def email_refused(request: HttpRequest, error: accounts.EmailRefused) -> HttpResponse:
    return api.create_response(request, {"email": [str(error)]}, status=400)


@api.exception_handler(videos.FieldsRefused)
def fields_refused(request: HttpRequest, error: videos.FieldsRefused) -> HttpResponse:
    return api.create_response(request, error.fields, status=400)


@api.exception_handler(IntegrityError)
def names_what_is_gone(request: HttpRequest, error: IntegrityError) -> HttpResponse:
    """A row that names whoever asks can't be added once their account is deleted: they are signed in no more."""
    asks = getattr(request, "auth", None)
    if isinstance(asks, Viewer) and asks.user_id and not User.objects.filter(pk=asks.user_id).exists():
        return refuse(request, 401)
    return known_or_unexpected(request, error)


@api.exception_handler(Exception)
def known_or_unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    for kind in type(error).__mro__:
        if kind in STATUS_OF:
            response = refuse(request, STATUS_OF[kind], str(error), code=getattr(error, "code", ""))
            if isinstance(error, accounts.TooManyTries):
                response["Retry-After"] = str(error.retry_after_s)
            if isinstance(error, accounts.KeyRefused | accounts.ScopeMissing):
                response["WWW-Authenticate"] = challenge(error)
            return response
        if kind in GENERIC_STATUS_OF:
            status = GENERIC_STATUS_OF[kind]
            return refuse_for_now(request, error) if status == 503 else refuse(request, status)
    if isinstance(error, OSError) and error.errno in DISK_IS_FULL:
        log.warning("disk is full", reason=in_one_line(error))
        return known_or_unexpected(request, videos.NoRoom())
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return refuse_for_now(request, error)
    log.error("unexpected error", exc_info=error)
    return refuse(request, 500)


def challenge(error: accounts.KeyRefused | accounts.ScopeMissing) -> str:
    """What is wrong with an API key, for programs (RFC 6750 3.1)."""
    if isinstance(error, accounts.KeyRefused):
        return f'{CHALLENGE}, error="invalid_token", error_description="{error}"'
    scope = f', scope="{" ".join(error.scopes)}"' if error.scopes else ""
    return f'{CHALLENGE}, error="insufficient_scope"{scope}'


def refuse_for_now(request: HttpRequest, error: Exception) -> HttpResponse:
    """503 with Retry-After: the database, Redis, the bucket or the disk can't be used at the moment."""
    log.warning("database, Redis, bucket or disk unusable", reason=f"{type(error).__name__}: {error}")
    response = refuse(request, 503)
    response["Retry-After"] = "5"
    return response


@api.exception_handler(Http404)
def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return refuse(request, 404)


def field_name(location: Iterable[str | int]) -> str:
    """The field in Ninja's ("body", "payload", "email") and ("query", "limit")."""
    names = [part for part in location if isinstance(part, str)]
    return names[2] if len(names) > 2 else names[-1]


def sentence(kind: str, message: str) -> str:
    if kind in SENTENCES_OF:
        return SENTENCES_OF[kind]
    text = message.removeprefix("Value error, ").removesuffix(".")
    return f"{text[:1].upper()}{text[1:]}."
