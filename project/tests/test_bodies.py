"""What holds for the bodies of all operations at once, found by the schema."""

import json
from typing import Any

import pytest
from django.test import Client

from library.tests.videos import Player, make_viewer, sign_in
from project.api import api

SCHEMA: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/"), default=str))
TAKING_JSON = {
    operation["operationId"]: (method, path, operation)
    for path, operations in SCHEMA["paths"].items()
    for method, operation in operations.items()
    if "application/json" in operation.get("requestBody", {}).get("content", {})
}
NO_OBJECTS: tuple[object, ...] = ([], [{}], "title", 7, True, None)
NAMING = {"refreshToken", "logout"}  # their bodies are read apart: they say that `refresh` is missing


def wanted(operation: dict[str, Any]) -> dict[str, Any]:
    """The schema of an operation's body."""
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    found: dict[str, Any] = SCHEMA["components"]["schemas"][reference.rpartition("/")[2]]
    return found


@pytest.fixture
def administrator(db: None) -> Player:
    make_viewer(is_staff=True, is_superuser=True)
    return sign_in(Player())


def send(client: Client, name: str, body: object) -> Any:
    """As an app, whose refresh token is looked for in the body."""
    method, path, operation = TAKING_JSON[name]
    examples = {part["name"]: part["example"] for part in operation["parameters"] if part["in"] == "path"}
    headers = {"X-Token-Transport": "body"}
    return client.generic(
        method.upper(), path.format(**examples), json.dumps(body), content_type="application/json", headers=headers
    )


def test_operations_are_found() -> None:
    assert len(TAKING_JSON) >= 20
    assert {"editMe", "editVideo", "editTrack", "editWebhook", "refreshToken"} <= set(TAKING_JSON)


def test_what_is_no_object_is_refused(administrator: Player) -> None:
    """Where no field is required, a list would otherwise be taken for an object that says nothing."""
    for name, (_, _, operation) in TAKING_JSON.items():
        assert wanted(operation)["type"] == "object", name
        for body in NO_OBJECTS:
            answer = send(administrator, name, body)
            assert answer.status_code == 400, (name, body)
            assert name in NAMING or answer.json() == {"detail": "Send a JSON object."}, (name, body)


def test_fields_that_nobody_knows_are_ignored() -> None:
    strict = [name for name, (*_, operation) in TAKING_JSON.items() if "additionalProperties" in wanted(operation)]
    assert strict == []
