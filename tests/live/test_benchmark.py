"""`manage.py benchmark` against the real platform."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.live.stack import ROOT, Stack

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.django_db(databases=[])]

BRIEF = ("--predictions", "20", "--seconds", "0.3", "--load-runs", "2", "--connections", "4")
# The machine that runs tests may be busy; what is judged here is the judging.
LAX = ("--require", "inference_ms=20000", "--require", "concurrent_ms=20000", "--require", "load_seconds=100")


def benchmark(platform: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "benchmark", *arguments],
        cwd=ROOT, env=platform.environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.fixture
def platform(stack: Callable[..., Stack], oracle: Callable[[Stack, int], Any]) -> Stack:
    running = stack(workers=1)
    oracle(running, 1)
    running.manage("activatemodel", "oracle", "1")
    return running


def test_a_running_server_is_measured_judged_and_told_as_json(platform: Stack) -> None:
    where = ("--url", f"http://127.0.0.1:{platform.port}", "--key", platform.key)
    done = benchmark(platform, *BRIEF, *LAX, *where, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["meets_requirements"] is True
    loading = report["model_loading"]
    assert loading["runs"] == 2
    assert loading["min_loading_time"] <= loading["average_loading_time"] <= loading["max_loading_time"]
    predicting = report["quality_prediction"]["models"]["oracle:1"]
    assert (predicting["requests"], predicting["success_rate"]) == (20, 1.0)
    assert predicting["minimum_ms"] <= predicting["p50_ms"] <= predicting["p99_ms"] <= predicting["maximum_ms"]
    together = report["concurrent_performance"]
    assert (together["concurrent_workers"], together["success_rate"]) == (10, 1.0)
    memory = report["memory_efficiency"]
    assert 0 < memory["current_memory_mb"] <= memory["peak_memory_mb"]
    assert memory["within_limits"] is (memory["current_memory_mb"] < memory["memory_limit_mb"])
    assert set(memory["model_breakdown"]["oracle:1"]) == {
        "estimated_size_mb", "actual_memory_delta_mb", "total_memory_mb",
    }  # fmt: skip
    assert report["throughput"]["models"]["oracle:1"]["requests_per_second"] > 0
    assert report["cache"]["models"]["oracle:1"]["cached_answers"] > 0


def test_a_missed_requirement_exits_with_one_and_a_wrong_key_is_said_at_once(platform: Stack) -> None:
    where = ("--url", f"http://127.0.0.1:{platform.port}", "--key", platform.key)
    missed = benchmark(
        platform, *BRIEF, *where, "--section", "quality_prediction", "--require", "inference_ms=0.000001"
    )
    assert missed.returncode == 1
    assert "MISSED" in missed.stdout
    assert "1 of 1 promises are missed" in missed.stderr
    assert "\r" not in missed.stderr, "no progress bar in a pipe"
    refused = benchmark(platform, *BRIEF, *where[:-1], "mlp_wrong")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "refuses the key" in refused.stderr


def test_the_server_it_starts_and_the_key_it_makes_end_with_it_also_at_ctrl_c(platform: Stack) -> None:
    whole = benchmark(platform, *BRIEF, *LAX, "--workers", "1", "--section", "memory_efficiency")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert "From the start of the server to its first answer" in whole.stdout
    line = [sys.executable, "manage.py", "benchmark", "--workers", "1", "--seconds", "60", "--section", "throughput"]
    process = subprocess.Popen(line, cwd=ROOT, env=platform.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while platform.query("select count(*) from accounts_apikey where name = 'benchmark'")[0][0] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert b"The benchmark was stopped." in said
    alive = platform.query("select count(*) from accounts_apikey where name = 'benchmark' and revoked_at is null")
    assert alive[0][0] == 0
    serving = platform.query("select count(*) from monitoring_servingprocess")
    assert serving[0][0] == 1, "only the platform's own server is left"
