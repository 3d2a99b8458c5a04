"""One line per event: JSON for machines, readable text with DEBUG=True. Secrets are masked wherever they appear."""

import logging.config
import re
import sys
import threading
from functools import lru_cache
from typing import Any, TextIO, cast

import structlog

from hls.core.errors import in_one_line
from project import database_outage, once_a_minute, queue_outage

SECRETS = re.compile(
    r"(?P<before>/(?:activate|password_confirm)/)[^\s\"'?]+"  # the API's links: uid and token
    r"|(?P<play>/play/)[^\s\"'?/]+"  # a playback address
    r"|(?P<grant>/uploads/granted/)[^\s\"'?/]+"  # an upload grant's address
    r"|(?P<name>\b(?:token|uid|\w*(?:sessionid|csrftoken|(?:access|refresh|playback|device)_token|password))=)[^\s&;\"']+"
    r"|(?P<key>[\"']\w*(?:token|password|sessionid)[\"']: ?)(?:\"[^\"]*\"|'[^']*')"  # in JSON, or a printed dict
    r"|(?P<scheme>\b(?:Bearer|Basic) )[\w.~+/=-]{8,}"
    r"|(?P<api_key>\bvfk_)\w+"  # an API key
    r"|\b(?:argon2|pbkdf2_sha256)\$[^\s\"',)]+"  # a password's hash: PostgreSQL quotes the row that it refuses
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|(?<=://)[^\s/@]*:[^\s/@]*(?=@)"  # user and password in a URL
)
# Each alternative of SECRETS contains one of these: looking for words is ten times as fast as trying them all.
HINTS = (
    "activate/",
    "confirm/",
    "/play/",
    "/granted/",
    "token",
    "uid",
    "sessionid",
    "password",
    "Bearer",
    "Basic",
    "vfk_",
    "argon2",
    "pbkdf2",
    "eyJ",
    "://",
)
SECRET_NAMES = re.compile(r"password|token|secret|cookie|authorization|body", re.IGNORECASE)

TIMESTAMP = structlog.processors.TimeStamper(fmt="iso", utc=True)

SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    TIMESTAMP,
    structlog.stdlib.ExtraAdder(allow=["request_id", "status_code", "duration_ms"]),
]


def masked(text: str) -> str:
    """The text without tokens, cookies and passwords."""
    for hint in HINTS:  # a loop, as a generator in any() takes three times as long
        if hint in text:
            return SECRETS.sub(lambda found: f"{found[found.lastgroup] if found.lastgroup else ''}***", text)
    return text


def mask_secrets(logger: Any, method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """A structlog processor; runs last, so that messages and tracebacks of any library pass it too."""
    return {name: masked_value(name, value) for name, value in event.items()}


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Whether values of this name are secrets, which are never logged."""
    return SECRET_NAMES.search(name) is not None


def masked_value(name: str, value: Any) -> Any:
    """The value with its secrets masked, however deeply nested."""
    if is_secret(name):
        return "***"
    match value:
        case str():
            return masked(value)
        case BaseException():
            return masked(in_one_line(value))
        case dict():
            return {key: masked_value(str(key), inner) for key, inner in value.items()}
        case list() | tuple():
            return [masked_value("", inner) for inner in value]
        case _:
            return value


def mask_line(logger: Any, method: str, line: Any) -> str:
    return masked(line)


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """The dictionary for `logging.config`: everything to standard error."""
    readable = structlog.dev.ConsoleRenderer(
        colors=False,
        exception_formatter=structlog.dev.plain_traceback,  # the default shows variables, passwords among them
    )
    last: list[Any] = [mask_secrets, readable, mask_line]
    if as_json:
        last = [structlog.processors.format_exc_info, mask_secrets, structlog.processors.JSONRenderer()]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "structlog.stdlib.ProcessorFormatter",
                "foreign_pre_chain": SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "filters": {
            "outage": {"()": lambda: once_a_minute.queue},  # the same one for all loggers
            "statistics": {"()": lambda: once_a_minute.statistics},
            "pool": {"()": lambda: once_a_minute.pool},
            "tries": {"()": database_outage.OnlyTries},
            "ended": {"()": database_outage.EndedTask},
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},  # 4xx answers are in the access line already
            "django.db.backends": {"level": "INFO"},  # its DEBUG is every query with its values, hashes among them
            "huey": {"level": "WARNING", "filters": ["ended", "statistics"]},
            "huey.stats": {"filters": ["statistics"]},
            database_outage.POOL: {"filters": ["tries", "pool"]},
            **{name: {"filters": ["outage"]} for name in queue_outage.LOGGERS},
            "hls.core.process": {"level": "DEBUG" if level == "DEBUG" else "WARNING"},  # whole ffmpeg commands
            "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},  # instead of a format of its own
        },
    }


PROCESSORS: list[
    structlog.typing.Processor
] = [  # one list, however often logging is set up: loggers in use keep a reference to it
    structlog.stdlib.filter_by_level,
    *SHARED[:-1],
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]


def configure(config: dict[str, Any]) -> None:
    """Set up the standard library's logging and structlog on top of it; Django calls this, after gunicorn in web."""
    for name in config["loggers"]:
        logging.getLogger(name).filters.clear()  # dictConfig adds to those that are there
    logging.config.dictConfig(config)
    structlog.configure(
        processors=PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def log_unhandled(ended: threading.ExceptHookArgs) -> None:
    """A `threading.excepthook`: what ends a thread is one masked line, as every other event."""
    if issubclass(ended.exc_type, SystemExit) or ended.exc_value is None:
        return
    name = ended.thread.name if ended.thread else "of a program that ends"
    about = (ended.exc_type, ended.exc_value, ended.exc_traceback)
    logging.getLogger("videoflix.threads").error("unhandled exception in thread %s", name, exc_info=about)


class StandardError:
    """Whatever `sys.stderr` is at the moment."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def lean_logger(name: str, *, level: str, as_json: bool) -> structlog.typing.FilteringBoundLogger:
    """A logger straight to standard error: the same lines without a LogRecord, at a third of the cost.

    For events that come by the thousand. Secrets are masked in the finished line, so its values are plain ones.
    """
    last: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    logger = structlog.wrap_logger(
        structlog.WriteLogger(cast(TextIO, StandardError())),
        processors=[structlog.processors.add_log_level, TIMESTAMP, last, mask_line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return cast(structlog.typing.FilteringBoundLogger, logger.bind(logger=name))
