"""What headers tell browsers about frames and HTTPS, without contradictions."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from project.env import BASE_DIR
from project.tests.serving import clean_environment

YEAR = "max-age=31536000"
ASK = """
from django.test import Client
print(Client().get("/", secure=True, headers={"Host": "localhost"}).get("Strict-Transport-Security"))
"""


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"SECURE_COOKIES": "True"}, YEAR),
        ({"SECURE_COOKIES": "True", "SECURE_HSTS": "subdomains"}, f"{YEAR}; includeSubDomains"),
        ({"SECURE_COOKIES": "True", "SECURE_HSTS": "preload"}, f"{YEAR}; includeSubDomains; preload"),
        ({"SECURE_COOKIES": "True", "SECURE_HSTS": "off"}, "None"),
        ({"SECURE_HSTS": "preload"}, "None"),
    ],
)
def test_https_is_asked_of_this_host_alone_unless_the_setting_says_more(
    tmp_path: Path, variables: dict[str, str], told: str
) -> None:
    asked = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", ASK],
        cwd=BASE_DIR,
        env=clean_environment(DATA_DIR=str(tmp_path), LOG_LEVEL="ERROR", **variables),
        capture_output=True,
        text=True,
        check=True,
    )

    assert asked.stdout == f"{told}\n"


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/api/docs", "/api/openapi.json", "/api/nothing/"])
@pytest.mark.django_db
def test_both_words_about_frames_agree(client: Client, path: str) -> None:
    answer = client.get(path)

    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self';" in f"{answer['Content-Security-Policy']};"
