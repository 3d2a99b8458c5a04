"""Texts that are made when they are asked for, as HTTP answers: with a validator, and gzip where it is accepted."""

import gzip
import hashlib
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag

from library.delivery import files


def made(request: HttpRequest, text: str, *, content_type: str, cache: str = files.BRIEFLY) -> HttpResponseBase:
    """The text with the headers of a playlist: kept for seconds, unless it changes, and asked for anew with its tag.

    Each coding has a tag of its own (RFC 9110 8.8.3.3).
    """
    content = text.encode()
    tag = hashlib.sha256(content).hexdigest()[:32]
    headers = {"Cache-Control": cache, "X-Content-Type-Options": "nosniff"}
    if files.accepts_gzip(request.META.get("HTTP_ACCEPT_ENCODING", "")):
        content, tag = gzip.compress(content, 6, mtime=0), f"{tag}-gzip"
        headers["Content-Encoding"] = "gzip"
    etag = quote_etag(tag)
    response = HttpResponse(content, content_type=content_type, headers=headers | {"ETag": etag})
    patch_vary_headers(response, ["Accept-Encoding"])
    return cast(HttpResponse, get_conditional_response(request, etag=etag, response=response))
