"""A WSGI application that tells what gunicorn made of the request."""

import json
from collections.abc import Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    told = {
        name: environ.get(name) for name in ("PATH_INFO", "SCRIPT_NAME", "wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO")
    }
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(json.dumps(told))))])
    return [json.dumps(told).encode()]
