"""Which tests another database or cache could turn out differently: `pytest --stores-only` runs no others.

A test that asks for no database can't reach one: pytest-django refuses it; and here the cache, too, is refused to it.
So nothing that such a test finds on SQLite could be otherwise on PostgreSQL and Redis.
"""

from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache

ASKED_FOR = frozenset({"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"})


def may_differ(item: pytest.Item) -> bool:
    """Whether the choice of database or cache may change what the test finds."""
    if item.get_closest_marker("once"):
        return False
    if item.get_closest_marker("stores") or item.get_closest_marker("live"):
        return True
    asked = item.get_closest_marker("django_db")
    if asked and asked.kwargs.get("databases") != []:
        return True
    return not ASKED_FOR.isdisjoint(getattr(item, "fixturenames", ()))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stores-only", action="store_true", help="Run only the tests that another database or cache could change."
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # What takes longest begins first: begun last, it would keep one process busy and the others waiting.
    items.sort(key=lambda item: item.get_closest_marker("live") is None)
    if not config.getoption("--stores-only"):
        return
    others = [item for item in items if not may_differ(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if may_differ(item)]


@pytest.fixture(autouse=True)
def no_cache_unasked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that asks for no database reaches no shared cache either."""
    if may_differ(request.node) or request.node.get_closest_marker("once"):
        return

    def refuse(self: BaseCache, *args: Any, **options: Any) -> Any:
        raise AssertionError("This test uses the cache: mark it `stores`, so that it is run with Redis, too.")

    monkeypatch.setattr(BaseCache, "make_and_validate_key", refuse)
