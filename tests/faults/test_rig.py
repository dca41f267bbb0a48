"""The rig is tried before it judges: planted faults are found, sound runs are not blamed."""

import contextlib
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fault_proxy import FaultProxy
from tests.faults import book, report
from tests.faults.criteria import CRITERIA
from tests.faults.gates import Residue, left_behind
from tests.faults.history import Seen, Switch, disorder, violations
from tests.faults.load import Exchange, Load, Target, failure, quantile
from tests.faults.trial import Trial

OFFSETS = {"oracle": 1000.0, "second": 2000.0, "slow": 3000.0}
SWITCHES = [Switch(1, 0.0, 1.0), Switch(2, 10.0, 11.0), Switch(1, 20.0, 21.0)]


class TestHistory:
    def test_answers_of_what_was_live_are_no_violations(self) -> None:
        seen = [Seen(1, 2.0, 2.1), Seen(1, 11.5, 11.6), Seen(2, 10.5, 10.6), Seen(2, 12.0, 12.1), Seen(1, 30.0, 30.1)]
        assert violations(SWITCHES, seen, bound=1.0) == []

    @pytest.mark.parametrize(
        "planted",
        [
            pytest.param(Seen(2, 2.0, 2.1), id="before it was live"),
            pytest.param(Seen(1, 15.0, 15.1), id="long after it was replaced"),
            pytest.param(Seen(2, 22.5, 22.6), id="after a rollback"),
            pytest.param(Seen(3, 15.0, 15.1), id="never live at all"),
        ],
    )
    def test_a_planted_violation_is_found_among_sound_answers(self, planted: Seen) -> None:
        assert violations(SWITCHES, [Seen(1, 2.0, 2.1), planted, Seen(2, 15.0, 15.1)], bound=1.0) == [planted]

    def test_a_lost_update_in_the_ledger_is_found(self) -> None:
        assert disorder(SWITCHES, [1, 2, 1]) == ""
        assert disorder(SWITCHES, [1, 1])


class TestFailures:
    def exchange(self, **changes: Any) -> Exchange:
        body = {"version": 3, "predictions": [1008.0], "prediction_id": "a"}
        return Exchange(
            **{
                "number": 1,
                "kind": "predict",
                "began": 0.0,
                "x": 5.0,
                "ended": 0.1,
                "status": 200,
                "body": body,
                **changes,
            }
        )

    def judged(self, **changes: Any) -> str:
        return failure(self.exchange(**changes), Target(0, "", "", OFFSETS))

    def test_a_right_answer_in_time_is_none(self) -> None:
        assert self.judged() == ""

    def test_late_wrong_refused_and_missing_answers_are_failures(self) -> None:
        assert self.judged(ended=2.5) == "late"
        assert self.judged(x=6.0) == "wrong value"
        assert self.judged(kind="second") == "wrong value"
        assert self.judged(status=503, body={"error": {"code": "database_unavailable"}}) == "503 database_unavailable"
        assert self.judged(status=0, problem="ConnectionResetError") == "no answer ConnectionResetError"


@pytest.mark.parametrize(("ended", "broken"), [(9.9, ["the load failed before the fault: {'503': 1}"]), (10.1, [])])
def test_what_is_on_its_way_when_a_fault_begins_fails_by_the_fault(ended: float, broken: list[str]) -> None:
    platform: Any = SimpleNamespace(target=lambda: Target(0, "", "", OFFSETS), rate=10.0)
    trial = Trial(platform, "worker-kill")
    sound = [Exchange(n, "read", n / 10, ended=n / 10 + 0.01, status=200, body={}) for n in range(200)]
    trial.load.exchanges = [*sound, Exchange(1, "predict", 9.8, ended=ended, status=503)]
    trial._began, trial._ended, trial._may_fail = 10.0, 12.0, 1
    trial._judge_load()
    assert trial.finding.broken == broken
    assert trial.finding.failed == (0 if broken else 1)


