"""The counting itself: never more than the limit in any window, over threads, processes, hosts and failures."""

import multiprocessing
import os
import random
import signal
import socket
import threading
import uuid
from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.breaker import Breaker
from accounts.limiting import shared_table
from accounts.limiting.limiter import Limiter
from accounts.limiting.portions import PORTIONS
from accounts.limiting.shared_table import SETS, SIZE, WAYS, SharedTable, digest_of
from accounts.limiting.window import SLOTS, Charge
from tests.redis_proxy import RedisProxy, own_redis_database, own_redis_url, redis_answers
from tests.standing_in import stand_in

WINDOW = 60.0
REDIS_URL = own_redis_url()
needs_redis = pytest.mark.skipif(
    not redis_answers(REDIS_URL), reason="No Redis answers on 127.0.0.1:6379, so there is nothing to share with."
)


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def table(tmp_path: Path) -> Iterator[SharedTable]:
    made = SharedTable(tmp_path / "table")
    yield made
    made.close()


def admitted(table: SharedTable, now: float, *charges: Charge) -> bool:
    return table.hit(charges, window=WINDOW, now=now).is_admitted


def test_the_limit_is_admitted_and_the_next_one_refused(table: SharedTable) -> None:
    charge = Charge("key:1", 3)

    assert [admitted(table, 100.0, charge) for _ in range(4)] == [True, True, True, False]


def test_a_verdict_counts_down_and_says_when_to_come_again(table: SharedTable) -> None:
    verdicts = [table.hit((Charge("key:1", 2),), window=WINDOW, now=now) for now in (60.0, 80.0, 90.0)]

    assert [(verdict.limit, verdict.remaining) for verdict in verdicts] == [(2, 1), (2, 0), (2, 0)]
    # The first unit, spent at 60, is back one window and one step later.
    assert verdicts[2].reset_seconds == pytest.approx(60.0 + WINDOW + WINDOW / SLOTS - 90.0)
    assert admitted(table, 90.0 + verdicts[2].reset_seconds, Charge("key:1", 2))


@pytest.mark.parametrize("seed", range(5))
def test_no_window_ever_holds_more_than_the_limit_and_units_come_back_within_a_step(
    table: SharedTable, seed: int
) -> None:
    chance, now, spent, limit = random.Random(seed), 500.0, [], 20
    for _ in range(3000):
        now += chance.expovariate(1.0) if chance.random() < 0.99 else chance.uniform(0, 150)
        within = sum(1 for at in spent if at > now - WINDOW)
        within_and_a_step = sum(1 for at in spent if at > now - WINDOW - WINDOW / SLOTS)
        if admitted(table, now, Charge("key:1", limit)):
            spent.append(now)
            assert within < limit
        else:
            assert within_and_a_step >= limit


def test_all_charges_count_or_none(table: SharedTable) -> None:
    wide, narrow = Charge("owner:1", 10), Charge("key:1", 1)
    assert admitted(table, 100.0, wide, narrow)
    assert not admitted(table, 100.0, wide, narrow)

    assert table.hit([wide], window=WINDOW, now=100.0).remaining == 8


def test_costs_are_counted_in_units(table: SharedTable) -> None:
    assert admitted(table, 100.0, Charge("rows:1", 100, 60))
    assert not admitted(table, 100.0, Charge("rows:1", 100, 41))
    assert admitted(table, 100.0, Charge("rows:1", 100, 40))


def test_what_is_taken_back_can_be_spent_again(table: SharedTable) -> None:
    charge = Charge("key:1", 1)
    assert admitted(table, 100.0, charge)
    table.refund([charge], window=WINDOW, now=100.0)

    assert admitted(table, 100.0, charge)
    assert not admitted(table, 100.0, charge)


