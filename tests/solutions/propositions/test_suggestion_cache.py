"""Lists that are remembered: in this process, shared where there is Redis, and never at the price of a suggestion."""

import time
from typing import Any

import pytest

from accounts.breaker import Breaker
from solutions.propositions import suggestion_cache


@pytest.fixture(autouse=True)
def fresh_breaker(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = Breaker("suggestions_test", failures=3, first_pause=60.0, longest_pause=60.0)
    monkeypatch.setattr(suggestion_cache, "_breaker", breaker)


class Shared:
    """Redis, as this code sees it."""

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.kept, self.asked = fails, dict[str, Any](), 0

    def get(self, key: str) -> Any:
        self.asked += 1
        if self.fails:
            raise ConnectionError("gone")
        return self.kept.get(key)

    def set(self, key: str, value: Any, timeout: float) -> None:
        self.asked += 1
        if self.fails:
            raise ConnectionError("gone")
        self.kept[key] = value


def test_equal_parts_have_equal_keys_and_others_have_not() -> None:
    assert suggestion_cache.key_of(user="u", limit=5) == suggestion_cache.key_of(limit=5, user="u")
    assert suggestion_cache.key_of(user="u", limit=5) != suggestion_cache.key_of(user="u", limit=6)


def test_without_redis_each_process_remembers_alone(settings: Any, monkeypatch: Any) -> None:
    settings.REDIS_URL = ""
    shared = Shared()
    monkeypatch.setattr(suggestion_cache, "shared", shared)
    suggestion_cache.put("k", {"lines": []})

    assert suggestion_cache.get("k") == {"lines": []}
    assert (suggestion_cache.size(), shared.asked) == (1, 0)


def test_with_redis_another_process_knows_it_too(settings: Any, monkeypatch: Any) -> None:
    settings.REDIS_URL = "redis://somewhere"
    shared = Shared()
    monkeypatch.setattr(suggestion_cache, "shared", shared)
    suggestion_cache.put("k", {"lines": []})
    suggestion_cache.forget()  # as a process that has just begun

    assert suggestion_cache.get("k") == {"lines": []}
    asked = shared.asked
    assert suggestion_cache.get("k") == {"lines": []}
    assert shared.asked == asked


def test_a_redis_that_does_not_answer_costs_no_suggestion(settings: Any, monkeypatch: Any) -> None:
    settings.REDIS_URL = "redis://somewhere"
    shared = Shared(fails=True)
    monkeypatch.setattr(suggestion_cache, "shared", shared)
    suggestion_cache.put("k", {"lines": []})

    assert suggestion_cache.get("k") == {"lines": []}
    for _ in range(20):
        assert suggestion_cache.get("other") is None
    assert shared.asked == 3  # then it is left alone


def test_a_list_is_forgotten_after_its_time(settings: Any) -> None:
    settings.REDIS_URL, settings.PROPOSITIONS_CACHE_SECONDS = "", 0.05
    suggestion_cache.put("k", {"lines": []})
    time.sleep(0.1)

    assert suggestion_cache.get("k") is None


def test_it_is_bounded(settings: Any, monkeypatch: Any) -> None:
    settings.REDIS_URL = ""
    monkeypatch.setattr(suggestion_cache, "MOST_IN_PROCESS", 10)
    suggestion_cache.forget()
    for number in range(50):
        suggestion_cache.put(str(number), {})

    assert suggestion_cache.size() == 10
