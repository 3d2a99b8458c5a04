"""One line per event: JSON for machines, readable text with DEBUG=True. Secrets are masked wherever they stand."""

import logging.config
import re
from typing import Any

import structlog

SECRETS = re.compile(
    r"(?P<before>/(?:activate|password_confirm)/)[^\s\"'?]+"  # the API's links: uid and token
    r"|(?P<name>\b(?:token|uid|sessionid|csrftoken|(?:access|refresh|playback)_token)=)[^\s&;\"']+"
    r"|(?P<scheme>\b(?:Bearer|Basic) )[\w.~+/=-]{8,}"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|(?<=://)[^\s/@]*:[^\s/@]*(?=@)"  # user and password in a URL
)

SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.ExtraAdder(allow=["request_id", "status_code", "duration_ms"]),
]


def masked(text: str) -> str:
    """The text without tokens, cookies and passwords."""
    return SECRETS.sub(lambda found: f"{found['before'] or found['name'] or found['scheme'] or ''}***", text)


def mask_secrets(logger: Any, method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """A structlog processor; runs last, so that messages and tracebacks of any library pass it too."""
    return {key: masked(value) if isinstance(value, str) else value for key, value in event.items()}


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """The dictionary for `logging.config`: everything to standard error."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    last = [structlog.processors.format_exc_info, mask_secrets, renderer] if as_json else [mask_secrets, renderer]
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
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},  # 4xx answers stand in the access line already
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "huey": {"level": "WARNING"},
            "hls.core.process": {"level": "DEBUG" if level == "DEBUG" else "WARNING"},  # whole ffmpeg commands
            "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},  # instead of a format of its own
        },
    }


def configure(config: dict[str, Any]) -> None:
    """Set up the standard library's logging and structlog on top of it; Django calls this."""
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED[:-1],
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
