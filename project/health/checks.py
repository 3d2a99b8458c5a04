"""Wrong combinations of settings, each with an id and a hint: `manage.py check`, and with `--deploy` the strict ones.

E001 to E040 keep the program from starting. W010 to W014 and W032 are printed at every start, the others by
`check --deploy`.
"""

import re
import tempfile
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import Error as DatabaseUnavailable

from hls.binary import ffmpeg_path
from hls.core.errors import TranscodeError
from hls.core.process import Bounds, run
from hls.core.sampling.samples import check_measuring
from hls.identity import HINT
from hls.store.interface import StoreFailed, StoreRefused
from hls.stores import BUCKET, try_out_bucket
from library import upkeep
from library.delivery.cdn import WINDOW_S
from project.database import check_reachable

ENGINE = "engine"  # starts ffmpeg or queries the database, so only `serve`, `worker` and `check --deploy` run it
EXAMPLE_SECRETS = re.compile(r"your[-_ ]|change[-_ ]?me|changeme|example|secret-key|django-insecure", re.IGNORECASE)
LOCAL = re.compile(r"localhost|127\.|\[?::1|testserver|0\.0\.0\.0")
OLDEST_FFMPEG = (5, 1)
ENCODERS = ("libx264", "aac")


def register_all() -> None:
    for check in (cookies, secrets, folders, processes, half_a_bucket, half_a_cdn, half_an_identity_provider, cdn):
        register(check)
    for check in (hosts, proxies, storage, encryption, mail):
        register(check, deploy=True)
    register(engine, ENGINE, deploy=True)
    register(installation, ENGINE, deploy=True)
    register(bucket, ENGINE, deploy=True)


def cookies(**options: Any) -> Iterable[CheckMessage]:
    if settings.JWT_COOKIE_SAMESITE == "None" and not settings.SECURE_COOKIES:
        yield Error(
            "JWT_COOKIE_SAMESITE=None needs SECURE_COOKIES=True: browsers drop such cookies otherwise.",
            hint="Set SECURE_COOKIES=True and serve over HTTPS, or use JWT_COOKIE_SAMESITE=Lax.",
            id="videoflix.E001",
        )


def secrets(**options: Any) -> Iterable[CheckMessage]:
    if EXAMPLE_SECRETS.search(settings.SECRET_KEY):
        kind = Warning if settings.DEBUG else Error
        yield kind(
            "SECRET_KEY comes from an example: anybody who knows it can sign in as anyone.",
            hint="Leave SECRET_KEY empty (a private key is made), or set 50 random characters.",
            id="videoflix.W011" if settings.DEBUG else "videoflix.E002",
        )
    if settings.DEBUG and (settings.SECURE_COOKIES or any(map(is_public, settings.ALLOWED_HOSTS))):
        yield Warning(
            "DEBUG=True together with settings of a public server: errors show source and settings to anybody.",
            hint="Set DEBUG=False.",
            id="videoflix.W010",
        )


def folders(**options: Any) -> Iterable[CheckMessage]:
    for folder in (settings.DATA_DIR, settings.MEDIA_ROOT, settings.HLS_ROOT):
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            yield Error(
                f"The folder {folder} can't be written: {error.strerror}.",
                hint="Give it to the user that runs Videoflix, or set DATA_DIR to a folder that can be written.",
                id="videoflix.E003",
            )


def processes(**options: Any) -> Iterable[CheckMessage]:
    backend = settings.CACHES["default"]["BACKEND"]
    if backend.endswith(("LocMemCache", "DummyCache")) and settings.WEB_WORKERS > 1:
        yield Error(
            f"{settings.WEB_WORKERS} web processes, each with a cache of its own: counters and playback rights differ.",
            hint="Use the file or Redis cache, or set WEB_WORKERS=1.",
            id="videoflix.E004",
        )


