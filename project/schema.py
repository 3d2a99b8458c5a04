"""The OpenAPI schema, completed: what holds for every endpoint is written here once instead of beside each.

Ninja knows types and declared statuses. This adds who may call (both credentials of each gate), the errors that every
endpoint of a kind can answer, and examples put together from those of the fields.
"""

from functools import lru_cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from pydantic import BaseModel

from accounts import cookies, openapi
from accounts.auth import Gate
from accounts.schemas import RefreshIn
from library.delivery.responses import PLAYLIST_TYPE
from library.openapi import FieldErrors
from library.schemas import Detail
from library.uploads.openapi import ALWAYS, OTHER_VERSION
from project.sentences import sentence_for

DESCRIPTION = """\
Register, sign in, list videos and stream them as HLS.

**Trying it here:** run `login` with *Try it out*. The browser keeps the cookies that it sets, and everything below
answers as it does to your frontend. Apps send `Authorization: Bearer <access>` instead: run `login` with
`X-Token-Transport: body`, copy `access` from its answer, and paste it behind *Authorize*.

**Programs** send an API key as `Authorization: Bearer vfk_…`; the admin and `manage.py key` make them. Each operation
that is open to keys names the scope they need. With a key no cookie is looked at.

**Staying signed in:** the access cookie lives half an hour. Answer a 401 after that with `refreshToken`, once for all
requests that were refused, and send them again; a second 401 means that nobody is signed in. `getMe` says who is.

**Errors** are JSON in one of two shapes: `{"detail": "one sentence"}`, or with status 400 for input
`{"<field>": ["sentence", …]}`. Unknown fields are ignored.

**Browsers** may send unsafe requests from this server's own pages and from the origins in `CSRF_TRUSTED_ORIGINS`,
which may also read the answers (CORS, with credentials). Every path works with and without its last slash.
"""
SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": cookies.ACCESS,
        "description": "Set by `login` and `refreshToken`. Browsers send it by themselves.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `access` of `login` (with `X-Token-Transport: body`) or `refreshToken`, for apps.",
    },
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "vfk_<id>_<secret>",
        "description": "A key with the scope that the operation names. Made in the admin or by `manage.py key create`.",
    },
    "adminSession": {
        "type": "apiKey",
        "in": "cookie",
        "name": settings.SESSION_COOKIE_NAME,
        "description": "For staff signed in at /admin/. Unsafe requests then need the header `X-CSRFToken`.",
    },
    "playback": {
        "type": "apiKey",
        "in": "cookie",
        "name": cookies.PLAYBACK,
        "description": "Set by each playlist, for one video, which plays on when the access token has expired.",
    },
}
TAGS = [
    {"name": "Accounts", "description": "Registering, signing in and out, forgotten passwords."},
    {"name": "Me", "description": "The account of whoever is signed in."},
    {"name": "Watching", "description": "Where whoever is signed in stopped, and their own list."},
    {"name": "Videos", "description": "What there is to watch."},
    {"name": "Editing", "description": "Making and changing videos. For staff and programs."},
    {"name": "Playback", "description": "What an HLS player fetches."},
    {"name": "Transcoding", "description": "What becomes of an upload. For staff."},
    {"name": "Tracks", "description": "Subtitles, captions, chapters and sounds of a video. For staff."},
    {"name": "Webhooks", "description": "Who is told when something happens to a video. For staff."},
    {"name": "Uploads", "description": "Resumable uploads as tus 1.0 defines them. For staff."},
    {"name": "Health", "description": "Whether each part works, for monitoring."},
]
NAMED: dict[str, type[BaseModel]] = {"Detail": Detail, "FieldErrors": FieldErrors, "RefreshIn": RefreshIn}
UNSAFE = frozenset(("POST", "PUT", "PATCH", "DELETE"))
DETAIL = {"$ref": "#/components/schemas/Detail"}
# Detail comes first: clients that try one after the other would take its sentence for the field errors of `detail`
EITHER_SHAPE = {"anyOf": [DETAIL, {"$ref": "#/components/schemas/FieldErrors"}]}
FIELD_ERRORS_EXAMPLE = {"email": ["Enter a valid e-mail address."]}
REFUSED_KEY = {
    "WWW-Authenticate": {
        "description": "For API keys alone: which scope is missing (RFC 6750).",
        "schema": {"type": "string"},
        "example": 'Bearer realm="videoflix", error="insufficient_scope", scope="videos:write"',
    }
}

type Json = dict[str, Any]


@lru_cache(maxsize=4)  # to make it takes a quarter of a second, and anybody may ask
def complete_schema(api: NinjaAPI, path_prefix: str) -> OpenAPISchema:
    """The schema of everything below a path. HEAD is left out: operationIds are unique."""
    schema = CompleteSchema(api, path_prefix)
    for operations in schema["paths"].values():
        operations.pop("head", None)
    return schema


