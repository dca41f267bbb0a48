"""Calls a webhook: signed, to the address that was judged, without redirects, within bounds.

The receiver checks `X-Alert-Signature`, which is `v1=` and the hex HMAC-SHA256 of `<X-Alert-Timestamp>.<body>` with the
channel's secret, and refuses timestamps more than a few minutes off: then nobody can forge or replay a call.
"""

import hashlib
import hmac
import http.client
import socket
import ssl
import time
from typing import Any

import orjson

from monitoring.alerts import addresses

SECONDS = 10.0
_MOST_READ = 4096


class WebhookFailed(Exception):
    """The receiver did not take it; the words say why."""


def signature(*, secret: str, timestamp: str, body: bytes) -> str:
    """The value of `X-Alert-Signature`."""
    return f"v1={hmac.new(secret.encode(), timestamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def call(*, url: str, secret: str, delivery: int, payload: dict[str, Any]) -> None:
    """POST the payload. Raises AddressRefused, or WebhookFailed for everything else that went wrong."""
    split = addresses.parts(url)
    body, timestamp = orjson.dumps(payload), str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "mlplatform-alerts",
        "X-Alert-Timestamp": timestamp,
        "X-Alert-Signature": signature(secret=secret, timestamp=timestamp, body=body),
        "X-Alert-Delivery": str(delivery),
    }
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    try:
        address, port = addresses.resolve(split)
        connection = _connection(split.scheme, split.hostname or "", address, port)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read(_MOST_READ)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise WebhookFailed(f"{type(error).__name__}: {error}") from error
    if not 200 <= response.status < 300:
        raise WebhookFailed(f"answered {response.status}")


def _connection(scheme: str, host: str, address: str, port: int) -> http.client.HTTPConnection:
    """A connection that names the host and goes to the address; TLS is checked against the name."""
    if scheme == "http":
        plain = http.client.HTTPConnection(host, port, timeout=SECONDS)
        plain.sock = socket.create_connection((address, port), timeout=SECONDS)
        return plain
    secured = http.client.HTTPSConnection(host, port, timeout=SECONDS)
    raw = socket.create_connection((address, port), timeout=SECONDS)
    try:
        secured.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
    except BaseException:
        raw.close()
        raise
    return secured