def test_counts_outlive_the_process_that_made_them(tmp_path: Path) -> None:
    first = SharedTable(tmp_path / "table")
    assert admitted(first, 100.0, Charge("key:1", 1))
    first.close()
    second = SharedTable(tmp_path / "table")

    assert not admitted(second, 101.0, Charge("key:1", 1))
    second.close()


def test_counts_from_before_a_restart_of_the_machine_are_dropped(table: SharedTable) -> None:
    assert admitted(table, 1_000_000.0, Charge("key:1", 1))

    assert admitted(table, 10.0, Charge("key:1", 1))
    assert not admitted(table, 10.0, Charge("key:1", 1))


def test_a_full_set_gives_up_the_caller_who_used_least(table: SharedTable) -> None:
    first_set = digest_of("heavy", WINDOW)[:4]
    place = int.from_bytes(first_set, "little") % SETS
    neighbours = [
        name
        for name in (f"n{number}" for number in range(40_000))
        if int.from_bytes(digest_of(name, WINDOW)[:4], "little") % SETS == place
    ][: WAYS + 3]
    assert len(neighbours) == WAYS + 3
    heavy = Charge("heavy", 5)
    assert all(admitted(table, 100.0, heavy) for _ in range(5))
    for name in neighbours:
        assert admitted(table, 100.0, Charge(name, 5))

    assert not admitted(table, 100.0, heavy)


def test_the_file_takes_its_whole_space_at_once(table: SharedTable, tmp_path: Path) -> None:
    status = (tmp_path / "table").stat()

    assert status.st_size == SIZE
    assert status.st_blocks * 512 >= SIZE
    assert status.st_mode & 0o777 == 0o600


def _spend(directory: Path, tries: int, gate: Any, results: Any) -> None:
    limiter = Limiter(directory=directory)
    gate.wait()
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(
            pool.map(lambda _: limiter.hit("owner:1", (Charge("owner:1", 100),), window=WINDOW), range(tries))
        )
    results.put(sum(verdict.is_admitted for verdict in verdicts))