class CompleteSchema(OpenAPISchema):
    """Ninja's schema with what it leaves out."""

    def operation_security(self, operation: Operation) -> list[Json] | None:
        gates = [gate for gate in operation.auth_callbacks if isinstance(gate, Gate)]
        schemes = [scheme for gate in gates for scheme in gate.schemes]
        scopes = scopes_of(operation)
        named = [*schemes, "apiKey"] if scopes else schemes
        self.securitySchemes.update({scheme: SECURITY_SCHEMES[scheme] for scheme in named})
        accepted: list[Json] = [{scheme: []} for scheme in schemes]
        return [*accepted, *({"apiKey": [scope]} for scope in scopes)] or None

    def operation_details(self, operation: Operation) -> Json:
        details: Json = super().operation_details(operation)
        if scopes := scopes_of(operation):
            needed = " or ".join(f"`{scope}`" for scope in scopes)
            details["description"] = f"{details['description']}\n\nAPI keys need the scope {needed}."
        for name, model in NAMED.items():
            self.schemas[name] = model.model_json_schema()
        for parameter in details["parameters"]:
            parameter.pop("examples", None)  # Ninja puts a list where OpenAPI wants a map; the schema has it, too
        answers = details["responses"]
        for status in expected_errors(operation, details):
            answers.setdefault(status, {"description": ""})
        for status, answer in answers.items():
            self.complete_answer(int(status), answer)
        add_shared_headers(details)
        if has_gate(operation):
            answers[403] = {**answers[403], "headers": answers[403].get("headers", {}) | REFUSED_KEY}
        self.add_examples(details.get("requestBody", {}))
        return details

    def complete_answer(self, status: int, answer: Json) -> None:
        """Each error with its body and one sentence, each success with an example."""
        if status < HTTPStatus.BAD_REQUEST:
            self.add_examples(answer)
            return
        sentence = sentence_for(status)
        content = answer.setdefault("content", {}).setdefault("application/json", {})
        if status == HTTPStatus.BAD_REQUEST:
            is_about_fields = content.get("schema", EITHER_SHAPE) != DETAIL
            content.setdefault("example", FIELD_ERRORS_EXAMPLE if is_about_fields else {"detail": sentence})
            content["schema"] = EITHER_SHAPE
        schema = content.setdefault("schema", DETAIL)
        if schema == DETAIL:
            sentence = content.setdefault("example", {"detail": sentence})["detail"]
        answer["description"] = sentence
        self.add_examples(answer)
        if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and schema == DETAIL):
            description = "Seconds until the next try."
            retry = {"Retry-After": {"description": description, "schema": {"type": "integer"}}}
            answer["headers"] = answer.get("headers", {}) | retry
        if status == HTTPStatus.UNAUTHORIZED:
            description = "What is accepted beside cookies."
            accepted = {"WWW-Authenticate": {"description": description, "schema": {"type": "string"}}}
            answer["headers"] = answer.get("headers", {}) | accepted

    def add_examples(self, body: Json) -> None:
        content = body.get("content", {}).get("application/json")
        if content and "example" not in content and "examples" not in content:
            content["example"] = self.example_of(content["schema"])

    def example_of(self, schema: Json) -> Any:
        """An example put together from those of the fields."""
        if examples := schema.get("examples"):
            return examples[0]
        if "$ref" in schema:
            return self.example_of(self.schemas[schema["$ref"].rpartition("/")[2]])
        for key in ("example", "const", "default"):
            if key in schema:
                return schema[key]
        if "enum" in schema:
            return schema["enum"][0]
        if "properties" in schema:
            return {name: self.example_of(field) for name, field in schema["properties"].items()}
        if schema.get("type") == "array":
            return [self.example_of(schema["items"])]
        choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
        return self.example_of(choices[0]) if choices else None


def add_shared_headers(details: Json) -> None:
    """Headers that every answer of a kind has: playlists set the playback cookie, uploads tell tus's version."""
    answers = details["responses"]
    if PLAYLIST_TYPE in answers.get(200, {}).get("content", {}):
        for status in (200, 304):
            answers[status] = {**answers[status], "headers": answers[status]["headers"] | openapi.PLAYBACK}
    if details["tags"] == ["Uploads"]:
        for status, answer in answers.items():
            told = ALWAYS | OTHER_VERSION if status == HTTPStatus.PRECONDITION_FAILED else ALWAYS
            answers[status] = {**answer, "headers": answer.get("headers", {}) | told}


def scopes_of(operation: Operation) -> list[str]:
    """The scopes of API keys that the operation is open to; one of them is enough."""
    return [str(scope) for gate in operation.auth_callbacks if isinstance(gate, Gate) for scope in gate.scopes]


def has_gate(operation: Operation) -> bool:
    """Whether somebody must be signed in. Each gate refuses API keys, or some of them."""
    return any(isinstance(gate, Gate) for gate in operation.auth_callbacks)


def expected_errors(operation: Operation, details: Json) -> set[int]:
    """The statuses that every operation of this kind can answer."""
    statuses = {500, 503}
    if operation.auth_callbacks:
        statuses.add(401)
    if UNSAFE & set(operation.methods):
        statuses.add(403)
    if has_gate(operation):
        statuses |= {403, 429}
    if "requestBody" in details:
        statuses |= {400, 413, 415}
    places = {parameter["in"] for parameter in details["parameters"]}
    if "path" in places:
        statuses.add(404)
    if "query" in places:
        statuses.add(400)
    return statuses