def half_a_bucket(**options: Any) -> Iterable[CheckMessage]:
    told = [name for name in settings.S3_VARIABLES if name != "S3_REGION"]  # which the template sets
    if settings.BUCKET is None and told:
        yield Error(
            f"{told[0]} is set, but S3_BUCKET is not: everything would stay on the disk.",
            hint="Set S3_BUCKET to the name of a bucket, or remove the other S3_ settings.",
            id="videoflix.E008",
        )
    if settings.BUCKET is None and settings.STORE_IN == BUCKET:
        yield Error(
            "STORE_IN=bucket is set, but S3_BUCKET is not.",
            hint="Set S3_BUCKET to the name of a bucket, or remove STORE_IN.",
            id="videoflix.E008",
        )
    if settings.BUCKET and not (settings.BUCKET.access_key_id and settings.BUCKET.secret_access_key):
        yield Error(
            "S3_BUCKET is set without the keys that open it.",
            hint="Set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.",
            id="videoflix.E008",
        )


def half_a_cdn(**options: Any) -> Iterable[CheckMessage]:
    needed = {"CDN_BASE_URL", "CDN_KEY", "CDN_KIND"}  # the template sets CDN_TTL_S
    missing = needed - settings.CDN_VARIABLES
    if settings.CDN_VARIABLES & needed and missing:
        yield Error(
            f"{min(missing)} is not set, but other CDN_ settings are: no playlist would name the CDN.",
            hint="Set CDN_BASE_URL, CDN_KEY and CDN_KIND, or none of them.",
            id="videoflix.E030",
        )
    if settings.CDN and settings.BUCKET is None:
        yield Error(
            "A CDN is set without a bucket that it could fetch from.",
            hint="Set S3_BUCKET and the other S3_ settings, or remove the CDN_ settings.",
            id="videoflix.E030",
        )


def half_an_identity_provider(**options: Any) -> Iterable[CheckMessage]:
    needed = {"OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"}
    missing = needed - settings.OIDC_VARIABLES
    if missing and missing != needed:
        yield Error(
            f"{min(missing)} is not set, but other OIDC_ settings are: there would be no single sign-on.",
            hint="Set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, or none of them.",
            id="videoflix.E040",
        )


def cdn(**options: Any) -> Iterable[CheckMessage]:
    if settings.CDN and settings.SECURE_COOKIES and settings.CDN.base_url.startswith("http://"):
        yield Error(
            "CDN_BASE_URL has no TLS, although this server has: browsers load nothing from there.",
            hint="Use an https:// address.",
            id="videoflix.E031",
        )
    if settings.CDN and settings.CDN.ttl_s < settings.HLS_MAX_DURATION_S + WINDOW_S:
        yield Warning(
            "CDN_TTL_S is shorter than the longest video: whoever watches such a one is stopped before its end.",
            hint=f"Set CDN_TTL_S to {settings.HLS_MAX_DURATION_S + WINDOW_S} or more, or HLS_MAX_DURATION_S to less.",
            id="videoflix.W032",
        )


def encryption(**options: Any) -> Iterable[CheckMessage]:
    address = settings.BUCKET.endpoint_url if settings.BUCKET else None
    if address and address.startswith("http://") and is_far(urlsplit(address).hostname or ""):
        yield Warning(
            "S3_ENDPOINT_URL begins with http://, so videos go over the network for anybody to read.",
            hint="Use the store's https:// address, or bring it into a private network.",
            id="videoflix.W028",
        )


def is_far(host: str) -> bool:
    """Whether others than us may be on the way to a host: it is neither this machine nor in a private network."""
    try:
        return not ip_address(host).is_private
    except ValueError:
        return is_public(host) and "." in host


def bucket(**options: Any) -> Iterable[CheckMessage]:
    """Whether the bucket can be used as it has to be. Where it can't be reached, the program starts all the same."""
    hint = "Look at S3_BUCKET, S3_ENDPOINT_URL, S3_REGION and the keys."
    try:
        try_out_bucket()
    except StoreRefused as error:
        yield Error(f"{error.strerror}", hint=hint, id="videoflix.E009")
    except StoreFailed as error:
        yield Warning(f"{error.strerror}", hint=hint, id="videoflix.W013")


