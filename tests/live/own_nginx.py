"""The shipped proxy: nginx with the files of deploy/nginx, before servers of a test's own."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.stack import ROOT, free_port

SHIPPED = ROOT / "deploy" / "nginx"


def binary() -> str:
    """Where nginx is; the test is skipped where it is not."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not found:
        pytest.skip("nginx is not installed (apt-get install nginx-light)")
    return found


def configure(directory: Path, *, upstreams: list[int], tls_port: int, plain_port: int) -> list[str]:
    """The shipped files with this machine's ports and a certificate made here; the command that runs them."""
    command = binary()
    files = directory / "conf"
    shutil.copytree(SHIPPED, files)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", files / "certificate.key", "-out", files / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    (files / "host.conf").write_text("server_name localhost;\n")
    lines = (files / "upstream.conf").read_text().splitlines()
    options = lines[-1].split(" ", 2)[2]
    (files / "upstream.conf").write_text("".join(f"server 127.0.0.1:{port} {options}\n" for port in upstreams))
    page = (files / "nginx.conf").read_text()
    for shipped, ours in (("8443", tls_port), ("8080", plain_port)):
        page = page.replace(f"listen {shipped}", f"listen 127.0.0.1:{ours}")
    (files / "nginx.conf").write_text(page)
    return [command, "-p", f"{directory}/", "-c", str(files / "nginx.conf")]


@contextlib.contextmanager
def own_nginx(directory: Path, *, upstreams: list[int]) -> Iterator[int]:
    """A running proxy; its TLS port."""
    tls_port, plain_port = free_port(), free_port()
    command = configure(directory, upstreams=upstreams, tls_port=tls_port, plain_port=plain_port)
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", tls_port), timeout=1):
                break
            assert time.monotonic() < deadline, (directory / "log").read_text()
            time.sleep(0.05)
        yield tls_port
    finally:
        process.terminate()
        process.wait(timeout=120)
