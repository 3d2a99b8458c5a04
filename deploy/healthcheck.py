"""Whether the web server of this container is well. Standard library only: it runs every few seconds."""

import http.client
import os
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=4)
try:
    connection.request("GET", "/api/health/", headers={"Host": "localhost"})
    answer = connection.getresponse()
    sys.stdout.write(answer.read().decode())
    sys.exit(answer.status != 200)
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"no answer: {error}")
