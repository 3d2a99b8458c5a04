"""The schema has all that a frontend developer needs, and the docs page works without the internet."""

import re
from typing import Any

import jsonschema_rs
import pytest
from django.contrib.staticfiles import finders
from django.test import Client

METHOD_NAME = re.compile(r"[a-z]+([A-Z][a-z]+)*")


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
        ("getMe", {"200", "401", "500"}),
    ],
)
def test_accounts_document_every_status_they_answer(
    operations: dict[str, dict[str, Any]], operation: str, statuses: set[str]
) -> None:
    assert set(operations[operation]["responses"]) == statuses


def test_every_way_to_send_a_piece_documents_what_is_wrong_with_it(operations: dict[str, dict[str, Any]]) -> None:
    """A piece is sent by PATCH, by POST in its place, and with the creation, where it can't be in a wrong place."""
    answers = {name: set(operations[name]["responses"]) for name in ("appendToUpload", "overrideUploadMethod")}
    assert answers["overrideUploadMethod"] == answers["appendToUpload"]
    assert answers["appendToUpload"] - {"204", "404", "409", "423"} <= set(operations["beginUpload"]["responses"])
    assert "507" in operations["getUpload"]["responses"]  # asking joins the parts that are there


def test_both_credentials_are_declared_and_required_where_somebody_must_be_signed_in(
    schema: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    schemes = schema["components"]["securitySchemes"]
    assert (schemes["cookie"]["in"], schemes["cookie"]["name"]) == ("cookie", "access_token")
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    for name, operation in operations.items():
        is_open = operation["tags"][0] in ("Accounts", "Health") or name in ("discoverUploads", "checkPlayback")
        accepted = {scheme for choice in operation.get("security", []) for scheme in choice}
        assert is_open == (not accepted), name
        assert is_open or {"cookie", "bearer"} <= accepted, name
        assert is_open or "401" in operation["responses"], name


def test_too_many_tries_document_when_to_come_back(operations: dict[str, dict[str, Any]]) -> None:
    for operation in operations.values():
        for status, header in (("429", "Retry-After"), ("401", "WWW-Authenticate")):
            if status in operation["responses"]:
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
