"""What is answered on the thread that reads requests: only what waits for nothing, and exactly as elsewhere."""

import io
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from accounts import limits, services
from accounts.arrival import ARRIVED
from accounts.credential_cache import remembered
from accounts.models import ApiKey
from inference import model_cache
from registry import resolver
from tests.parity import corpus
from tests.parity.doors import Call, Door, differences, warm

pytestmark = pytest.mark.django_db(transaction=True)

CALL = Call("one row", corpus.ROW)


@pytest.fixture
def credential(key: Callable[..., dict[str, str]], world: Any, ada: Any) -> dict[str, str]:
    """With the toys' measures as a small model has them."""
    found = key()
    warm(found, user=ada, world=world)
    for loaded in model_cache.cache.snapshot():
        measures = loaded.measures
        measures.call_ms = measures.recent_ms = 0.01
        measures.joined_call_ms, measures.pays_to_cache = 0.05, False
    return found


def is_quick(door: Door, credential: dict[str, str], call: Call = CALL) -> bool:
    assert door.lane
    return door.lane.is_quick(call.to_environ(credential), call.body)


def oracle() -> Any:
    served = resolver.recall("oracle")
    assert served
    return model_cache.cache.peek(served)


def test_what_was_judged_quick_is_answered_as_everything_is(
    doors: tuple[Door, Door], credential: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged, ask = [], Door._once

    def once(door: Door, environ: dict[str, Any]) -> Any:
        if door.lane:
            body = environ["wsgi.input"].read()
            judged.append(door.lane.is_quick(environ, body))
            environ["wsgi.input"] = io.BytesIO(body)
        return ask(door, environ)

    monkeypatch.setattr(Door, "_once", once)
    assert differences(doors, corpus.BODIES, credential) == []
    assert sum(judged) > 100


def test_only_what_waits_for_nothing_is_quick(doors: Any, credential: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    door, measures, served = doors[1], oracle().measures, resolver.recall("oracle")
    assert served
    assert is_quick(door, credential)
    assert not is_quick(door, credential, Call("why", b'{"instances": [[1, 2]], "explain": true}'))

    slow = {"call_ms": 0.5, "joined_call_ms": 50.0, "recent_ms": 80.0, "pays_to_cache": True}
    for name, value in [*slow.items(), ("call_ms", None)]:
        usual = getattr(measures, name)
        setattr(measures, name, value)
        assert not is_quick(door, credential), name
        setattr(measures, name, usual)

    for bound in ({"max_concurrent": 2}, {"cache_seconds": 60.0}):
        bounded = replace(served, serving=replace(served.serving, **bound))  # type: ignore[arg-type]
        with monkeypatch.context() as patch:
            patch.setattr(resolver, "recall", lambda reference, bounded=bounded: bounded)
            assert not is_quick(door, credential), bound

    with monkeypatch.context() as patch:
        patch.setattr(model_cache.Loaded, "is_quick", False)  # it runs on a thread of its own
        assert not is_quick(door, credential)

    monkeypatch.setattr("accounts.limits._rules", limits._rules._replace(redis_url="redis://nowhere"))
    for is_held in (False, True):
        monkeypatch.setattr("accounts.limiting.limiter.Limiter.holds", lambda *_, is_held=is_held: is_held)
        assert is_quick(door, credential) is is_held


def is_brief(door: Door, credential: dict[str, str], call: Call = CALL) -> bool:
    assert door.lane
    return not is_quick(door, credential, call) and door.lane.is_brief(call.to_environ(credential), call.body)


def test_what_only_a_word_of_the_database_or_of_redis_keeps_from_being_quick_is_brief(
    doors: Any, credential: Any, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, stranger = doors[1], key()
    with monkeypatch.context() as patch:
        patch.setattr("accounts.limits._rules", limits._rules._replace(redis_url="redis://nowhere"))
        patch.setattr("accounts.limiting.limiter.Limiter.holds", lambda *_: False)
        assert is_brief(door, credential)
    remembered.clear()
    assert is_brief(door, credential)
    assert not is_brief(door, stranger)
    assert not is_brief(door, {})
    assert not is_brief(door, credential, Call("why", b'{"instances": [[1, 2]], "explain": true}'))
    assert not is_brief(door, credential, Call("elsewhere", corpus.ROW, path="/api/v1/predict/nothing"))


def test_what_was_found_quick_while_its_body_was_on_its_way_is_judged_anew_when_the_credential_has_ended(
    doors: Any, credential: Any, ada: Any
) -> None:
    """Whoever sends the head, and the body when the key is revoked, is refused."""
    lane, environ = doors[1].lane, CALL.to_environ(credential)
    assert lane.is_quick(environ, b"")
    prefix = credential["HTTP_X_API_KEY"].split("_")[1]
    services.revoke_key(by=ada, key=ApiKey.objects.get(prefix=prefix))
    assert not lane.is_quick(environ, CALL.body)
    told: list[str] = []
    lane(environ, lambda status, headers: told.append(status))
    assert told == ["401 Unauthorized"]


def test_who_waited_for_a_thread_until_the_deadline_is_told_so_at_both_doors(
    doors: tuple[Door, Door], credential: Any
) -> None:
    """No model is asked for what nobody waits for any more."""
    calls_before = oracle().measures.recent_ms
    late = Call("late", b'{"instances": [[7, 2]]}', environ={ARRIVED: time.perf_counter() - 60.0})
    for door in doors:
        [answer], [record], _ = door.ask(late, credential)
        assert "504" in str(answer), answer
        assert (record["outcome"], record["error_code"]) == ("timeout", "deadline_exceeded"), record
    assert oracle().measures.recent_ms == calls_before
