"""What reaches a Sentry: a real client in a process of its own, and a receiver that keeps what it is sent."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.conf import settings

from mlplatform import checks, sentry

pytest.importorskip("sentry_sdk")

PROGRAM = """
import logging, django
django.setup()
from accounts import origin
from inference.errors import ModelExecutionFailed
from mlplatform import errors
password = "local" + "variable"
try:
    try:
        float("marker-of-" + "a-patient")
    except ValueError as error:
        raise ModelExecutionFailed(f"scikit-learn failed: {error}") from error
except ModelExecutionFailed as error:
    with origin.of_request({}, "r-7"):
        errors.log_fault(error, "r-7", model="churn")
logging.getLogger("x").error("Bearer abcdefghijklmnop of %s", "postgres://app:hunter22@db/ml")
logging.getLogger("x").warning("only a warning")
import sentry_sdk
sentry_sdk.flush(timeout=60)
"""


@pytest.fixture
def received() -> Iterator[tuple[int, list[dict[str, Any]], list[bytes]]]:
    """(port, events, bodies)"""
    events: list[dict[str, Any]] = []
    bodies: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            bodies.append(body)
            for line in body.splitlines():
                found = json.loads(line)
                if "event_id" in found and "level" in found:
                    events.append(found)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, events, bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_errors_arrive_tagged_and_hold_no_input_and_no_secret(received: Any, tmp_path: Any) -> None:
    port, events, bodies = received
    environment = {
        **os.environ, "VAR_DIR": str(tmp_path), "SENTRY_DSN": f"http://public@127.0.0.1:{port}/1",
        "SENTRY_ENVIRONMENT": "staging",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=settings.BASE_DIR,
        env=environment,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr

    assert len(events) == 2, done.stderr
    fault = next(event for event in events if event.get("exception"))
    assert fault["tags"] == {"request_id": "r-7", "model": "churn", "code": "model_failed"}
    assert fault["environment"] == "staging"
    assert [link["type"] for link in fault["exception"]["values"]] == ["ValueError", "ModelExecutionFailed"]
    assert "errors.log_fault" not in json.dumps(fault["exception"])
    sent = b"".join(bodies)
    for secret in (b"marker-of-a-patient", b"hunter22", b"abcdefghijklmnop", b"localvariable"):
        assert secret not in sent, secret


def test_without_the_library_the_setting_is_refused(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SENTRY_DSN = "http://public@127.0.0.1:1/1"
    assert checks.check_sentry(None) == []
    monkeypatch.setattr(sentry, "is_available", lambda: False)
    assert [error.id for error in checks.check_sentry(None)] == ["mlplatform.E021"]
    sentry.start()
