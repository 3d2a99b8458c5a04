"""What schemathesis needs to know of this API. It is loaded by name in schemathesis.toml."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
