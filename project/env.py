"""Every setting that comes from outside, typed: the only module that reads the environment.

Values come from the environment, then from the `.env` file in the checkout (another one with `ENV_FILE`).
A value that is empty or blank counts as not set. One that can't be used stops the start with one line.
"""

import os
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from accounts.single_sign_on.identity_provider import IdentityProvider
from hls.core.atomic_file import make_once
from hls.store.bucket_address import BucketAddress
from library.delivery.cdn import Cdn, CdnKind
from project import env_values, hostnames, listening
from project.env_file import EnvFileRefused, env_file_encoding

BASE_DIR = Path(__file__).resolve().parent.parent


type Hosts = Annotated[
    list[Annotated[str, AfterValidator(hostnames.allowed_host)]], NoDecode, BeforeValidator(env_values.split)
]
type Origins = Annotated[
    list[Annotated[str, AfterValidator(hostnames.origin)]], NoDecode, BeforeValidator(env_values.split)
]
type Host = Annotated[str, AfterValidator(env_values.host)]
type SmtpText = Annotated[str, AfterValidator(env_values.smtp_text)]
type RelativePath = Annotated[str, AfterValidator(env_values.relative_path)]
type Limit = Annotated[str, AfterValidator(env_values.limit)]

BOOLEAN = "True or False"
PORT_NUMBER = "a port number from 1 to 65535"
LIMIT = "a number for each period, such as 10/5minutes or 100/hour"


