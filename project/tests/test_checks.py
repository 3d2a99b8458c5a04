"""Every wrong combination of settings has an id and a hint, and a right one has none."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.core.checks import CheckMessage, run_checks
from pytest_django.fixtures import Settings

from hls.identity import FILE
from hls.store.bucket_address import BucketAddress
from hls.tests.clips import without_libvmaf
from library.delivery.cdn import Cdn
from project.health.checks import cdn as cdn_check
from project.health.checks import half_a_cdn

pytestmark = [
    pytest.mark.django_db,  # Django's own checks ask the database what it can do
    pytest.mark.filterwarnings("ignore:Overriding setting DATABASES"),  # nothing connects to the other one
]
OWN = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
SHARED = {"BACKEND": "django.core.cache.backends.redis.RedisCache"}


def ours(*, deploy: bool = True) -> dict[str, CheckMessage]:
    found = {m.id or "": m for m in run_checks(include_deployment_checks=deploy) if "videoflix." in (m.id or "")}
    assert all(message.hint for message in found.values())
    return found


@pytest.fixture
def production(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of a correct server; each test breaks one of them."""
    settings.DEBUG = False
    settings.SECRET_KEY = "x7" * 30
    settings.ALLOWED_HOSTS = ["api.videoflix.test"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.videoflix.test"]
    settings.FRONTEND_BASE_URL = "https://app.videoflix.test"
    settings.SECURE_COOKIES = True
    settings.JWT_COOKIE_SAMESITE = "None"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.TRUSTED_PROXIES = 1
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "PASSWORD": "r4nd0m"}}
    settings.REDIS_URL = "redis://redis:6379/1"
    settings.CACHES = {"default": SHARED}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}}
    settings.DATA_DIR, settings.MEDIA_ROOT, settings.HLS_ROOT = tmp_path, tmp_path / "uploads", tmp_path / "hls"
    return settings


def test_good_server_has_nothing_to_say(production: Settings) -> None:
    assert ours() == {}


@pytest.mark.parametrize(
    ("name", "value", "identity"),
    [
        ("SECURE_COOKIES", False, "videoflix.E001"),
        ("SECRET_KEY", "your-secret-key-here", "videoflix.E002"),
        ("MEDIA_ROOT", "/proc/uploads", "videoflix.E003"),
        ("CACHES", {"default": OWN}, "videoflix.E004"),
        ("FFMPEG", "/nowhere/ffmpeg", "videoflix.E005"),
        ("S3_VARIABLES", ["S3_ENDPOINT_URL"], "videoflix.E008"),
        ("DEBUG", True, "videoflix.W010"),
        ("ALLOWED_HOSTS", ["*"], "videoflix.W020"),
        ("FRONTEND_BASE_URL", "http://localhost:4200", "videoflix.W021"),
        ("CSRF_TRUSTED_ORIGINS", ["http://app.videoflix.test"], "videoflix.W022"),
        ("TRUSTED_PROXIES", 0, "videoflix.W023"),
        ("DATABASES", {"default": {"ENGINE": "django.db.backends.sqlite3"}}, "videoflix.W024"),
        ("REDIS_URL", None, "videoflix.W025"),
        (
            "DATABASES",
            {"default": {"ENGINE": "django.db.backends.postgresql", "PASSWORD": "change-me-before-production"}},
            "videoflix.W026",
        ),
        ("MAILERS", {"default": {"BACKEND": "project.mail.EmlBackend"}}, "videoflix.W027"),
    ],
)
def test_one_wrong_thing_is_named(production: Settings, name: str, value: object, identity: str) -> None:
    setattr(production, name, value)

    assert set(ours()) == {identity}


CDN = Cdn("https://cdn.videoflix.test", "k3y" * 10, "nginx", 28_800)
CDN_VARIABLES = {"CDN_BASE_URL", "CDN_KEY", "CDN_KIND"}


@pytest.mark.parametrize(
    ("cdn", "variables", "has_bucket", "identity"),
    [
        (CDN, CDN_VARIABLES, True, None),
        (None, {"CDN_KEY", "CDN_KIND"}, True, "videoflix.E030"),
        (None, {"CDN_TTL_S"}, True, None),
        (CDN, CDN_VARIABLES, False, "videoflix.E030"),
        (replace(CDN, base_url="http://cdn.videoflix.test"), CDN_VARIABLES, True, "videoflix.E031"),
        (replace(CDN, ttl_s=6 * 3600), CDN_VARIABLES, True, "videoflix.W032"),
    ],
)
def test_wrong_settings_of_a_cdn_are_named(
    production: Settings, cdn: Cdn | None, variables: set[str], has_bucket: bool, identity: str | None
) -> None:
    """The bucket is not asked here."""
    production.CDN, production.CDN_VARIABLES = cdn, variables
    address = BucketAddress("films", "", "https://s3.videoflix.test", "eu", "id", "secret")
    production.BUCKET = address if has_bucket else None
    found = {message.id for check in (half_a_cdn, cdn_check) for message in check()}
    assert found == ({identity} if identity else set())


@pytest.mark.parametrize(
    ("variables", "identity"),
    [
        (set(), None),
        ({"OIDC_NAME"}, None),
        ({"OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"}, None),
        ({"OIDC_ISSUER", "OIDC_CLIENT_ID"}, "videoflix.E040"),
        ({"OIDC_CLIENT_SECRET", "OIDC_NAME"}, "videoflix.E040"),
    ],
)
def test_part_of_an_identity_provider_is_named(production: Settings, variables: set[str], identity: str | None) -> None:
    production.OIDC_VARIABLES = variables

    assert set(ours()) == ({identity} if identity else set())


def test_example_secret_is_only_a_warning_while_developing(production: Settings) -> None:
    production.SECRET_KEY = "your-secret-key-here"
    production.DEBUG = True

    assert set(ours()) == {"videoflix.W010", "videoflix.W011"}


@pytest.mark.parametrize(
    ("version", "encoders", "identity"),
    [
        ("4.4.2-0ubuntu0.22.04.1", " V....D libx264  x\n A....D aac  x", "videoflix.E006"),
        ("n7.1", " A....D aac  x", "videoflix.E007"),
    ],
)
def test_ffmpeg_that_is_too_old_or_poor_is_named(
    production: Settings, tmp_path: Path, version: str, encoders: str, identity: str
) -> None:
    fake = tmp_path / "ffmpeg"
    fake.write_text(
        f'#!/bin/sh\ncase "$*" in *-encoders*) echo "{encoders}";; *) echo "ffmpeg version {version}";; esac\n'
    )
    fake.chmod(0o755)
    production.FFMPEG = str(fake)

    assert set(ours()) == {identity}


def test_ffmpeg_that_measures_nothing_is_named(production: Settings, tmp_path: Path) -> None:
    production.FFMPEG = str(without_libvmaf(tmp_path / "ffmpeg"))

    assert set(ours()) == {"videoflix.W014"}


def test_engine_is_not_asked_at_every_start(production: Settings) -> None:
    production.FFMPEG = "/nowhere/ffmpeg"

    assert ours(deploy=False) == {}


def test_folder_of_another_installation_is_told_with_what_to_do(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    assert "videoflix.W012" not in ours()
    (tmp_path / FILE).write_text("another")
    warning = ours()["videoflix.W012"]
    assert str(tmp_path) in warning.msg
    assert "--adopt" in str(warning.hint)
