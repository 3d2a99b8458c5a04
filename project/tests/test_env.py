"""Settings from the environment: defaults, the template, and the one line that refuses a bad value."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from project import env as environment
from project.env import BASE_DIR, Env
from project.tests.serving import clean_environment

TEMPLATE = (BASE_DIR / ".env.template").read_text()
README = (BASE_DIR / "README.md").read_text()

BAD_VALUES = {
    "HOST": "http://localhost",
    "PORT": "70000",
    "DATA_DIR": "~nobody-of-this-name/videoflix",
    "WEB_WORKERS": "many",
    "WEB_THREADS": "0",
    "SECRET_KEY": "tooshort",
    "METRICS_TOKEN": "tooshort",
    "DEBUG": "perhaps",
    "STORE_IN": "both",
    "S3_BUCKET": "s3://videos",
    "LOG_LEVEL": "LOUD",
    "WEBHOOK_ALLOW_PRIVATE": "perhaps",
    "ALLOWED_HOSTS": "https://api.example.com",
    "CSRF_TRUSTED_ORIGINS": "app.example.com",
    "SECURE_COOKIES": "sometimes",
    "SECURE_HSTS": "always",
    "JWT_COOKIE_SAMESITE": "Loose",
    "COOKIE_PREFIX": "my-cookies",
    "USE_X_FORWARDED_PROTO": "2",
    "TRUSTED_PROXIES": "-1",
    "THROTTLE_SIGN_IN": "10",
    "THROTTLE_SIGN_IN_ADDRESS": "10/5fortnights",
    "THROTTLE_SIGN_IN_ACCOUNT": "0/hour",
    "THROTTLE_SIGN_IN_DEVICE": "ten/minute",
    "THROTTLE_REGISTER_ADDRESS": "30/0hours",
    "THROTTLE_RESEND_ADDRESS": "100 each hour",
    "THROTTLE_RESET_ADDRESS": "-1/hour",
    "THROTTLE_MAILS": "5/hour;1/day",
    "THROTTLE_KEY": "600 each minute",
    "THROTTLE_SECOND_FACTOR": "30/year",
    "ADMIN_REQUIRE_2FA": "sometimes",
    "OIDC_ISSUER": "http://id.example.com",
    "OIDC_NAME": "x" * 41,
    "DB_HOST": "postgres://db",
    "DB_PORT": "postgres",
    "REDIS_LOCATION": "http://redis:6379",
    "REDIS_HOST": "redis://redis",
    "REDIS_PORT": "0",
    "REDIS_DB": "-1",
    "S3_ENDPOINT_URL": "s3.example.com",
    "S3_PREFIX": "../another",
    "S3_REGION": "https://s3.eu-central-1",
    "S3_ACCESS_KEY_ID": "clé",
    "CDN_BASE_URL": "https://cdn.example.com/videos",
    "CDN_KEY": "tooshort",
    "CDN_KIND": "akamai",
    "CDN_TTL_S": "60",
    "EMAIL_HOST": "smtp..example.com",
    "EMAIL_PORT": "smtp",
    "EMAIL_USE_TLS": "starttls",
    "EMAIL_USE_SSL": "tls",
    "DEFAULT_FROM_EMAIL": "Videoflix",
    "DJANGO_SUPERUSER_USERNAME": "u" * 255,
    "DJANGO_SUPERUSER_EMAIL": "the administrator",
    "REFERENCE_FRONTEND": "perhaps",
    "TIME_ZONE": "Europe",
    "FRONTEND_BASE_URL": "app.example.com",
    "FRONTEND_ACTIVATE_PATH": "https://elsewhere.example.com/x",
    "FRONTEND_RESET_PATH": "reset?uid=1",
    "FRONTEND_EMAIL_PATH": "email#confirm",
    "HLS_WORKERS": "0",
    "HLS_THREADS": "-1",
    "HLS_NICE": "20",
    "HLS_LEASE_S": "1",
    "HLS_LIST_WHEN": "never",
    "HLS_MAX_DURATION_S": "0",
    "HLS_MAX_PIXELS": "big",
    "UPLOAD_MAX_MB": "0",
    "SOURCE_ALLOW_PRIVATE": "perhaps",
    "SOURCE_CACHE_MB": "0",
    "DISK_RESERVE_MB": "-5",
    "TRASH_DAYS": "a week",
}


def start(**values: str) -> subprocess.CompletedProcess[str]:
    """Start the program as an operator would, with exactly these variables of ours."""
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE_DIR,
        env=clean_environment(**values),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Env.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ENV_FILE", "")
    return monkeypatch


@pytest.mark.parametrize("name", BAD_VALUES)
def test_bad_value_stops_with_one_line_that_names_the_variable_and_not_the_value(
    nothing_set: pytest.MonkeyPatch, name: str
) -> None:
    nothing_set.setenv(name, BAD_VALUES[name])

    with pytest.raises(SystemExit) as stop:
        environment.load()

    line = str(stop.value)
    assert line == f"{name} can't be used as it is set: it accepts {Env.model_fields[name.lower()].description}."
    assert BAD_VALUES[name] not in line.removeprefix(name).split() or len(BAD_VALUES[name]) < 3


def test_every_variable_that_can_be_wrong_is_tried() -> None:
    free_text = {"db_name", "db_user", "db_password", "email_host_user", "email_host_password", "ffmpeg"}
    free_text |= {"s3_secret_access_key", "oidc_client_id", "oidc_client_secret"}
    free_text |= {"django_superuser_password"}

    assert {name.lower() for name in BAD_VALUES} | free_text == set(Env.model_fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "a" * 64),  # longer than a label of a name may be
        ("HOST", "*"),
        ("HOST", '"localhost"'),
        ("HOST", "local host"),
        ("DB_HOST", "d" * 64),
        ("DB_HOST", "db,"),
        ("REDIS_HOST", "a..b"),
        ("REDIS_LOCATION", "redis://redis:many/1"),
        ("REDIS_LOCATION", "redis://redis:6379/1?socket_timeout=short"),
        ("REDIS_LOCATION", "redis://redis:6379/1?no_such_option=1"),
        ("REDIS_LOCATION", "redis://redis..example.com:6379/1"),
        ("REDIS_LOCATION", "redis://[::1"),
        ("REDIS_DB", "99999999999"),
        ("S3_ENDPOINT_URL", "https://s3.example.com:99999"),
        ("S3_ENDPOINT_URL", "https://s3 .example.com"),
        ("CDN_BASE_URL", "https://cdn..example.com"),
        ("FRONTEND_BASE_URL", "https://app.example.com/?page=1"),
        ("FRONTEND_BASE_URL", "https://app.example.com/#home"),
        ("FRONTEND_BASE_URL", "https://app.exam\nple.com"),
        ("FRONTEND_ACTIVATE_PATH", "pages/activate me.html"),
        ("FRONTEND_EMAIL_PATH", "pages\n/email.html"),
        ("EMAIL_HOST_USER", "größe"),
        ("EMAIL_HOST_PASSWORD", "größe"),
        ("DEFAULT_FROM_EMAIL", "Videoflix <noreply@example.com>\nBcc: eve@example.com"),
        ("DEFAULT_FROM_EMAIL", "ada@example.com, eve@example.com"),
        ("DEFAULT_FROM_EMAIL", "no reply@example.com"),
        ("DEFAULT_FROM_EMAIL", "Films, Inc. <films@example.com>"),
        ("DEFAULT_FROM_EMAIL", "Films <films@example..com>"),
        ("DEFAULT_FROM_EMAIL", "größe@example.com"),
        ("DJANGO_SUPERUSER_EMAIL", "Ada <ada@example.com>"),
        ("DJANGO_SUPERUSER_USERNAME", "ad\nmin"),
    ],
)
def test_value_that_would_fail_later_is_refused_at_the_start(
    nothing_set: pytest.MonkeyPatch, name: str, value: str
) -> None:
    nothing_set.setenv(name, value)

    with pytest.raises(SystemExit, match=f"^{name} can't be used as it is set: it accepts "):
        environment.load()


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("HOST", " 192.0.2.7 ", "192.0.2.7"),
        ("HOST", "[::1]", "::1"),
        ("HOST", "localhost", "localhost"),
        ("HOST", "fe80::1%eth0", "fe80::1%eth0"),
        ("DB_HOST", " db ", "db"),
        ("DB_HOST", "db1.example.com,db2.example.com", None),
        ("DB_HOST", "/run/postgresql", None),
        ("EMAIL_HOST", "smtp.münchen.example", "smtp.münchen.example"),
        ("REDIS_LOCATION", "rediss://user:p%20w@[::1]:6379/1?health_check_interval=9 ", None),
        ("REDIS_LOCATION", "unix:///run/redis/redis.sock?db=2", None),
        ("DEFAULT_FROM_EMAIL", "noreply@localhost", None),
        ("DEFAULT_FROM_EMAIL", '"Films, Inc." <films@example.com>', None),
        ("DEFAULT_FROM_EMAIL", 'Ada\'s "Films" <noreply@example.com>', None),
        ("DEFAULT_FROM_EMAIL", "Größe <noreply@münchen.example>", None),
        ("FRONTEND_BASE_URL", " https://[2001:db8::1]:8443/app/ ", "https://[2001:db8::1]:8443/app"),
        ("FRONTEND_BASE_URL", "https://app.example.com/#/", "https://app.example.com/#"),
        ("FRONTEND_BASE_URL", "https://app.example.com/films#!/de/", "https://app.example.com/films/#!/de"),
    ],
)
def test_value_that_works_is_taken_without_the_space_around_it(
    nothing_set: pytest.MonkeyPatch, name: str, value: str, meant: str | None
) -> None:
    nothing_set.setenv(name, value)

    assert getattr(environment.load(), name.lower()) == (meant or value.strip())


@pytest.mark.parametrize("name", sorted(name.upper() for name in Env.model_fields))
def test_blank_value_counts_as_not_set(nothing_set: pytest.MonkeyPatch, name: str) -> None:
    nothing_set.setenv(name, " \t ")

    env = environment.load()

    assert env == Env(_env_file=None)
    assert not env.model_fields_set


def test_redis_of_an_ipv6_address_is_found(nothing_set: pytest.MonkeyPatch) -> None:
    nothing_set.setenv("REDIS_HOST", "::1")

    assert environment.load().redis_url == "redis://[::1]:6379/0"


def test_program_ends_with_that_line_alone(tmp_path: Path) -> None:
    ended = start(DATA_DIR=str(tmp_path), SECRET_KEY="hunter2")

    assert ended.returncode == 1
    assert ended.stderr == "SECRET_KEY can't be used as it is set: it accepts at least 16 secret characters.\n"
    assert ended.stdout == ""


def test_both_kinds_of_mail_encryption_stop_the_start(nothing_set: pytest.MonkeyPatch) -> None:
    nothing_set.setenv("EMAIL_USE_TLS", "True")
    nothing_set.setenv("EMAIL_USE_SSL", "True")

    with pytest.raises(SystemExit, match="EMAIL_USE_TLS can't be used together with EMAIL_USE_SSL"):
        environment.load()


@pytest.mark.parametrize("values", [{}, {"SECRET_KEY": "x7" * 30}], ids=["nothing_set", "secret_key_set"])
def test_first_start_makes_the_data_dir_whoever_chose_the_secret_key(tmp_path: Path, values: dict[str, str]) -> None:
    """Only a key that was made itself made the folder: with one of the operator's no queue could be opened there."""
    ended = start(DATA_DIR=str(tmp_path / "new" / "var"), **values)

    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "new" / "var").is_dir()


