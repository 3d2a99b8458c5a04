"""What schemathesis needs to be told to speak to us: loaded by name in schemathesis.toml."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
