"""A server that speaks S3, in a process of its own."""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.live.stack import free_port

BUCKET, ACCESS_KEY, SECRET_KEY = "models", "tests", "no-secret-at-all"


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Its address, while it runs; the bucket is there."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _create_bucket(port, deadline=time.monotonic() + 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def bucket(endpoint: str, prefix: str = "") -> dict[str, Any]:
    """The setting ARTIFACT_BUCKET for that server."""
    return {
        "BACKEND": "registry.object_storage.ObjectStorage",
        "OPTIONS": {
            "bucket_name": BUCKET,
            "location": prefix,
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "access_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
        },
    }


def environment(endpoint: str) -> dict[str, str]:
    """The same as an operator would give it."""
    return {
        "ARTIFACT_STORAGE": "s3",
        "ARTIFACT_S3_BUCKET": BUCKET,
        "ARTIFACT_S3_ENDPOINT": endpoint,
        "ARTIFACT_S3_REGION": "us-east-1",
        "ARTIFACT_S3_ACCESS_KEY": ACCESS_KEY,
        "ARTIFACT_S3_SECRET_KEY": SECRET_KEY,
    }


def _create_bucket(port: int, deadline: float) -> None:
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            with contextlib.closing(connection):
                connection.request("PUT", f"/{BUCKET}")
                if connection.getresponse().status == 200:
                    return
        except OSError:
            pass
        assert time.monotonic() < deadline, "the server didn't start"
        time.sleep(0.05)
