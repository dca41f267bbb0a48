"""The authorisation matrix: every route and verb of the URL configuration, asked by eight callers.

What should happen stands in `table.RULES`. A route that no rule covers fails, and so does a rule without a route.
"""

from collections.abc import Callable
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.matrix import observe, routes, world
from tests.matrix.table import RULES, Rule

PAIRS = routes.pairs()


def rule_for(route: str, verb: str) -> Rule | None:
    return next((rule for rule in RULES if rule.covers(route, verb)), None)


@pytest.fixture
def built(served_version: Callable[..., Any], ada: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> world.World:
    # This is about who may, not about how often.
    settings.RATE_LIMIT_REQUESTS = settings.RATE_LIMIT_KEY_REQUESTS = 0
    settings.DEBUG = False
    # To write the schema down takes longer than all other answers; here it matters only who gets it.
    monkeypatch.setattr(SchemaGenerator, "get_schema", lambda *_, **__: {"openapi": "3.0.3"})
    return world.build(served_version, ada)


def test_the_walk_finds_the_api_and_the_admin() -> None:
    assert ("/api/v1/predict/{ref}", "POST") in PAIRS
    assert ("/api/v1/api-keys/{pk}", "DELETE") in PAIRS
    assert ("/admin/versions/{pk}/activate/", "POST") in PAIRS
    assert ("/admin/registry/registeredmodel/{object_id}/change/", "POST") in PAIRS


def test_every_route_and_verb_has_a_rule() -> None:
    assert [pair for pair in PAIRS if rule_for(*pair) is None] == []


def test_every_rule_has_a_route_and_a_verb() -> None:
    used = {id(rule_for(*pair)) for pair in PAIRS}

    assert [(rule.route, rule.verbs) for rule in RULES if id(rule) not in used] == []


# Rights are decided by code; the two who get furthest meet the other database, too.
ON_EVERY_DATABASE = ("owner", "superuser")


@pytest.mark.parametrize(
    "caller",
    [pytest.param(name, marks=() if name in ON_EVERY_DATABASE else pytest.mark.once) for name in world.CALLERS],
)
def test_a_caller_gets_what_the_table_says_and_changes_nothing_else(built: world.World, caller: str) -> None:
    column = world.CALLERS.index(caller)
    before = world.snapshot()
    differences = []
    for route, verb in PAIRS:
        rule = rule_for(route, verb)
        expected = rule.outcomes[column] if rule else "a rule"
        found = observe.outcome(built, built.callers[caller], route, verb)
        if found != expected:
            differences.append(f"{verb} {route}: {found}, not {expected}")

    assert differences == []
    assert world.snapshot() == before