def test_data_dir_that_is_no_folder_stops_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    ended = start(DATA_DIR=str(tmp_path / "file" / "below"))

    assert ended.returncode == 1
    assert re.fullmatch(r"DATA_DIR can't be used as it is set: [^\n]+\n", ended.stderr)


def test_data_dir_that_may_not_be_written_stops_the_start_with_one_line() -> None:
    """/proc accepts no files, not even from root."""
    ended = start(DATA_DIR="/proc/videoflix")

    assert ended.returncode == 1
    assert re.fullmatch(r"DATA_DIR can't be used as it is set: [^\n]+\n", ended.stderr)


@pytest.mark.parametrize("content", ["", "\n", "short", " " * 40])
def test_file_that_holds_no_key_is_named_with_the_way_out(tmp_path: Path, content: str) -> None:
    """As a full disk or half of a backup leaves it. An empty one was a stack trace, a short one signed everything."""
    path = tmp_path / "secret_key"
    path.write_text(content)
    with pytest.raises(SystemExit, match="secret_key holds no key of 16 characters: restore it, or delete it"):
        environment.private_key(path)
    assert path.read_text() == content


def test_secret_key_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"

    key = environment.private_key(path)

    assert len(key) >= 50
    assert environment.private_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


STARTS_AT_ONCE, ROUNDS = 6, 100
START = """
import os, sys, time
from pathlib import Path
os.getpid = lambda: 7  # as in each container
from project.env import private_key
print("ready", flush=True)
begin = float(sys.stdin.readline())
for round in range({rounds}):
    while time.monotonic() < begin + round * 0.005:
        pass
    print(private_key(Path(sys.argv[1]) / str(round) / "secret_key"))
"""


