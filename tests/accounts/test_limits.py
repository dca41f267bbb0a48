"""Who is counted against what."""

from typing import Any
from uuid import uuid4

import pytest

from accounts import limits, services
from accounts.errors import KeyRequestInvalid, RateLimited
from accounts.models import User
from accounts.principal import Principal

HERE = "198.51.100.1"


@pytest.fixture(autouse=True)
def small(settings: Any) -> None:
    settings.RATE_LIMIT_REQUESTS, settings.RATE_LIMIT_KEY_REQUESTS = 3, 5


def passed(principal: Principal | None, tries: int, address: str = HERE) -> int:
    verdicts = [limits.check(principal=principal, address=address) for _ in range(tries)]
    return sum(verdict is None or verdict.is_admitted for verdict in verdicts)


def key(owner: int = 1, rate_limit: int | None = None) -> Principal:
    return Principal(user=User(pk=owner), key_id=uuid4(), rate_limit=rate_limit)


def test_strangers_are_counted_by_address() -> None:
    assert passed(None, 10) == 3
    assert passed(None, 10, "198.51.100.2") == 3


def test_a_callers_address_does_not_matter() -> None:
    one = key()

    assert passed(one, 4) + passed(one, 4, "198.51.100.2") == 5


def test_fifty_keys_and_the_tokens_of_one_owner_are_worth_one() -> None:
    callers = [key() for _ in range(50)] + [Principal(user=User(pk=1))]

    assert sum(passed(caller, 1) for caller in callers) == 5
    assert passed(key(owner=2), 10) == 5


def test_small_keys_of_one_owner_add_up_to_the_owners_limit_and_no_more() -> None:
    assert [passed(key(rate_limit=2), 10) for _ in range(4)] == [2, 2, 1, 0]


def test_a_key_with_a_wider_limit_counts_alone() -> None:
    granted, usual = key(rate_limit=8), key()

    assert passed(granted, 20) == 8
    assert passed(usual, 20) == 5


def test_zero_means_no_limit_for_a_key_and_for_a_setting(settings: Any) -> None:
    assert passed(key(rate_limit=limits.NO_LIMIT), 50) == 50
    settings.RATE_LIMIT_REQUESTS = settings.RATE_LIMIT_KEY_REQUESTS = 0
    assert passed(None, 50) == 50
    assert passed(key(), 50) == 50
    assert passed(key(rate_limit=4), 50) == 4


def test_a_refusal_says_how_much_when_and_how_long() -> None:
    passed(None, 3)
    with pytest.raises(RateLimited) as caught:
        limits.require(principal=None, address=HERE)

    details = caught.value.details
    assert (caught.value.code, details["limit"], details["window_seconds"]) == ("rate_limited", 3, 60.0)
    assert 1 <= details["retry_after_seconds"] <= 62


def test_rows_count_against_a_quota_of_the_owner(settings: Any) -> None:
    settings.RATE_LIMIT_ROWS = 100
    limits.charge_rows(principal=key(), rows=60)
    with pytest.raises(RateLimited, match="rows"):
        limits.charge_rows(principal=key(), rows=41)
    limits.charge_rows(principal=key(), rows=40)
    limits.charge_rows(principal=key(owner=2), rows=100)
    limits.charge_rows(principal=key(rate_limit=0), rows=1000)


def test_without_a_quota_rows_are_free() -> None:
    limits.charge_rows(principal=key(), rows=10**9)


def test_what_was_admitted_and_refused_is_counted() -> None:
    passed(None, 5)

    assert {name: limits.facts()[name] for name in ("admitted", "refused")} == {"admitted": 3, "refused": 2}


# -- Who may grant how much ---------------------------------------------------------------------------


def make(by: User, rate_limit: int | None, within: Principal | None = None) -> Any:
    return services.create_key(by=by, owner=by, name="n", scopes=["predict"], rate_limit=rate_limit, within=within)[0]


@pytest.mark.parametrize("rate_limit", [0, 6])
def test_nobody_lifts_their_own_limit(ada: Any, root: Any, rate_limit: int) -> None:
    with pytest.raises(KeyRequestInvalid) as caught:
        make(ada, rate_limit)
    assert list(caught.value.details["fields"]) == ["rate_limit"]

    assert make(root, rate_limit).rate_limit == rate_limit
    assert make(ada, 5).rate_limit == 5


@pytest.mark.parametrize("rate_limit", [None, 0, 3])
def test_a_limited_key_makes_no_wider_key(root: Any, rate_limit: int | None) -> None:
    held = Principal(user=root, key_id=uuid4(), rate_limit=2)
    with pytest.raises(KeyRequestInvalid):
        make(root, rate_limit, within=held)
    assert make(root, 2, within=held).rate_limit == 2
