"""Readers of single values of the environment (project/env.py). Each raises ValueError for what can't be used."""

import re
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def redis_url(value: str) -> str:
    if urlsplit(value).scheme not in ("redis", "rediss", "unix"):
        raise ValueError
    return value


def web_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError
    return value.rstrip("/")


def site(value: str) -> str:
    if urlsplit(url := web_url(value)).netloc != url.partition("://")[2]:
        raise ValueError
    return url


def issuer(value: str) -> str:
    """As it is: a slash at its end counts. Without TLS only on this machine, where nobody listens in between."""
    parts = urlsplit(value)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    if not is_safe or not parts.hostname or parts.query or parts.fragment or len(value) > 200:
        raise ValueError
    return value


def limit(value: str) -> str:
    """As the `limits` library reads it."""
    if not re.fullmatch(r"[1-9]\d{0,6}/([1-9]\d{0,3})?(second|minute|hour|day)s?", value):
        raise ValueError
    return value


def relative_path(value: str) -> str:
    if "://" in value or "?" in value or "#" in value:
        raise ValueError
    return value.strip("/")


def key_prefix(value: str) -> str:
    """With a slash at its end, or empty. Other characters than these are spelled in several ways in addresses."""
    names = value.strip("/")
    if not re.fullmatch(r"([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?", names) or {".", ".."} & set(names.split("/")):
        raise ValueError
    return f"{names}/" if names else ""


def bucket_name(value: str) -> str:
    """As the stores allow names, those of older buckets too."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{3,255}", value):
        raise ValueError
    return value


def time_zone(value: str) -> str:
    """As the tz database spells it. Raises ValueError."""
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, OSError) as error:  # OSError: a folder of the tz database
        raise ValueError from error
