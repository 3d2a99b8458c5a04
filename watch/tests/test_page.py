"""The page to watch on: one answer for every address below /watch/, within a strict policy, under one host name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

STATIC = Path(__file__).parent.parent / "static/watch"
ADDRESSES = ["/watch", "/watch/", "/watch/video/7", "/watch/sign-in?next=/video/7", "/watch/no/such/screen"]
ASK = """
from django.conf import settings
from django.test import Client
for path in ("/watch/", "/"):
    answer = Client().get(path, headers={"Host": "localhost"})
    print(answer.status_code, b"/watch/" in answer.content)
print(settings.FRONTEND_BASE_URL)
"""


@pytest.mark.parametrize("address", ADDRESSES)
def test_page_is_the_same_under_every_address(client: Client, address: str) -> None:
    answer = client.get(address)

    assert answer.status_code == 200
    assert answer.content == client.get("/watch/").content
    assert answer["Cache-Control"] == "no-cache"
    assert client.head(address).status_code == 200
    assert client.post(address).status_code == 405


def test_policy_allows_no_script_or_style_of_the_page_itself_and_nothing_from_elsewhere(client: Client) -> None:
    answer = client.get("/watch/")
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert not re.search(r"unsafe|https?:|\*", answer["Content-Security-Policy"])
    html = answer.content.decode()
    assert not re.search(r"<script(?! type=\"module\" src=)|<style|style=|\son\w+=|://", html)


def test_everything_that_page_and_scripts_name_is_there(client: Client) -> None:
    named = re.findall(r'(?:href|src)="/static/([^"]+)"', client.get("/watch/").content.decode())
    styles = {path.relative_to(STATIC.parent).as_posix() for path in STATIC.rglob("*.css")}
    assert {"watch/app.js", *styles} <= set(named)
    for name in named:
        assert finders.find(name), name
    for script in STATIC.rglob("*.js"):
        for name in re.findall(r'from "(\..+?)";|new URL\("(\..+?)", import', script.read_text()):
            path = (script.parent / "".join(name)).resolve()
            assert path.is_file() or finders.find(str(path.relative_to(STATIC.parent.resolve()))), (script.name, name)


def test_no_script_makes_markup_from_text_or_code_from_strings() -> None:
    for script in STATIC.rglob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", script.read_text()
        )


@pytest.mark.parametrize("number", ["127.0.0.1:8000", "[::1]:8000", "127.0.0.1"])
def test_page_opened_on_a_number_leads_to_localhost_where_links_in_mails_lead_too(client: Client, number: str) -> None:
    answer = client.get("/watch/video/7?x=1", headers={"Host": number})

    port = number.rpartition(":")[2] if number.endswith(":8000") else ""
    assert answer.status_code == 302
    assert answer["Location"] == f"http://localhost{port and f':{port}'}/watch/video/7?x=1"


def test_page_stays_where_it_is_on_every_other_name(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["watch.example.com", "192.0.2.7", "127.0.0.1"]
    for host in ("watch.example.com", "192.0.2.7:8000", "127.0.0.1:8000"):  # localhost isn't served here
        assert client.get("/watch/", headers={"Host": host}).status_code == 200, host
    settings.ALLOWED_HOSTS = ["localhost", "[::1]"]
    settings.SITE = "http://[::1]:8000"
    assert client.get("/watch/", headers={"Host": "[::1]:8000"}).status_code == 200


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, ["200 True", "200 True", "http://localhost:8000/watch"]),
        ({"PORT": "8123", "HOST": "0.0.0.0"}, ["200 True", "200 True", "http://localhost:8123/watch"]),
        ({"FRONTEND_BASE_URL": "https://app.example.com/"}, ["200 True", "200 True", "https://app.example.com"]),
        ({"REFERENCE_FRONTEND": "False"}, ["404 False", "200 False", "http://localhost:4200"]),
    ],
)
def test_page_can_be_switched_off_and_mails_lead_to_it_where_there_is_no_other(
    tmp_path: Path, variables: dict[str, str], told: list[str]
) -> None:
    environment = {"ENV_FILE": "", "DATA_DIR": str(tmp_path), "LOG_LEVEL": "ERROR", **variables}
    asked = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", ASK],
        cwd=STATIC.parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert asked.stdout.splitlines() == told