class Env(BaseSettings):
    """The environment. Each field's description completes the sentence "NAME accepts …"."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    host: Host = Field(listening.LOCALHOST, description="a host name or address to listen on, without a port")
    port: int = Field(8000, ge=1, le=65535, description=PORT_NUMBER)
    data_dir: Annotated[Path, AfterValidator(env_values.folder)] = Field(
        BASE_DIR / "var", description="a folder that can be written"
    )
    web_workers: int = Field(2, ge=1, le=64, description="a number of web processes from 1 to 64")
    web_threads: int = Field(256, ge=1, le=1024, description="a number of threads per web process from 1 to 1024")

    secret_key: str | None = Field(None, min_length=16, description="at least 16 secret characters")
    debug: bool = Field(False, description=BOOLEAN)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    metrics_token: str | None = Field(None, min_length=16, description="at least 16 secret characters")
    allowed_hosts: Hosts = Field(
        ["localhost", "127.0.0.1", "[::1]"],
        description="host names separated by commas, such as api.example.com, .example.com (with all below) or *",
    )
    csrf_trusted_origins: Origins = Field(
        [],
        description="origins separated by commas, each a scheme and a host, such as https://app.example.com,"
        " http://localhost:4200 or https://*.example.com",
    )
    secure_cookies: bool = Field(False, description=BOOLEAN)
    secure_hsts: Literal["off", "host", "subdomains", "preload"] = Field(
        "host", description="off, host, subdomains or preload"
    )
    jwt_cookie_samesite: Literal["Lax", "Strict", "None"] = Field("Lax", description="Lax, Strict or None")
    cookie_prefix: str = Field(
        "",
        pattern="^([A-Za-z0-9][A-Za-z0-9_]{0,31})?$",
        description="letters, digits and underscores, at most 32, no underscore first",
    )
    use_x_forwarded_proto: bool = Field(False, description=BOOLEAN)
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="how many proxies in front append to X-Forwarded-For, 0 to 10"
    )

    db_name: str = Field("videoflix_db", description="a PostgreSQL database name")
    db_user: str = Field("videoflix_user", description="a PostgreSQL user")
    db_password: str = Field("", description="the PostgreSQL user's password")
    db_host: Annotated[str, AfterValidator(env_values.database_hosts)] | None = Field(
        None, description="a host name, address or socket folder of PostgreSQL, without a port"
    )
    db_port: int = Field(5432, ge=1, le=65535, description=PORT_NUMBER)

    redis_location: Annotated[str, AfterValidator(env_values.redis_url)] | None = Field(
        None, description="a URL such as redis://redis:6379/1"
    )
    redis_host: Host | None = Field(None, description="a host name or address of Redis, without a port")
    redis_port: int | None = Field(None, ge=1, le=65535, description=PORT_NUMBER)
    redis_db: int | None = Field(None, ge=0, le=2**31 - 1, description="a Redis database number, 0 or more")

    store_in: Literal["disk", "bucket"] | None = Field(None, description="disk or bucket")
    s3_bucket: Annotated[str, AfterValidator(env_values.bucket_name)] | None = Field(
        None, description="a bucket's name: letters, digits, points, hyphens and underscores, no address"
    )
    s3_endpoint_url: Annotated[str, AfterValidator(env_values.web_url)] | None = Field(
        None, description="the address of an S3-compatible store, such as https://s3.example.com"
    )
    s3_region: Annotated[str, AfterValidator(env_values.region)] = Field(
        "us-east-1", description="a region's name, such as eu-central-1"
    )
    s3_access_key_id: Annotated[str, AfterValidator(env_values.access_key_id)] | None = Field(
        None, description="the id of an access key"
    )
    s3_secret_access_key: str | None = Field(None, description="the secret of the access key")
    s3_prefix: Annotated[str, AfterValidator(env_values.key_prefix)] = Field(
        "", description="names with slashes between them, such as videoflix/production"
    )

    cdn_base_url: Annotated[str, AfterValidator(env_values.site)] | None = Field(
        None, description="the address of a CDN without a path, such as https://cdn.example.com"
    )
    cdn_key: str | None = Field(None, min_length=16, description="at least 16 secret characters")
    cdn_kind: CdnKind | None = Field(None, description="nginx or bunny")
    cdn_ttl_s: int = Field(28_800, ge=1800, le=604_800, description="seconds an address is good for, 1800 to 604800")

    email_host: Host | None = Field(None, description="the host name of an SMTP server, without a port")
    email_port: int = Field(587, ge=1, le=65535, description=PORT_NUMBER)
    email_host_user: SmtpText = Field("", description="the SMTP user, in ASCII")
    email_host_password: SmtpText = Field("", description="the SMTP user's password, in ASCII")
    email_use_tls: bool = Field(False, description=BOOLEAN)
    email_use_ssl: bool = Field(False, description=BOOLEAN)
    default_from_email: Annotated[str, AfterValidator(env_values.sender)] = Field(
        "noreply@videoflix.com",
        description='a sender\'s e-mail address, alone or behind a name: "Films, Inc." <films@example.com>',
    )

    reference_frontend: bool = Field(True, description=BOOLEAN)
    frontend_base_url: Annotated[str, AfterValidator(env_values.frontend_url)] | None = Field(
        None, description="the frontend's address, such as https://app.example.com"
    )
    frontend_activate_path: RelativePath = Field(
        "pages/auth/activate.html", description="a path below FRONTEND_BASE_URL, without ? and #"
    )
    frontend_reset_path: RelativePath = Field(
        "pages/auth/confirm_password.html", description="a path below FRONTEND_BASE_URL, without ? and #"
    )
    frontend_email_path: RelativePath = Field(
        "pages/auth/confirm_email.html", description="a path below FRONTEND_BASE_URL, without ? and #"
    )

    time_zone: Annotated[str, AfterValidator(env_values.time_zone)] = Field(
        "UTC", description="a time zone's name, such as Europe/Berlin"
    )

    django_superuser_username: Annotated[str, AfterValidator(env_values.on_one_line)] | None = Field(
        None, max_length=254, description="a user name of at most 254 characters"
    )
    django_superuser_email: Annotated[str, AfterValidator(env_values.address)] | None = Field(
        None, max_length=254, description="an e-mail address"
    )
    django_superuser_password: str | None = Field(None, description="a password")

    oidc_issuer: Annotated[str, AfterValidator(env_values.issuer)] | None = Field(
        None, description="an https:// address of at most 200 characters, as the provider spells itself"
    )
    oidc_client_id: str | None = Field(None, description="the client's id at the provider")
    oidc_client_secret: str | None = Field(None, description="the client's secret at the provider")
    oidc_name: str = Field("single sign-on", max_length=40, description="at most 40 characters, for a button")
    admin_require_2fa: bool = Field(False, description=BOOLEAN)
    throttle_sign_in: Limit = Field("10/5minutes", description=LIMIT)
    throttle_sign_in_address: Limit = Field("100/5minutes", description=LIMIT)
    throttle_sign_in_account: Limit = Field("100/hour", description=LIMIT)
    throttle_sign_in_device: Limit = Field("10/5minutes", description=LIMIT)
    throttle_second_factor: Limit = Field("30/day", description=LIMIT)
    throttle_register_address: Limit = Field("30/hour", description=LIMIT)
    throttle_resend_address: Limit = Field("100/hour", description=LIMIT)
    throttle_reset_address: Limit = Field("100/hour", description=LIMIT)
    throttle_mails: Limit = Field("5/hour", description=LIMIT)
    throttle_key: Limit = Field("600/minute", description=LIMIT)

    ffmpeg: str | None = Field(None, description="the path of an ffmpeg, 5.1 or newer")
    hls_workers: int = Field(1, ge=1, le=64, description="how many chunks one worker encodes at once, 1 to 64")
    hls_threads: int = Field(0, ge=0, le=128, description="threads for each ffmpeg, 0 (all cores) to 128")
    hls_nice: int = Field(
        10, ge=0, le=19, description="the nice level of ffmpeg, 0 to 19; half of it for a video's first seconds"
    )
    hls_lease_s: int = Field(60, ge=5, le=3600, description="seconds a silent worker keeps its chunk, 5 to 3600")
    hls_list_when: Literal["ready", "playable"] = Field("ready", description="ready or playable")
    hls_max_duration_s: int = Field(6 * 3600, ge=1, description="the longest video accepted, in seconds")
    hls_max_pixels: int = Field(8192 * 4320, ge=1, description="the largest picture accepted, in pixels")
    upload_max_mb: int = Field(20_000, ge=1, description="the largest upload accepted, in megabytes")
    webhook_allow_private: bool = Field(False, description=BOOLEAN)
    source_allow_private: bool = Field(False, description=BOOLEAN)
    trash_days: int = Field(7, ge=0, le=3650, description="how many days removed files can be taken back, 0 to 3650")
    source_cache_mb: int = Field(
        20_480, ge=1, description="megabytes of each machine's disk for uploaded files that it fetches from the bucket"
    )
    disk_reserve_mb: int = Field(500, ge=0, description="megabytes of disk that are never filled")

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if not isinstance(value, str) or value.strip()}

    @model_validator(mode="after")
    def _one_kind_of_mail_encryption(self) -> Self:
        if self.email_use_tls and self.email_use_ssl:
            raise ValueError("EMAIL_USE_TLS can't be used together with EMAIL_USE_SSL: set one of them to False.")
        return self

    @cached_property
    def bucket(self) -> BucketAddress | None:
        """None to keep everything on the disk. Half an address is refused by a check (project/health/checks.py)."""
        if self.s3_bucket is None:
            return None
        return BucketAddress(
            self.s3_bucket,
            self.s3_prefix,
            self.s3_endpoint_url,
            self.s3_region,
            self.s3_access_key_id or "",
            self.s3_secret_access_key or "",
        )

    @cached_property
    def cdn(self) -> Cdn | None:
        """None to leave all files where the API is. A part of these settings is refused by a check."""
        if self.cdn_base_url is None or self.cdn_key is None or self.cdn_kind is None:
            return None
        return Cdn(self.cdn_base_url, self.cdn_key, self.cdn_kind, self.cdn_ttl_s)

    @cached_property
    def oidc(self) -> IdentityProvider | None:
        """None to do without. A part of these settings is refused by a check."""
        if self.oidc_issuer is None or self.oidc_client_id is None or self.oidc_client_secret is None:
            return None
        return IdentityProvider(self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret, self.oidc_name)

    @cached_property
    def redis_url(self) -> str | None:
        """Where Redis is, or None to do without it."""
        if self.redis_location:
            return self.redis_location
        if self.redis_host is None and self.redis_port is None and self.redis_db is None:
            return None
        host = listening.bracketed(self.redis_host or "localhost")
        return f"redis://{host}:{self.redis_port or 6379}/{self.redis_db or 0}"


def sentence(error: ValidationError) -> str:
    """One line for the first thing wrong: the variable and what it accepts, never the value (it may be a secret)."""
    first = error.errors()[0]
    if not first["loc"]:
        return str(first["msg"]).removeprefix("Value error, ")
    field = str(first["loc"][0])
    return f"{field.upper()} can't be used as it is set: it accepts {Env.model_fields[field].description}."


def load() -> Env:
    """Read the environment, or stop the program with one line that names the variable or the file."""
    env_file = os.environ.get("ENV_FILE", str(BASE_DIR / ".env"))
    try:
        encoding = env_file_encoding(env_file, is_needed="ENV_FILE" in os.environ) if env_file else None
        return Env(_env_file=env_file or None, _env_file_encoding=encoding)
    except ValidationError as error:
        raise SystemExit(sentence(error)) from None
    except EnvFileRefused as error:
        raise SystemExit(f"{env_file} can't be read: {error}.") from None
    except OSError as error:
        raise SystemExit(f"{env_file} can't be read: {error.strerror}.") from None


def share_metrics(folder: str) -> None:
    """Let web processes started from here add their counters up in `folder`. Call it before they import any."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def shares_metrics() -> bool:
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


def data_folder(path: Path) -> Path:
    """DATA_DIR, made where it is missing, as an absolute path: the same from whichever folder a command is started."""
    folder = (BASE_DIR / path).resolve()
    with suppress(OSError):  # the queue is opened there before any command begins
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SystemExit(f"DATA_DIR can't be used as it is set: {folder} can't be written by this user.")
    return folder


def private_key(path: Path) -> str:
    """The installation's secret key: made once, readable by its owner alone, the same if several start at once."""
    try:
        if not path.exists():
            make_once(path, secrets.token_urlsafe(48))
        key = path.read_text()
    except OSError as error:
        raise SystemExit(f"DATA_DIR can't be used as it is set: {path.parent}: {error.strerror}.") from None
    if len(key.strip()) < 16:  # as SECRET_KEY has
        raise SystemExit(f"{path} holds no key of 16 characters: restore it, or delete it (then all sign in again).")
    return key
