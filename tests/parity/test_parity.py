"""Both doors to a prediction answer alike: status, headers, body and record, after masking what may differ.

For each case is also known whether the lane is to answer it: a lane that answers nothing would pass otherwise.
"""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts import services as accounts_services
from accounts import tokens
from accounts.models import ApiKey
from registry import resolver
from tests.parity import corpus
from tests.parity.doors import Call, Door, differences, warm

pytestmark = pytest.mark.django_db(transaction=True)


def with_id(calls: list[Call], world: dict[str, Any]) -> list[Call]:
    return [
        Call(call.name, call.body, call.path.replace("{id}", str(world["id"])), by_lane=call.by_lane) for call in calls
    ]


def test_bodies_of_every_kind_are_answered_alike(doors: Any, world: Any, key: Any, ada: Any) -> None:
    credential = key()
    warm(credential, user=ada, world=world)

    assert len(corpus.BODIES) > 130
    assert differences(doors, corpus.BODIES, credential) == []


def test_references_and_paths_lead_both_doors_to_the_same_place(doors: Any, world: Any, key: Any, ada: Any) -> None:
    credential = key()
    warm(credential, user=ada, world=world)

    assert differences(doors, with_id(corpus.REFERENCES, world), credential) == []


def test_what_surrounds_a_body_is_judged_alike(doors: Any, world: Any, key: Any, ada: Any, settings: Any) -> None:
    settings.MAX_BODY_BYTES = 1500
    credential = key()
    warm(credential, user=ada, world=world)

    assert differences(doors, corpus.MARGINS, credential) == []


def test_callers_are_judged_alike(doors: Any, world: Any, key: Any, ada: Any, bob: Any, root: Any) -> None:
    limited, expired, revoked = key(rate_limit=2), key(), key()
    unlimited = key(root, rate_limit=0)
    token = {"HTTP_AUTHORIZATION": f"Bearer {access_token(ada)}"}
    api_key_scheme = {"HTTP_AUTHORIZATION": f"Api-Key {limited['HTTP_X_API_KEY']}"}
    known = [
        limited,
        unlimited,
        key(bob),
        key(model_names=["other"]),
        key(model_names=["oracle"]),
        token,
        api_key_scheme,
    ]
    unscoped = key(scopes=["read"])
    warm(*known, unscoped, revoked, user=ada, world=world)
    ApiKey.objects.filter(prefix=expired["HTTP_X_API_KEY"].split("_")[1]).update(
        expires_at=timezone.now() - datetime.timedelta(seconds=1)
    )
    once = Call("once", corpus.ROW)
    cases = [(Call("a known caller, three times", corpus.ROW, times=3), credential) for credential in known]
    strangers = [
        {},
        {"HTTP_X_API_KEY": "mlp_wrong_wrong"},
        {"HTTP_X_API_KEY": ""},
        {"HTTP_X_API_KEY": "\xff" * 5000},
        {"HTTP_AUTHORIZATION": "Bearer x.y.z"},
        {"HTTP_AUTHORIZATION": "Basic YTpi"},
        {"HTTP_AUTHORIZATION": ""},
        {"HTTP_AUTHORIZATION": "Bearer"},
        {**token, **limited},
        {**token, **key(bob)},
        {"HTTP_AUTHORIZATION": "Basic YTpi", **limited},
        expired,
        unscoped,
    ]
    cases += [(Call("a stranger", corpus.ROW, by_lane=False), credential) for credential in strangers]
    cases += [(Call("a stranger's wrong body", b"{", by_lane=False), credential) for credential in strangers]

    found = [difference for call, credential in cases for difference in differences(doors, [call], credential)]
    assert found == []
    answers = [doors[1].ask(Call("thrice", corpus.ROW, times=3), limited)[0][at][0] for at in range(3)]
    assert answers == ["200 OK", "200 OK", "429 Too Many Requests"]
    assert doors[1].ask(once, revoked)[2] == 1
    accounts_services.revoke_key(by=ada, key=ApiKey.objects.get(prefix=revoked["HTTP_X_API_KEY"].split("_")[1]))
    assert doors[1].ask(once, revoked) == (*doors[0].ask(once, revoked)[:2], 0)


def access_token(user: Any) -> str:
    return str(tokens.issue(user).access)


def test_rows_over_their_limit_are_refused_alike(doors: Any, world: Any, key: Any, ada: Any, settings: Any) -> None:
    settings.RATE_LIMIT_ROWS = 5
    credential = key()
    warm(credential, user=ada, world=world)

    assert differences(doors, [Call("rows", b'{"instances": [[1, 2], [3, 4]]}', times=4)], credential) == []


def test_what_fails_inside_is_told_alike(doors: Any, world: Any, key: Any, ada: Any, monkeypatch: Any) -> None:
    from inference import model_cache
    from inference.errors import ModelExecutionFailed
    from monitoring import spool

    credential = key()
    warm(credential, user=ada, world=world)
    call = [Call("a fault", corpus.ROW)]

    def fail(error: Exception) -> Callable[..., Any]:
        def raise_it(*args: Any, **options: Any) -> Any:
            raise error

        return raise_it

    for error in (ModelExecutionFailed("secret"), RuntimeError("secret"), spool.SpoolFull()):
        with monkeypatch.context() as patch:
            loaded = model_cache.cache.get(resolver.resolve("oracle", user=ada))
            patch.setattr(type(loaded.model), "predict", fail(error))
            assert differences(doors, call, credential) == []
            assert "secret" not in str(doors[1].ask(call[0], credential)[0])
    with monkeypatch.context() as patch:
        patch.setattr("monitoring.spool.append", fail(spool.SpoolFull()))
        assert differences(doors, call, credential) == []


def test_behind_a_proxy_that_ends_tls_both_doors_say_the_same(
    doors: Any, world: Any, key: Any, ada: Any, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 1000
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    doors = Door(with_lane=False), Door(with_lane=True)
    credential = key()
    warm(credential, user=ada, world=world)
    calls = [
        Call("https", corpus.ROW, environ={"HTTP_X_FORWARDED_PROTO": "https"}),
        Call("http", corpus.ROW, environ={"HTTP_X_FORWARDED_PROTO": "http"}, by_lane=False),
        Call("unknown", corpus.ROW, by_lane=False),
    ]

    assert differences(doors, calls, credential) == []
    told = dict(doors[1].ask(calls[0], credential)[0][0][1])
    assert "max-age=1000" in told["strict-transport-security"]


def test_nothing_is_counted_or_recorded_twice_for_what_the_lane_leaves_to_django(
    doors: Any, world: Any, key: Any, ada: Any
) -> None:
    credential = key(rate_limit=10)
    warm(credential, user=ada, world=world)
    odd = Call("short", corpus.ROW, environ={"CONTENT_LENGTH": "50"}, times=3, by_lane=False)

    answers, records, by_lane = doors[1].ask(odd, credential)
    assert (len(answers), len(records), by_lane) == (3, 3, 0)


def test_the_first_request_of_a_process_is_the_views_and_the_second_the_lanes(doors: Any, key: Any) -> None:
    _, fast = doors
    credential = key()
    assert [fast.ask(Call("one", corpus.ROW), credential)[2] for _ in range(3)] == [0, 1, 1]
