"""Credentials for the tests of accounts."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import services, tokens
from accounts.models import ApiKey


@pytest.fixture
def key_of() -> Callable[..., tuple[ApiKey, str]]:
    """Makes a key for a user: `key_of(user, "predict", "read")`."""

    def make(user: Any, *scopes: str, **options: Any) -> tuple[ApiKey, str]:
        return services.create_key(by=user, owner=user, name="test", scopes=scopes or ("predict",), **options)

    return make


@pytest.fixture
def bearer() -> Callable[[Any], str]:
    """The `Authorization` header of a user who signed in."""
    return lambda user: f"Bearer {tokens.issue(user).access}"