class Toy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[float] = []
    stalls = threading.Event()

    def do_POST(self) -> None:
        [[x, _], *more] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["instances"]
        self.asked.append(x)
        if self.stalls.is_set():
            time.sleep(0.3)
        offset = 1000.0 if "oracle" in self.path else 2000.0
        self.answer({"version": 1, "predictions": [x + offset + 1 + row for row in range(1 + len(more))]})

    def do_GET(self) -> None:
        self.answer({})

    def answer(self, body: Any) -> None:
        text = json.dumps({**body, "prediction_id": str(time.time_ns())}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def toy() -> Iterator[int]:
    Toy.asked, Toy.stalls = [], threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Toy) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_the_load_does_not_wait_for_answers_and_judges_each(toy: int) -> None:
    Toy.stalls.set()
    with FaultProxy(toy) as proxy, Load(Target(proxy.port, "key", "token", OFFSETS), rate=100.0) as load:
        time.sleep(0.5)
    assert len(load.exchanges) >= 30, "each takes 0.3 s: one after the other there would be two"
    assert {failure(one, load.target) for one in load.exchanges} == {""}
    assert quantile(load.exchanges, 0.5) >= 300.0


def test_a_load_that_is_itself_late_says_so(toy: int) -> None:
    class Clumsy(Load):
        async def _ask(self, exchange: Exchange) -> None:
            time.sleep(0.05)  # nobody else gets a turn meanwhile
            await super()._ask(exchange)

    with Clumsy(Target(toy, "key", "token", OFFSETS), rate=200.0) as load:
        time.sleep(0.5)
    assert load.behind_seconds > 2 * 0.05


def test_a_cut_and_a_reset_are_failures_and_a_mended_way_is_none(toy: int) -> None:
    with FaultProxy(toy) as proxy, Load(Target(proxy.port, "key", "token", OFFSETS), rate=100.0) as load:
        time.sleep(0.2)
        began = time.monotonic()
        proxy.cut()
        time.sleep(0.2)
        ended = time.monotonic()
        proxy.mend()
        time.sleep(0.3)
    assert {bool(failure(one, load.target)) for one in load.between(began + 0.05, ended)} == {True}
    assert {failure(one, load.target) for one in load.between(ended + 0.1, time.monotonic())} == {""}


def test_a_black_hole_takes_and_never_answers_and_is_left_by_a_reset(toy: int) -> None:
    with FaultProxy(toy) as proxy:
        proxy.is_black_hole = True
        with socket.create_connection(("127.0.0.1", proxy.port)) as link:
            link.settimeout(0.2)
            link.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(TimeoutError):
                link.recv(1)
            proxy.mend()
            link.settimeout(5)
            with contextlib.suppress(ConnectionResetError):
                assert link.recv(1) == b""
        with socket.create_connection(("127.0.0.1", proxy.port)) as link:
            link.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert link.recv(8) == b"HTTP/1.1"


def test_what_is_left_behind_is_named() -> None:
    before = Residue(3, 40, 10, 0, 0, 0, 0)
    assert left_behind(before, lambda: Residue(3, 45, 12, 0, 0, 0, 0), within=0) == []
    assert left_behind(before, lambda: Residue(4, 80, 10, 1, 0, 0, 0), within=0) == [
        "processes: 3 before, 4 after",
        "descriptors: 40 before, 80 after",
        "staged: 0 before, 1 after",
    ]


def test_the_page_has_a_line_for_every_fault_also_for_those_not_tried(tmp_path: Any) -> None:
    good = book.Finding("worker-kill", sent=100, answered_rate=9.9, sent_rate=10.0, recovery_seconds=0.5)
    bad = book.Finding("switches", broken=["3 answers of versions that were not live"])
    page = report.render([good, bad], machine="a machine", measured={"capacity": 100.0, "rate": 40.0})
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(lines) == len(CRITERIA) + 1
    assert sum("**met**" in line for line in lines) == 1
    assert sum("not met" in line for line in lines) == 1
    assert sum("not tried" in line for line in lines) == len(CRITERIA) - 2


@pytest.mark.parametrize("chosen", [list(CRITERIA), ["overload", "redis-slow"]])
def test_every_fault_is_tried_by_one_test_and_a_choice_by_theirs_alone(chosen: list[str]) -> None:
    line = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-m",
        "faults",
        "-p",
        "no:cacheprovider",
        "tests/faults",
    ]
    environment = {**os.environ, "FAULTS_ONLY": " ".join(chosen)}
    told = subprocess.run(line, cwd=report.ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert told.count("::test_") == len(chosen), told


def test_of_a_choice_only_its_lines_are_told() -> None:
    text = report.told(
        [book.Finding("switches", notes=["4 per second"]), book.Finding("overload", broken=["too late"])]
    )
    assert text.count("\n| ") == 2
    assert ("100 switches: 4 per second." in text, "not met: too late" in text) == (True, True)
