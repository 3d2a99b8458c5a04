"""A real object store for the tests: SeaweedFS, which comes as a wheel, or any other that TEST_S3_ENDPOINT names.

One server serves a whole run of tests in this process; each test gets a prefix of its own in its bucket.
"""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from botocore.exceptions import ClientError

from hls.store.bucket_address import BucketAddress
from hls.store.connection import client_of

START_TIMEOUT_S = 30
BUCKET = "videoflix"
KEY_ID, SECRET = "tests", "only-for-tests"


def weed_binary() -> str | None:
    beside_python = Path(sys.executable).with_name("weed")
    return str(beside_python) if beside_python.exists() else shutil.which("weed")


def is_missing() -> bool:
    return weed_binary() is None and "TEST_S3_ENDPOINT" not in os.environ


def named_for_tests() -> BucketAddress | None:
    """The store that TEST_S3_ENDPOINT, TEST_S3_BUCKET, TEST_S3_ACCESS_KEY_ID and TEST_S3_SECRET_ACCESS_KEY name."""
    endpoint = os.environ.get("TEST_S3_ENDPOINT")
    if endpoint is None:
        return None
    bucket, key_id, secret = (
        os.environ[f"TEST_S3_{name}"] for name in ("BUCKET", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
    )
    return BucketAddress(bucket, "", endpoint, os.environ.get("TEST_S3_REGION", "us-east-1"), key_id, secret)


class Seaweed:
    """Master, volume, filer and S3 in one process, on free ports of the loopback. It can be stopped and started again.

    It listens for gRPC on each port + 10,000 as well, and would report home and open fixed ports unless told not to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(("master", "volume", "filer", "s3"), free_ports(4), strict=True))
        self.process: subprocess.Popen[bytes] | None = None
        keys = {"accessKey": KEY_ID, "secretKey": SECRET}
        identity = {"name": "tests", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (folder / "data").mkdir()

    @property
    def address(self) -> BucketAddress:
        return BucketAddress(BUCKET, "", f"http://127.0.0.1:{self.ports['s3']}", "us-east-1", KEY_ID, SECRET)

    def start(self) -> None:
        """Start it, and return once it takes connections for S3."""
        binary = weed_binary()
        assert binary is not None
        ports = [f"-{name}.port={port}" for name, port in self.ports.items()]
        command = [
            *(binary, "-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *ports),
            *(f"-dir={self.folder / 'data'}", "-filer", "-s3", f"-s3.config={self.folder / 's3.json'}"),
            *("-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *("-master.electionTimeout=1s", "-master.heartbeatInterval=100ms"),  # else it is away for 20 s at a restart
            *("-volume.max=64", "-master.volumeSizeLimitMB=64"),
        ]
        with (self.folder / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not accepts(self.ports["s3"]):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS did not start:\n{(self.folder / 'weed.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def running_store() -> Iterator[BucketAddress]:
    """Any store, with its bucket."""
    with ExitStack() as stack:
        address = named_for_tests() or stack.enter_context(seaweed()).address
        make_bucket(address)
        yield address


def make_bucket(address: BucketAddress) -> None:
    """Make it, unless it is there; a server that has just begun to listen answers with errors for a while."""
    client, deadline = client_of(address), time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            client.create_bucket(Bucket=address.bucket)
            client.put_object(Bucket=address.bucket, Key="first", Body=b"first")
        except ClientError as error:
            if error.response["Error"].get("Code") == "BucketAlreadyOwnedByYou":
                return
            if time.monotonic() > deadline:
                raise
        else:
            return


class Page(BaseHTTPRequestHandler):
    """Answers everything with 200 and a page, as a balancer in front of a store may while that is looked after."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b"<html>We will be back soon.</html>"
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_HEAD = do_PUT = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def page_instead(port: int = 0) -> Iterator[str]:
    """The address of such a balancer."""
    with ThreadingHTTPServer(("127.0.0.1", port), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def seaweed() -> Iterator[Seaweed]:
    with tempfile.TemporaryDirectory(prefix="videoflix-seaweed-") as folder:
        server = Seaweed(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def free_ports(count: int) -> list[int]:
    """Such that each port + 10,000 is free too, and none is one that the system gives to connections."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randint(11_000, 22_000)
        if is_free(port) and is_free(port + 10_000):
            found.add(port)
    return sorted(found)


def is_free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    with socket.socket() as connection:
        connection.settimeout(0.2)
        return connection.connect_ex(("127.0.0.1", port)) == 0
