"""What starts platforms for the tests."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.stack import ends_with_this_process, wait_until

STARTS = """
import subprocess, sys
print(subprocess.Popen(sys.argv[1:], start_new_session=True).pid, flush=True)
sys.stdin.read()
"""
WAITS = "import time; time.sleep(600)"


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed")
def test_a_run_that_is_killed_leaves_no_platform() -> None:
    line = ends_with_this_process([sys.executable, "-c", WAITS])
    with subprocess.Popen(
        [sys.executable, "-c", STARTS, *line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        platform = Path("/proc") / run.stdout.readline().strip()
        wait_until(lambda: (platform / "cmdline").read_bytes().startswith(sys.executable.encode()), 60)
        run.send_signal(signal.SIGKILL)
    wait_until(lambda: not platform.exists() or b" Z " in (platform / "stat").read_bytes(), 60)