def test_four_processes_of_four_threads_admit_exactly_the_limit(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    gate, results = context.Barrier(4), context.Queue()
    workers = [context.Process(target=_spend, args=(tmp_path, 125, gate, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    told = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(30)

    assert sum(told) == 100


def _hold(path: Path, holds: Any) -> None:
    table = SharedTable(path)
    table._lock()
    holds.set()
    signal.pause()


def test_a_process_killed_in_the_middle_blocks_nobody(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    holds = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "table", holds))
    table = SharedTable(tmp_path / "table")
    holder.start()
    assert holds.wait(30)
    answer: list[bool] = []
    waiting = threading.Thread(target=lambda: answer.append(admitted(table, 1.0, Charge("key:1", 1))))
    waiting.start()
    assert answer == []
    os.kill(holder.pid or 0, signal.SIGKILL)
    waiting.join(30)
    holder.join(30)

    assert answer == [True]
    table.close()


def test_without_a_place_to_write_limits_hold_in_the_process_and_it_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    stand_in(monkeypatch, shared_table, "os", posix_fallocate=full)
    limiter = Limiter(directory=tmp_path)

    verdicts = [limiter.hit("owner:1", (Charge("owner:1", 2),), window=WINDOW) for _ in range(3)]
    assert [verdict.is_admitted for verdict in verdicts] == [True, True, False]
    assert limiter.facts()["without_file"] == 1
    assert "limits hold per process" in caplog.text
    limiter.close()


# -- Wide limits, in portions --------------------------------------------------------------------------

WIDE = 2000
PORTION = WIDE // PORTIONS


def test_a_wide_limit_over_several_processes_is_never_exceeded_and_used_up_to_a_portion_each(tmp_path: Path) -> None:
    clock = Clock()
    processes = [Limiter(directory=tmp_path, clock=clock) for _ in range(4)]
    charges = (Charge("owner:1", WIDE),)
    passed = sum(processes[number % 4].hit("g", charges, window=WINDOW).is_admitted for number in range(3000))

    assert WIDE - 3 * PORTION <= passed <= WIDE
    for process in processes:
        process.close()


def test_a_slow_caller_of_many_processes_is_charged_for_what_they_send(tmp_path: Path) -> None:
    clock = Clock()
    processes = [Limiter(directory=tmp_path, clock=clock) for _ in range(4)]
    charges = (Charge("owner:1", WIDE),)
    verdicts = []
    for _ in range(3 * SLOTS):
        clock.now += WINDOW / SLOTS
        verdicts += [process.hit("g", charges, window=WINDOW) for process in processes]

    assert all(verdict.is_admitted for verdict in verdicts)
    sent = 4 * (SLOTS + 1)
    assert verdicts[-1].remaining >= WIDE - sent - 4 * PORTION
    for process in processes:
        process.close()


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(pauses=st.lists(st.tuples(st.floats(0, WINDOW / 4), st.integers(0, 2), st.integers(1, 600)), max_size=25))
def test_no_window_holds_more_than_a_wide_limit(tmp_path: Path, pauses: list[tuple[float, int, int]]) -> None:
    clock = Clock(1000.0)
    charges = (Charge(f"owner:{uuid.uuid4()}", WIDE),)
    processes = [Limiter(directory=tmp_path, clock=clock) for _ in range(3)]
    admitted: list[float] = []
    for pause, number, times in pauses:
        clock.now += pause
        admitted += [clock.now] * sum(
            processes[number].hit("g", charges, window=WINDOW).is_admitted for _ in range(times)
        )

    for first, at in enumerate(admitted):
        assert bisect_left(admitted, at + WINDOW) - first <= WIDE
    for process in processes:
        process.close()


# -- Redis --------------------------------------------------------------------------------------------


@pytest.fixture
def own_redis() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@needs_redis
def test_two_hosts_share_one_limit(tmp_path: Path, own_redis: redis.Redis) -> None:
    hosts = [Limiter(directory=tmp_path / name, redis_url=REDIS_URL) for name in ("a", "b")]
    charge = (Charge(f"owner:{uuid.uuid4()}", 100),)
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda n: hosts[n % 2].hit("g", charge, window=WINDOW), range(500)))

    assert sum(verdict.is_admitted for verdict in verdicts) == 100
    assert all(0 < verdict.reset_seconds <= WINDOW * 1.1 for verdict in verdicts)
    assert [host.facts()["without_redis"] for host in hosts] == [0, 0]
    for host in hosts:
        host.close()


@needs_redis
def test_what_redis_refuses_does_not_count_on_the_host(tmp_path: Path, own_redis: redis.Redis) -> None:
    one, other = (Limiter(directory=tmp_path / name, redis_url=REDIS_URL) for name in ("a", "b"))
    charge = (Charge("owner:1", 3),)
    assert all(one.hit("g", charge, window=WINDOW).is_admitted for _ in range(3))
    assert not any(other.hit("g", charge, window=WINDOW).is_admitted for _ in range(5))
    own_redis.flushdb()

    assert [other.hit("g", charge, window=WINDOW).is_admitted for _ in range(4)] == [True, True, True, False]
    one.close()
    other.close()


@needs_redis
def test_redis_lets_go_of_buckets_nobody_uses(tmp_path: Path, own_redis: redis.Redis) -> None:
    limiter = Limiter(directory=tmp_path, redis_url=REDIS_URL)
    limiter.hit("g", (Charge("owner:1", 3),), window=WINDOW)
    (key,) = own_redis.keys("*")

    assert 0 < own_redis.pttl(key) <= (WINDOW + WINDOW / SLOTS) * 1000
    limiter.close()


@needs_redis
def test_what_redis_counted_before_its_clock_was_put_back_is_let_go(tmp_path: Path, own_redis: redis.Redis) -> None:
    limiter = Limiter(directory=tmp_path, redis_url=REDIS_URL)
    charge = (Charge("owner:1", 3),)
    limiter.hit("g", charge, window=WINDOW)
    (key,) = own_redis.keys("*")
    (step,) = own_redis.hkeys(key)
    later = int(step) + 10_000
    own_redis.hset(key, str(later), 2)

    assert [limiter.hit("g", charge, window=WINDOW).is_admitted for _ in range(3)] == [True, True, False]
    assert not own_redis.hexists(key, str(later))
    limiter.close()


@needs_redis
def test_a_wide_limit_takes_portions_and_two_hosts_stay_within_the_stated_bound(
    tmp_path: Path, own_redis: redis.Redis
) -> None:
    hosts = [Limiter(directory=tmp_path / name, redis_url=REDIS_URL) for name in ("a", "b")]
    charge = (Charge("owner:1", 2000),)
    verdicts = [hosts[number % 2].hit("g", charge, window=WINDOW) for number in range(2500)]
    passed = sum(verdict.is_admitted for verdict in verdicts)

    assert 2000 - 2 * 20 <= passed <= 2000 + 2 * 20
    for host in hosts:
        host.close()


@needs_redis
def test_what_is_left_of_a_portion_is_given_back_to_redis_too(tmp_path: Path, own_redis: redis.Redis) -> None:
    clock = Clock()
    limiter = Limiter(directory=tmp_path, redis_url=REDIS_URL, clock=clock)
    for _ in range(5):
        clock.now += WINDOW / SLOTS
        assert limiter.hit("g", (Charge("owner:1", WIDE),), window=WINDOW).is_admitted

    (key,) = own_redis.keys("*")
    counted = sum(int(units) for units in own_redis.hvals(key))
    assert counted == 4 + PORTION
    limiter.close()


@needs_redis
def test_when_redis_goes_away_one_host_goes_on_exactly_and_comes_back_to_it(
    tmp_path: Path, own_redis: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    with RedisProxy() as proxy:
        limiter = Limiter(directory=tmp_path, redis_url=proxy.url(own_redis_database()), clock=clock)
        limiter.breaker = Breaker("test", clock=clock)
        charge = (Charge("owner:1", 100),)
        verdicts = [limiter.hit("g", charge, window=WINDOW) for _ in range(60)]
        proxy.cut()
        verdicts += [limiter.hit("g", charge, window=WINDOW) for _ in range(100)]
        assert sum(verdict.is_admitted for verdict in verdicts) == 100
        # One attempt failed; the breaker spared the others.
        assert limiter.facts()["without_redis"] == 40
        assert caplog.text.count("Redis does not answer") == 1

        proxy.mend()
        clock.now += WINDOW * 2
        limiter.hit("g", charge, window=WINDOW)
        assert not limiter.breaker.is_open
        assert "Redis answers again" in caplog.text
        limiter.close()


def test_a_redis_that_never_was_there_is_no_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        limiter = Limiter(directory=tmp_path, redis_url=f"redis://127.0.0.1:{taken.getsockname()[1]}/0")
        verdicts = [limiter.hit("g", (Charge("owner:1", 2),), window=WINDOW) for _ in range(3)]

    assert [verdict.is_admitted for verdict in verdicts] == [True, True, False]
    limiter.close()


def test_an_open_breaker_lets_one_caller_try_per_pause_and_waits_longer_each_time() -> None:
    clock = Clock(0.0)
    breaker = Breaker("test", first_pause=1.0, longest_pause=3.0, clock=clock)
    assert breaker.lets_try()
    assert breaker.failed()
    assert not breaker.failed()
    assert not breaker.lets_try()
    tried = []
    for tenth in range(1, 100):
        clock.now = tenth / 10
        if breaker.lets_try():
            tried.append(clock.now)
            breaker.failed()

    assert tried == [1.0, 3.0, 6.0, 9.0]
    assert breaker.succeeded()
    assert breaker.lets_try()
    assert not breaker.succeeded()
