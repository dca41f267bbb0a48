"""A clock that runs as a test wants it, a disk that is full: for one module, while all others go on with the real one.

`time.sleep` is one function for the whole process. A thread that some earlier test left, such as the one that watches
over the database, would call what a test put in its place.
"""

import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def stand_in(patch: pytest.MonkeyPatch, user: ModuleType, name: str, **members: Any) -> None:
    """`user` finds these members in the module that it imports as `name`; nobody else does."""
    patch.setattr(user, name, SimpleNamespace(**(vars(getattr(user, name)) | members)))


@pytest.fixture(scope="session", autouse=True)
def nothing_replaced_for_all() -> Iterator[None]:
    """Refuses to replace a part of the standard library for everybody."""
    replacing: Any = pytest.MonkeyPatch.setattr

    def setattr(self: pytest.MonkeyPatch, target: Any, *rest: Any, **options: Any) -> None:
        owner = pkgutil.resolve_name(target.rpartition(".")[0]) if isinstance(target, str) else target
        if isinstance(owner, ModuleType) and owner.__name__.partition(".")[0] in sys.stdlib_module_names:
            raise AssertionError(f"Other threads use {owner.__name__}, too: replace it by tests.standing_in.stand_in.")
        replacing(self, target, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytest.MonkeyPatch, "setattr", setattr)
        yield