def engine(**options: Any) -> Iterable[CheckMessage]:
    """Whether ffmpeg is there, is new enough, and has the encoders that videos need."""
    hint = "Install ffmpeg 5.1 or newer with libx264, or leave FFMPEG empty to use the one among the dependencies."
    try:
        path = str(ffmpeg_path())
        version = run([path, "-version"], bounds=Bounds(timeout_s=10)).stdout
        encoders = run([path, "-hide_banner", "-encoders"], bounds=Bounds(timeout_s=10)).stdout
    except TranscodeError as error:
        yield Error(f"ffmpeg can't be used: {error.detail}.", hint=hint, id="videoflix.E005")
        return
    number = re.match(r"ffmpeg version n?(\d+)\.(\d+)", version)
    if number and tuple(map(int, number.groups())) < OLDEST_FFMPEG:
        yield Error(f"ffmpeg {number[1]}.{number[2]} is too old.", hint=hint, id="videoflix.E006")
    for encoder in ENCODERS:
        if not re.search(rf"^ [VA]\S+ {encoder} ", encoders, re.MULTILINE):
            yield Error(f"This ffmpeg has no {encoder} encoder.", hint=hint, id="videoflix.E007")
    try:
        check_measuring(Path(path))
    except TranscodeError:
        message = "This ffmpeg has no libvmaf with VMAF v1: no video gets CRFs of its own."
        yield Warning(message, hint="Leave FFMPEG empty to use the one among the dependencies.", id="videoflix.W014")


def installation(**options: Any) -> Iterable[CheckMessage]:
    """Whether database and data folders belong together. Nothing is said while the database can't be read."""
    try:
        check_reachable()
        doubts = upkeep.doubts()
    except (DatabaseUnavailable, OSError):
        return
    for doubt in doubts:
        yield Warning(f"{doubt} Nothing is removed from it.", hint=HINT, id="videoflix.W012")


def hosts(**options: Any) -> Iterable[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS=* lets anybody choose the host in links that the API makes.",
            hint="List the names under which the API is reached.",
            id="videoflix.W020",
        )
    if any(map(is_public, settings.ALLOWED_HOSTS)) and not is_public(settings.FRONTEND_BASE_URL.partition("://")[2]):
        yield Warning(
            "Links in mails lead to this machine, although ALLOWED_HOSTS names a public host.",
            hint="Set FRONTEND_BASE_URL to the frontend's public address.",
            id="videoflix.W021",
        )
    insecure = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if origin.startswith("http://")]
    if settings.SECURE_COOKIES and insecure:
        yield Warning(
            "CSRF_TRUSTED_ORIGINS has origins without TLS, which get no secure cookies.",
            hint="Use https:// origins only.",
            id="videoflix.W022",
        )


def proxies(**options: Any) -> Iterable[CheckMessage]:
    if settings.TRUSTED_PROXIES == 0 and settings.SECURE_PROXY_SSL_HEADER:
        yield Warning(
            "Behind a proxy, but TRUSTED_PROXIES=0: all viewers share the proxy's address when tries are counted.",
            hint="Set TRUSTED_PROXIES to the number of proxies that append to X-Forwarded-For.",
            id="videoflix.W023",
        )


def storage(**options: Any) -> Iterable[CheckMessage]:
    is_sqlite = "sqlite" in settings.DATABASES["default"]["ENGINE"]
    if is_sqlite and settings.REDIS_URL:
        yield Warning(
            "Redis suggests several hosts, but the database is a SQLite file, which only one host can use.",
            hint="Set DB_HOST to use PostgreSQL.",
            id="videoflix.W024",
        )
    if not is_sqlite and not settings.REDIS_URL:
        yield Warning(
            "PostgreSQL without Redis: queue and cache are files, so workers and web must share this machine.",
            hint="Set REDIS_LOCATION.",
            id="videoflix.W025",
        )
    password = settings.DATABASES["default"].get("PASSWORD")
    if not is_sqlite and (not password or EXAMPLE_SECRETS.search(password)):
        yield Warning(
            "DB_PASSWORD is empty or comes from an example.",
            hint="Set a random password, here and in PostgreSQL.",
            id="videoflix.W026",
        )


def mail(**options: Any) -> Iterable[CheckMessage]:
    if settings.MAILERS["default"]["BACKEND"] == "project.mail.EmlBackend":
        yield Warning(
            "Mails become files: nobody receives an activation link.",
            hint="Set EMAIL_HOST and the other EMAIL_ settings.",
            id="videoflix.W027",
        )


def is_public(host: str) -> bool:
    return not LOCAL.match(host)


register_all()