def test_containers_that_start_at_once_on_an_empty_volume_have_one_key(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        (tmp_path / str(number)).mkdir()
    command = [sys.executable, "-c", START.format(rounds=ROUNDS), str(tmp_path)]
    started = [
        subprocess.Popen(command, cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(STARTS_AT_ONCE)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    begin = str(time.monotonic() + 0.2)
    with ThreadPoolExecutor(STARTS_AT_ONCE) as threads:
        said = list(threads.map(lambda process: process.communicate(begin)[0].split(), started))

    kept = [(tmp_path / str(number) / "secret_key").read_text() for number in range(ROUNDS)]
    assert said == [kept] * STARTS_AT_ONCE
    assert len(set(kept)) == ROUNDS
    assert all([path.name for path in folder.iterdir()] == ["secret_key"] for folder in tmp_path.iterdir())


def test_env_file_is_read_and_the_environment_wins(nothing_set: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("PORT=8100\nHOST=192.0.2.7\nDEBUG=\n")
    nothing_set.setenv("ENV_FILE", str(tmp_path / "env"))
    nothing_set.setenv("HOST", "192.0.2.8")

    env = environment.load()

    assert (env.port, env.host, env.debug) == (8100, "192.0.2.8", False)


MARKED = {"utf-8": "", "utf-8-sig": "", "utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}


@pytest.mark.parametrize("encoding", MARKED)
def test_env_file_is_read_as_windows_saves_it(nothing_set: pytest.MonkeyPatch, tmp_path: Path, encoding: str) -> None:
    text = "PORT=8100\r\nDB_PASSWORD=größer als 5\r\n"
    (tmp_path / "env").write_bytes(f"{MARKED[encoding]}{text}".encode(encoding))
    nothing_set.setenv("ENV_FILE", str(tmp_path / "env"))

    env = environment.load()

    assert (env.port, env.db_password) == (8100, "größer als 5")


@pytest.mark.parametrize(
    "content",
    [
        "PORT=8100\n".encode("utf-16-le"),
        "PORT=8100\n".encode("utf-16-be"),
        "PORT=8100\n".encode("utf-32"),
        "DB_PASSWORD=größer\n".encode("latin-1"),
        "\ufeffPORT=8100\n".encode("utf-16-le")[:-1],
        b"PORT=8100\0\n",
    ],
)
def test_env_file_in_another_encoding_stops_the_start_with_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "env"
    path.write_bytes(content)

    ended = start(ENV_FILE=str(path), DATA_DIR=str(tmp_path))

    assert ended.returncode == 1
    assert ended.stderr == f"{path} can't be read: it accepts UTF-8, or UTF-16 with a byte order mark.\n"


@pytest.mark.parametrize(
    "content",
    [
        'PORT=8100\nSECRET_KEY="a quotation mark is missing\nDEBUG=True\n',
        "PORT=8100\nDB_PASSWORD='single\n",
        "PORT=8100\nthis is no setting\n",
    ],
)
def test_line_of_an_env_file_that_cannot_be_read_is_named_and_not_left_out(tmp_path: Path, content: str) -> None:
    path = tmp_path / "env"
    path.write_text(content)

    ended = start(ENV_FILE=str(path), DATA_DIR=str(tmp_path))

    assert ended.returncode == 1
    reason = "line 2 is no NAME=value, or a quotation mark is missing in it"
    assert ended.stderr == f"{path} can't be read: {reason}.\n"


@pytest.mark.parametrize("name", ["no-such-file", "~nobody-of-this-name/env", "."])
def test_env_file_that_is_named_and_is_none_stops_the_start_with_one_line(tmp_path: Path, name: str) -> None:
    path = name if name.startswith("~") else str(tmp_path / name)

    ended = start(ENV_FILE=path, DATA_DIR=str(tmp_path))

    assert ended.returncode == 1
    assert re.fullmatch(rf"{re.escape(path)} can't be read: [^\n]+\.\n", ended.stderr)


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, None),
        ({"REDIS_LOCATION": "redis://cache:6380/3", "REDIS_HOST": "other"}, "redis://cache:6380/3"),
        ({"REDIS_HOST": "cache"}, "redis://cache:6379/0"),
        ({"REDIS_PORT": "6380", "REDIS_DB": "2"}, "redis://localhost:6380/2"),
    ],
)
def test_redis_is_used_as_soon_as_one_of_its_variables_is_set(
    nothing_set: pytest.MonkeyPatch, values: dict[str, str], url: str | None
) -> None:
    for name, value in values.items():
        nothing_set.setenv(name, value)

    assert environment.load().redis_url == url


def test_template_names_every_variable_and_besides_those_of_docker_compose_no_other() -> None:
    template, _, of_compose = TEMPLATE.partition("# Docker alone")
    named = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", template, re.MULTILINE)

    assert sorted(named) == sorted(name.upper() for name in Env.model_fields)
    compose = (BASE_DIR / "docker-compose.yml").read_text()
    for name in re.findall(r"^#?([A-Z][A-Z0-9_]*)=", of_compose, re.MULTILINE):
        assert f"${{{name}:-" in compose


def test_readme_explains_every_variable_and_no_other() -> None:
    table = README.partition("## Configuration")[2].partition("\n## ")[0]
    explained = [
        name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall("`(.+?)`", row)
    ]

    assert sorted(explained) == sorted(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", TEMPLATE, re.MULTILINE))


def test_template_is_accepted_and_differs_from_the_defaults_only_where_containers_do(
    nothing_set: pytest.MonkeyPatch,
) -> None:
    defaults = environment.load()
    nothing_set.setenv("ENV_FILE", str(BASE_DIR / ".env.template"))

    copied = environment.load()

    changed = {name for name in Env.model_fields if getattr(copied, name) != getattr(defaults, name)}
    assert changed == {
        *("db_host", "db_password", "redis_host", "redis_location", "redis_port", "redis_db"),
        *("django_superuser_username", "django_superuser_email", "csrf_trusted_origins", "email_use_tls"),
        "trusted_proxies",
    }


def test_a_relative_data_dir_is_the_same_from_every_folder(tmp_path: Path) -> None:
    code = "from project import settings; print(settings.DATA_DIR)"
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(BASE_DIR), "ENV_FILE": "", "DATA_DIR": "var/elsewhere"}
    told = {
        subprocess.run([sys.executable, "-c", code], cwd=folder, env=variables, capture_output=True, text=True).stdout
        for folder in (tmp_path, BASE_DIR)
    }
    assert told == {f"{BASE_DIR / 'var/elsewhere'}\n"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HTTPS://App.Example.COM", "https://app.example.com"),
        ("https://app.example.com/", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80/", "http://app.example.com"),
        ("https://app.example.com:80", "https://app.example.com:80"),
        ("http://app.example.com:443", "http://app.example.com:443"),
        ("http://LOCALHOST:4200", "http://localhost:4200"),
        ("http://[0:0:0:0:0:0:0:1]:4200", "http://[::1]:4200"),
        ("https://*.Example.com:443", "https://*.example.com"),
        ("https://*.example.com:8443", "https://*.example.com:8443"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
    ],
)
def test_origin_is_what_browsers_send_however_it_is_written(
    nothing_set: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    nothing_set.setenv("CSRF_TRUSTED_ORIGINS", f"{written}, https://other.example.com")

    assert environment.load().csrf_trusted_origins == [meant, "https://other.example.com"]


@pytest.mark.parametrize(
    "written",
    [
        *("*", "https://*", "https://app-*.example.com", "https://app.*.com", "https://*.*.example.com", "https://"),
        *("https://app.example.com/path", "https://app.example.com?", "https://app.example.com#", "ftp://example.com"),
        *("https://user@app.example.com", "https://app.example.com:99999", "https://app.example.com:x", "null"),
        *("https://app example.com", "https://[::1", "https://.example.com", "//app.example.com", "https://[evil]"),
    ],
)
def test_origin_that_no_browser_sends_stops_the_start(nothing_set: pytest.MonkeyPatch, written: str) -> None:
    nothing_set.setenv("CSRF_TRUSTED_ORIGINS", f"https://good.example.com,{written}")

    with pytest.raises(SystemExit, match="CSRF_TRUSTED_ORIGINS can't be used as it is set: it accepts origins"):
        environment.load()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("API.example.com", "api.example.com"),
        ("api.example.com:8000", "api.example.com"),
        ("*.example.com", ".example.com"),
        (".example.com", ".example.com"),
        ("::1", "[::1]"),
        ("[::1]:8000", "[::1]"),
        ("192.0.2.7:8000", "192.0.2.7"),
        ("*", "*"),
        ("münchen.example", "xn--mnchen-3ya.example"),
    ],
)
def test_host_is_what_requests_name_however_it_is_written(
    nothing_set: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    nothing_set.setenv("ALLOWED_HOSTS", f"{written},localhost")

    assert environment.load().allowed_hosts == [meant, "localhost"]


@pytest.mark.parametrize(
    "written",
    [
        *("http://api.example.com", "api.example.com/", "api.example.com/x", "api.example.com:99999", "a b", "api.*"),
        *("user@api.example.com", "..example.com", ".", "[::1", "api.example.com?", "api.example.com#x", "**"),
    ],
)
def test_host_that_no_request_names_stops_the_start(nothing_set: pytest.MonkeyPatch, written: str) -> None:
    nothing_set.setenv("ALLOWED_HOSTS", written)

    with pytest.raises(SystemExit, match="ALLOWED_HOSTS can't be used as it is set: it accepts host names"):
        environment.load()
