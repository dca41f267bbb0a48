"""The memory of verified credentials."""

import threading
from typing import Any

import pytest

from accounts.credential_cache import CredentialCache
from accounts.models import User
from accounts.principal import Principal

SOMEBODY = Principal(user=User(pk=1))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock, settings: Any) -> CredentialCache:
    settings.CREDENTIAL_CACHE_SECONDS = 1.0
    return CredentialCache(max_entries=3, clock=clock)


def test_a_credential_is_remembered_for_as_long_as_the_setting_says(cache: CredentialCache, clock: Clock) -> None:
    cache.put("key a", SOMEBODY)
    clock.now += 0.99
    assert cache.get("key a") is SOMEBODY
    clock.now += 0.02
    assert cache.get("key a") is None


def test_a_credential_is_never_remembered_past_its_own_end(cache: CredentialCache, clock: Clock) -> None:
    cache.put("key a", SOMEBODY, seconds_left=0.2)
    clock.now += 0.19
    assert cache.get("key a") is SOMEBODY
    clock.now += 0.02
    assert cache.get("key a") is None


def test_a_credential_that_has_ended_is_not_remembered(cache: CredentialCache) -> None:
    cache.put("key a", SOMEBODY, seconds_left=-1)
    assert cache.get("key a") is None
    assert len(cache) == 0


def test_a_credential_is_due_shortly_before_its_end_and_one_is_told(cache: CredentialCache, clock: Clock) -> None:
    cache.put("key a", SOMEBODY)
    clock.now += 0.66
    assert cache.look("key a") == (SOMEBODY, False)
    clock.now += 0.01
    assert [cache.look("key a"), cache.look("key a")] == [(SOMEBODY, True), (SOMEBODY, False)]
    clock.now += 0.34
    assert cache.look("key a") == (None, False)


def test_a_credential_that_was_verified_again_is_due_again(cache: CredentialCache, clock: Clock) -> None:
    for _ in range(2):
        cache.put("key a", SOMEBODY)
        clock.now += 0.7
        assert cache.look("key a") == (SOMEBODY, True)


def test_zero_seconds_turn_the_memory_off(cache: CredentialCache, settings: Any) -> None:
    settings.CREDENTIAL_CACHE_SECONDS = 0
    cache.put("key a", SOMEBODY)
    assert cache.get("key a") is None


def test_the_memory_is_bounded(cache: CredentialCache) -> None:
    for number in range(10):
        cache.put(f"key {number}", SOMEBODY)
    assert len(cache) == 3
    assert cache.get("key 9") is SOMEBODY


def test_the_credential_itself_is_not_kept(cache: CredentialCache) -> None:
    cache.put("key very-secret", SOMEBODY)
    assert all(isinstance(key, bytes) and len(key) == 32 for key in cache._entries)


def test_clearing_forgets_everything(cache: CredentialCache) -> None:
    cache.put("key a", SOMEBODY)
    cache.clear()
    assert cache.get("key a") is None


def test_threads_may_share_it(settings: Any) -> None:
    settings.CREDENTIAL_CACHE_SECONDS = 0.001
    cache = CredentialCache(max_entries=5)
    failures: list[BaseException] = []

    def work(offset: int) -> None:
        try:
            for number in range(2000):
                cache.put(f"key {(number + offset) % 11}", SOMEBODY)
                cache.get(f"key {number % 11}")
        except BaseException as error:  # a failure in a thread would pass unseen
            failures.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(cache) <= 5
