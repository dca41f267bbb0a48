"""A release rolls over two servers behind the shipped proxy, and nobody notices."""

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlplatform import checks
from tests.live import own_nginx
from tests.live.load import Load
from tests.live.stack import Client, Stack, TlsClient, free_port, wait_until

pytestmark = [pytest.mark.live, pytest.mark.django_db(databases=[])]

ROUNDS = int(os.environ.get("ROLLS", "1"))
PRODUCTION = {
    "PRODUCTION": "true",
    "ALLOWED_HOSTS": "localhost",
    "TRUSTED_PROXIES": "1",
    # By then the proxy, which leaves a server that refused alone for up to three seconds, knows the other one again.
    "LAME_DUCK_SECONDS": "4",
    **{name: secrets.token_urlsafe(48) for name in checks.SECRETS},
}


class Behind:
    """What a load calls: the proxy, by new connections or by kept ones."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key

    def client(self) -> Client:
        return TlsClient(self._port, self._key)


class Fresh(Behind):
    """The same by a connection for each request, as many clients do."""

    def client(self) -> Client:
        client = TlsClient(self._port, self._key)
        kept = client.call

        def call(*arguments: Any, **options: Any) -> Any:
            with contextlib.closing(client):
                return kept(*arguments, **options)

        client.call = call  # type: ignore[method-assign]
        return client


def start(stack: Stack, name: str, port: int) -> None:
    stack.start(name, "serve", "--workers", "2", "--bind", f"127.0.0.1:{port}")
    wait_until(lambda: readiness(port) == 200, 120, lambda: stack.log(name))


def readiness(port: int) -> int:
    """The status of /ready at one server itself; 0 where nobody answers."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as link:
        try:
            link.request("GET", "/ready")
            return link.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("server", ["builtin", "gunicorn"])
def test_a_rolling_restart_behind_the_proxy_fails_no_request(
    server: str, stack: Callable[..., Stack], tmp_path: Path
) -> None:
    own_nginx.binary()
    running = stack(workers=1, settings={"SERVER": server})
    import tests.toys as toys

    status, body = running.upload("oracle", toys.oracle(1000.0), task="regression")
    assert status == 201, body
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    running.stop("server")
    running.stop("jobs")
    seal = (running.directory / "artifact_seal_key").read_text()
    pepper = (running.directory / "api_key_pepper").read_text()
    running.environment |= PRODUCTION | {"ARTIFACT_SEAL_KEY": seal, "API_KEY_PEPPER": pepper}

    ports = {"one": free_port(), "two": free_port()}
    for name, port in ports.items():
        start(running, name, port)
    (tmp_path / "proxy").mkdir()
    with own_nginx.own_nginx(tmp_path / "proxy", upstreams=list(ports.values())) as front:
        kept, fresh = Behind(front, running.key), Fresh(front, running.key)
        with (
            Load(kept, threads=3, pause=0.02) as steady,  # type: ignore[arg-type]
            Load(fresh, threads=2, pause=0.04) as comers,  # type: ignore[arg-type]
        ):
            for _ in range(ROUNDS):
                for name, port in ports.items():
                    roll(running, name, port)
    loads = (steady, comers)
    assert [load.broken for load in loads] == [[], []]
    assert {exchange.status for load in loads for exchange in load.exchanges} == {200}
    assert all(exchange.body["predictions"] == [exchange.x + 1000.0] for load in loads for exchange in load.exchanges)
    answered = sum(len(load.exchanges) for load in loads)
    assert answered > 50
    for name in ports:
        assert running.stop(name) == 0
    assert running.query("SELECT COUNT(*) FROM monitoring_predictionlog") == [(answered,)]


def roll(running: Stack, name: str, port: int) -> None:
    """Stop one server as an operator does, see that it leaves in order, and start it again."""
    os.kill(running.pid(name), signal.SIGTERM)
    wait_until(lambda: readiness(port) == 503, 60, lambda: "it is not unready before it stops")
    wait_until(lambda: running.ended(name) is not None, 120, lambda: running.log(name))
    assert running.stop(name) == 0, running.log(name)
    assert "did not end in time" not in running.log(name)
    start(running, name, port)


def test_the_shipped_proxy_is_well_configured(tmp_path: Path) -> None:
    command = own_nginx.configure(tmp_path, upstreams=[8001, 8002], tls_port=8443, plain_port=8080)
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
    assert "warn" not in tried.stderr


def test_the_shipped_proxy_lets_in_what_it_should_and_nothing_else(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nobody.close()
    with own_nginx.own_nginx(tmp_path, upstreams=[free_port()]) as front:
        client = TlsClient(front, "")
        assert client.call("GET", "/metrics")[0] == 404
        assert client.call("GET", "/health")[0] == 502, "the server behind is not there"
        with pytest.raises((OSError, http.client.HTTPException)):
            client.call("GET", "/health", Host="elsewhere.example.org")
