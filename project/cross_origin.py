"""The headers that frontends on other origins may send, and those that they may read (CORS)."""

UPLOAD_REQUEST_HEADERS = [  # of tus 1.0 and its extensions
    *("tus-resumable", "upload-length", "upload-offset", "upload-metadata", "upload-checksum"),
    *("upload-defer-length", "upload-concat"),
    *("x-http-method-override", "x-requested-with", "x-request-id"),
]
UPLOAD_RESPONSE_HEADERS = [
    *("Location", "Tus-Version", "Tus-Resumable", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
    *("Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Expires", "X-Video-ID"),
    *("Upload-Defer-Length", "Upload-Concat"),
]
MAY_SEND = [
    *("content-type", "x-csrftoken", "authorization", "range", "x-token-transport", "idempotency-key"),
    *("if-none-match", "if-match", "if-modified-since", "if-unmodified-since", "if-range"),
    *UPLOAD_REQUEST_HEADERS,
]
MAY_READ = [
    *("X-Total-Count", "Retry-After", "ETag", "Content-Range", "Accept-Ranges", "X-Request-ID"),
    *UPLOAD_RESPONSE_HEADERS,
]
