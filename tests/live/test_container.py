"""What a container does to the platform: it is process 1, it is not root, and it can write only where it should."""

import contextlib
import ctypes
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.stack import ROOT, Stack, wait_until

pytestmark = [pytest.mark.live, pytest.mark.django_db(databases=[])]

NOBODY = 10001
RUNS = "import sys, redis, django; assert sys.prefix != sys.base_prefix, sys.base_prefix"
# In a mount namespace of its own: everything is read-only but VAR_DIR, /tmp and /dev/shm; then another user takes over.
CONTAIN = """
set -e
mount --make-rprivate /
mkdir -p /tmp
mount --bind "$VAR_DIR" "$VAR_DIR"
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -o remount,ro,bind /
exec setpriv --reuid="$USER_ID" --regid="$USER_ID" --clear-groups --no-new-privs --bounding-set=-all "$@"
"""


def contained(*command: str) -> list[str]:
    """The command as a container would run it. Skips where this user can't make one."""
    needed = ("unshare", "setpriv")
    if os.geteuid() != 0 or not all(map(shutil.which, needed)) or not hasattr(ctypes.CDLL(None), "unshare"):
        pytest.skip("needs root, unshare and setpriv")
    line = ["unshare", "--pid", "--fork", "--kill-child=SIGTERM", "--mount-proc", "--mount"]
    if subprocess.run([*line, "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespaces here")
    return [*line, "sh", "-c", CONTAIN, "sh", *command]


def user_id() -> int:
    """Nobody's, or our own where nobody else may read this interpreter; no capability is left to either."""
    line = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-c", RUNS]
    return NOBODY if subprocess.run(line, cwd=ROOT, capture_output=True).returncode == 0 else os.geteuid()


def health_check() -> list[str]:
    """The command of the image's HEALTHCHECK."""
    found = re.search(r"HEALTHCHECK[^\[]*(\[.*\])", (ROOT / "Dockerfile").read_text())
    assert found
    return list(json.loads(found[1]))


@pytest.mark.slow
def test_as_process_one_without_rights_on_a_read_only_disk_it_serves_is_healthy_and_stops(tmp_path: Path) -> None:
    var = tmp_path / "var"
    var.mkdir()
    stack = Stack(var, workers=1)
    command = contained(sys.executable, "manage.py", "serve", "--workers", "1", "--bind", f"127.0.0.1:{stack.port}")
    stack.manage("migrate", "--verbosity", "0")
    user = user_id()
    stack.environment["USER_ID"] = str(user)
    for path in [var, *var.rglob("*"), *list(tmp_path.parents)[:2], tmp_path]:
        os.chown(path, user, user)
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=stack.environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: asked(stack.port) or server.poll() is not None, 120, lambda: (tmp_path / "log").read_text())
        assert server.poll() is None, (tmp_path / "log").read_text()
        checked = subprocess.run(
            [sys.executable, *health_check()[1:]], env={**stack.environment, "PORT": str(stack.port)}, timeout=30
        )
        assert checked.returncode == 0
        [inside] = children(server.pid)
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{inside}/status").read_text().splitlines())
        assert status["NSpid"].split()[-1] == "1"
        assert set(status["Uid"].split()) == {str(user)}
        assert int(status["CapEff"], 16) == 0
        os.kill(inside, 15)
        assert server.wait(timeout=120) == 0, (tmp_path / "log").read_text()
        assert "did not end in time" not in (tmp_path / "log").read_text()
    finally:
        if server.poll() is None:
            server.kill()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def asked(port: int) -> bool:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as link:
        try:
            link.request("GET", "/ready")
            return link.getresponse().status == 200
        except OSError:
            return False
