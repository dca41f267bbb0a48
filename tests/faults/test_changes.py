"""Many changes, many callers: switches, two administrators, a herd, an overload."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

import pytest

from tests import toys
from tests.faults.history import Switch, disorder
from tests.faults.load import DEADLINE_SECONDS, Load, capacity, failure, quantile
from tests.faults.platform import OFFSETS, Platform
from tests.faults.trial import Trial

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.django_db(databases=[])]

PACE_MS = 50
_LEDGER = (
    "SELECT v.number FROM registry_deployment d JOIN registry_modelversion v ON v.id = d.version_id"
    " JOIN registry_registeredmodel m ON m.id = v.model_id WHERE m.name = 'oracle' ORDER BY d.id"
)


def ledger(platform: Platform) -> list[int]:
    return [int(row[0]) for row in platform.stack.query(_LEDGER)]


def have_three_versions(platform: Platform) -> None:
    [(newest,)] = platform.stack.query(
        "SELECT MAX(v.number) FROM registry_modelversion v JOIN registry_registeredmodel m ON m.id = v.model_id"
        " WHERE m.name = 'oracle'"
    )
    for number in range(int(newest) + 1, 4):
        platform.upload("oracle", number)


@pytest.mark.fault("switches")
def test_a_hundred_switches_are_noticed_by_nobody(platform: Platform) -> None:
    have_three_versions(platform)
    assert platform.activate("oracle", 1) in (200, 409)
    before = ledger(platform)
    with Trial(platform, "switches") as trial:
        switches = trial.switches["oracle"] = [Switch(before[-1], 0.0, 0.0)]
        first = cycle([2, 3, 1])
        for _ in range(100):
            number, began = next(first), time.monotonic()
            status = platform.activate("oracle", number)
            assert status == 200, status
            switches.append(Switch(number, began, time.monotonic()))
        trial.end()
        trial.require(
            disorder(switches[1:], ledger(platform)[len(before) :]),
            ledger(platform)[len(before) :] == [one.version for one in switches[1:]],
        )
        trial.note(f"{100 / (switches[-1].ended - switches[1].began):.1f} switches per second")


@pytest.mark.fault("two-admins")
def test_of_two_administrators_one_wins_and_the_other_is_told(platform: Platform) -> None:
    have_three_versions(platform)
    with Trial(platform, "two-admins") as trial, ThreadPoolExecutor(2) as pool:
        before = ledger(platform)
        results: Counter[tuple[int, ...]] = Counter()
        switches = trial.switches["oracle"] = [Switch(before[-1], 0.0, 0.0)]
        for turn in range(20):
            pair = [number for number in (1, 2, 3) if number != ledger(platform)[-1]]
            began = time.monotonic()
            statuses = list(pool.map(lambda number: platform.activate("oracle", number), pair))
            ended = time.monotonic()
            results[tuple(sorted(statuses))] += 1
            # In the order of the ledger, whoever won: both calls were open all the time.
            switches.extend(
                Switch(number, began, ended) for number in ledger(platform)[len(before) + len(switches) - 1 :]
            )
            trial.require(f"turn {turn}: {statuses}", set(statuses) <= {200, 409} and 200 in statuses)
        trial.end()
        won = sum(count * statuses.count(200) for statuses, count in results.items())
        trial.require("the ledger has another number of entries than calls that won", len(switches) - 1 == won)
        [(open_rows,)] = platform.stack.query(
            "SELECT COUNT(*) FROM registry_deployment d JOIN registry_registeredmodel m ON m.id = d.model_id"
            " WHERE m.name = 'oracle' AND d.closed_at IS NULL"
        )
        trial.require(f"{open_rows} versions are live", open_rows == 1)
        trial.note(", ".join(f"{count} × {'/'.join(map(str, statuses))}" for statuses, count in results.items()))


@pytest.mark.fault("herd")
def test_a_herd_loads_a_cold_model_once(platform: Platform) -> None:
    stack = platform.stack
    status, body = stack.upload("cold", toys.heavy_oracle(7.0, elements=500_000), task="regression")
    assert status == 201, body
    status, _, body = stack.call("PATCH", "/api/v1/models/cold", {"load_policy": "lazy"})
    assert status == 200, body
    assert platform.activate("cold", 1) == 200
    platform.restart_server()
    answers: list[tuple[int, Any, Any]] = []
    together = threading.Barrier(200)

    def ask(number: int) -> None:
        together.wait()
        status, headers, body = stack.call("POST", "/api/v1/predict/cold", {"instances": [[float(number), 0.0]]})
        answers.append((status, headers, body.get("predictions") == [number + 7.0] if status == 200 else body))

    with Trial(platform, "herd") as trial:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(200)]
        log_before = (stack.directory / "server.log").stat().st_size
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        trial.end()
        statuses = Counter(status for status, _, _ in answers)
        trial.note(f"answered {dict(statuses)} in {time.monotonic() - began:.1f} s")
        trial.require(f"{len(answers)} of 200 answered", len(answers) == 200)
        trial.require(f"answers {dict(statuses)}", set(statuses) <= {200, 503} and statuses[200] > 0)
        trial.require("wrong values", all(right for status, _, right in answers if status == 200))
        trial.require(
            "a 503 without Retry-After", all("Retry-After" in told for status, told, _ in answers if status == 503)
        )
        with (stack.directory / "server.log").open() as log:
            log.seek(log_before)
            loads = log.read().count("loaded cold:1")
        trial.require(f"{loads} loads in {stack.workers} processes", 1 <= loads <= stack.workers)
        trial.note(f"loaded {loads} times by {stack.workers} processes")


@contextlib.contextmanager
def one_process(platform: Platform) -> Iterator[None]:
    """The server with a single serving process, so that nothing depends on which of them a connection meets."""
    stack = platform.stack
    before, stack.workers = stack.workers, 1
    platform.restart_server()
    try:
        yield
    finally:
        stack.workers = before
        platform.restart_server()


def make_paced(platform: Platform) -> None:
    """A model that takes two rows each PACE_MS and sleeps in between: its capacity is small and costs no processor."""
    content = toys.heavy_oracle(OFFSETS["paced"] + 1, elements=300_000)
    status, body = platform.stack.upload("paced", content, task="regression")
    assert status == 201, body
    changes = {"batch_max_rows": 2, "batch_wait_ms": PACE_MS, "cache_ttl_seconds": 0}
    status, _, body = platform.stack.call("PATCH", "/api/v1/models/paced", changes)
    assert status == 200, body
    assert platform.activate("paced", 1) == 200


@pytest.mark.fault("overload")
def test_an_overload_is_shed_and_what_is_taken_is_answered(platform: Platform) -> None:
    mix = ("paced",)
    make_paced(platform)
    with one_process(platform):
        most = capacity(platform.target(), mix=mix, clients=8, seconds=5.0)
        with Trial(platform, "overload", rate=platform.rate / 4) as trial:
            health: list[int] = []
            with Load(platform.target(), rate=3 * most, mix=mix) as flood:
                until = time.monotonic() + 15.0
                while time.monotonic() < until:
                    health.append(platform.plain("/health"))
                    time.sleep(0.5)
            trial.end()
            others = Counter(failure(one, trial.load.target) for one in trial.during() if one.is_prediction)
            asked = flood.between(flood.began + 3.0, flood.began + 15.0)
            good = [one for one in asked if not failure(one, flood.target)]
            shed = [one for one in asked if one.status in (429, 503)]
            longest = max(one.seconds for one in asked)
            shed_ms, good_ms = quantile(shed, 0.5), quantile(good, 0.5)
            trial.note(
                f"capacity {most:.0f}/s, offered {len(asked) / 12.0:.0f}/s, answered in time {len(good) / 12.0:.0f}/s"
            )
            trial.note(
                f"{len(shed)} shed, half of them within {shed_ms:.0f} ms (what is answered: {good_ms:.0f} ms); "
                f"the longest wait {longest:.2f} s; {len(asked) - len(shed) - len(good)} late or unanswered"
            )
            trial.note(f"of other models: {dict(others)}; the load was {flood.behind_seconds:.2f} s behind at most")
            refused = sum(count for why, count in others.items() if why[:3] in ("429", "503"))
            trial.require(f"{refused} quick predictions were refused", refused == 0)
            trial.require(
                f"the load was {flood.behind_seconds:.2f} s behind", flood.behind_seconds < DEADLINE_SECONDS / 4
            )
            trial.require(f"offered {len(asked) / 12.0:.0f}/s only", len(asked) / 12.0 > 2.7 * most)
            trial.require(f"goodput {len(good) / 12.0:.0f}/s of {most:.0f}/s", len(good) / 12.0 >= 0.9 * most)
            trial.require(f"excess was shed after {shed_ms:.0f} ms", bool(shed) and shed_ms < 0.1 * good_ms)
            trial.require(f"somebody waited {longest:.1f} s", longest < DEADLINE_SECONDS)
            trial.require(f"/health: {Counter(health)}", set(health) == {200})
            trial.load.exchanges += flood.exchanges
