import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from django.db import OperationalError, connections

from accounts import credentials, database
from accounts.breaker import Breaker
from accounts.credential_cache import known_before
from mlplatform import settings_database
from mlplatform.bounded_postgresql import base
from tests.fault_proxy import FaultProxy


class Clock:
    """The time of the breaker, which passes when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def own_breaker(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Breaker:
    breaker = Breaker("database", first_pause=1.0, longest_pause=1.0, clock=clock)
    monkeypatch.setattr(database, "breaker", breaker)
    return breaker


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    try:
        psycopg2.connect("postgres://postgres@127.0.0.1:5432/postgres").close()
    except psycopg2.OperationalError:
        pytest.skip("No PostgreSQL answers on 127.0.0.1:5432.")
    with FaultProxy(5432) as proxy:
        yield proxy


@pytest.fixture
def link(proxy: FaultProxy, django_db_blocker: Any) -> Iterator[base.DatabaseWrapper]:
    options = {"NAME": "postgres", "USER": "postgres", "HOST": "127.0.0.1", "PORT": proxy.port}
    made = base.DatabaseWrapper(
        {
            **connections.settings["default"],
            "ENGINE": "mlplatform.bounded_postgresql",
            "OPTIONS": settings_database.postgresql_options(),
            **options,
        },
        alias="bounded",
    )
    made.inc_thread_sharing()
    with django_db_blocker.unblock():
        yield made
        made.close()


def ask(link: base.DatabaseWrapper, sql: str = "SELECT 1") -> Any:
    with link.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_who_waits_for_a_silent_server_is_let_go_and_the_next_is_refused_at_once(link: Any, proxy: FaultProxy) -> None:
    assert ask(link) == 1
    proxy.is_black_hole = True
    with database.patience(0.1), pytest.raises(OperationalError):
        ask(link)
    assert database.is_away()
    link.close()
    with pytest.raises(OperationalError, match="does not answer"):
        ask(link)


def test_after_a_pause_one_caller_tries_and_all_is_well_when_it_succeeds(
    link: Any, proxy: FaultProxy, clock: Clock
) -> None:
    ask(link)
    proxy.is_black_hole = True
    with database.patience(0.1), pytest.raises(OperationalError):
        ask(link)
    link.close()
    proxy.mend()
    clock.now += 1.0
    assert ask(link) == 1
    assert not database.is_away()


def test_who_began_to_wait_before_the_silence_was_noticed_does_not_wait_for_long(link: Any, proxy: FaultProxy) -> None:
    ask(link)
    other = link.copy("other")
    other.inc_thread_sharing()
    ask(other)
    errors: list[Exception] = []

    def wait() -> None:
        try:
            ask(other)
        except OperationalError as error:
            errors.append(error)

    proxy.is_black_hole = True
    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)
    with database.patience(0.1), pytest.raises(OperationalError):
        ask(link)
    thread.join(timeout=30)
    assert len(errors) == 1
    other.close()


def test_who_is_in_a_hurry_does_not_wait_for_a_new_connection_either(link: Any, proxy: FaultProxy) -> None:
    with database.patience(30.0):
        assert ask(link) == 1
    link.close()
    proxy.is_black_hole = True
    with database.patience(base.SLOW_CONNECT_SECONDS + 0.1), pytest.raises(OperationalError, match="take a connection"):
        ask(link)
    assert database.is_away()


def test_a_connection_that_comes_late_is_no_silence(link: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "SLOW_CONNECT_SECONDS", 0.0)
    assert ask(link) == 1
    assert not database.is_away()


def test_a_connection_that_hangs_is_not_usable(link: Any, proxy: FaultProxy) -> None:
    assert ask(link) == 1
    proxy.is_black_hole = True
    with database.patience(0.1):
        assert not link.is_usable()
    assert database.is_away()


def test_who_takes_a_transaction_back_waits_no_longer_either(link: Any, proxy: FaultProxy) -> None:
    link.set_autocommit(False)
    assert ask(link) == 1
    proxy.is_black_hole = True
    mend = threading.Timer(30, proxy.mend)  # else who waits for ever would wait for the end of the test
    mend.start()
    with database.patience(0.1), pytest.raises(OperationalError):
        link.rollback()
    mend.cancel()
    assert database.is_away()


def test_a_statement_that_is_wrong_says_nothing_about_the_server(link: Any) -> None:
    with pytest.raises(Exception, match="nothing_here"):
        ask(link, "SELECT * FROM nothing_here")
    assert not database.is_away()


@pytest.mark.parametrize("name", ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"])
def test_the_server_is_told_how_long_things_may_take(link: Any, name: str) -> None:
    assert ask(link, f"SHOW {name}") != "0"


@pytest.mark.parametrize("is_away", [True, False])
@pytest.mark.django_db
def test_a_known_credential_does_not_ask_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch, own_breaker: Breaker, is_away: bool
) -> None:
    if is_away:
        own_breaker.failed()
    asked: list[float | None] = []

    def verify(text: str) -> Any:
        asked.append(database.patience_seconds())
        raise OperationalError("it hangs")

    monkeypatch.setattr(credentials, "_verify_key", verify)
    monkeypatch.setattr(credentials, "_PATIENCE_SECONDS", 1.0)
    principal: Any = SimpleNamespace(name="she")
    known_before.put("key mlp_a_b", principal)

    assert credentials.authenticate(api_key="mlp_a_b") is principal
    assert asked == ([] if is_away else [1.0])
    with pytest.raises(OperationalError):
        credentials.authenticate(api_key="mlp_unknown_b")


def test_a_process_that_has_just_begun_knows_of_no_silence(
    own_breaker: Breaker, new_process: Callable[[], None]
) -> None:
    own_breaker.failed()
    assert database.is_away()
    new_process()
    assert not database.is_away()
