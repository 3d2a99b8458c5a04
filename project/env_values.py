"""Readers of single values of the environment (project/env.py). Each raises ValueError for what can't be used."""

import re
from email.policy import SMTP
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from redis import ConnectionPool

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def on_one_line(value: str) -> str:
    """Without white space at its ends, and with no line break or other control character in it."""
    if re.search(r"[\x00-\x1f\x7f]", stripped := value.strip()):
        raise ValueError
    return stripped


def without_space(value: str) -> str:
    """Without white space at its ends, and with none and no control character in it."""
    if re.search(r"[\s\x00-\x1f\x7f]", stripped := value.strip()):
        raise ValueError
    return stripped


def folder(path: Path) -> Path:
    """With the home folder that "~" stands for."""
    try:
        return path.expanduser()
    except RuntimeError as error:  # of somebody who has none
        raise ValueError from error


def host(value: str) -> str:
    """A name or an address that a connection can be asked for, whether or not it exists."""
    name = without_space(value)
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if not name or re.search(r"[/@\[\]\"'*]", name):
        raise ValueError
    name.encode("idna")  # a UnicodeError is a ValueError
    return name


def database_hosts(value: str) -> str:
    """As libpq has them: one or several with commas, each a host or a socket's folder."""
    hosts = on_one_line(value)
    return ",".join(part if part.startswith(("/", "@")) else host(part) for part in hosts.split(","))


def redis_url(value: str) -> str:
    """As redis-py reads it, with every option that it is given."""
    url = without_space(value)
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ValueError
    try:
        connection = ConnectionPool.from_url(url).make_connection()
    except TypeError as error:  # an option that there is not
        raise ValueError from error
    host(getattr(connection, "host", None) or "localhost")
    return url


def web_url(value: str) -> str:
    """Without a slash at its end; paths are put behind it."""
    url = without_space(value)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "?" in url or "#" in url or parts.port == 0:  # an odd port raises
        raise ValueError
    host(parts.hostname or "")
    return url.rstrip("/")


def frontend_url(value: str) -> str:
    """As `web_url`, or with "#/" or "#!/" before the paths of a frontend that finds its pages by them."""
    before, mark, route = value.strip().rstrip("/").partition("#")
    if route not in ("", "!") and not re.fullmatch(r"!?/[^?#\s]*", route):
        raise ValueError
    return f"{web_url(before)}/{mark}{route}" if mark else web_url(before)


def smtp_text(value: str) -> str:
    """What smtplib can say to a mail server."""
    if not value.isascii():
        raise ValueError
    return value


def sender(value: str) -> str:
    """An address, or a name with an address in <>."""
    text = on_one_line(value)
    address_in(text)
    return text


def address(value: str) -> str:
    """An e-mail address alone."""
    text = without_space(value)
    if address_in(text) != text:
        raise ValueError
    return text


def address_in(text: str) -> str:
    """The one address that the header From of a mail has if this is its text."""
    read = SMTP.header_factory("From", text)
    if read.defects or len(read.addresses) != 1:
        raise ValueError
    found: str = read.addresses[0].addr_spec
    local, _, domain = found.rpartition("@")
    if not local.isascii():
        raise ValueError
    host(domain)
    return found


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
    path = without_space(value)
    if "://" in path or "?" in path or "#" in path:
        raise ValueError
    return path.strip("/")


def key_prefix(value: str) -> str:
    """With a slash at its end, or empty. Other characters than these are spelled in several ways in addresses."""
    names = value.strip("/")
    if not re.fullmatch(r"([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?", names) or {".", ".."} & set(names.split("/")):
        raise ValueError
    return f"{names}/" if names else ""


def region(value: str) -> str:
    """As the signature of a request and Amazon's host names have it."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]", name := value.strip()):
        raise ValueError
    return name


def access_key_id(value: str) -> str:
    """It is sent in a header, between slashes and commas."""
    if not re.fullmatch(r"[!-~]+", name := value.strip()) or {"/", ","} & set(name):
        raise ValueError
    return name


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
