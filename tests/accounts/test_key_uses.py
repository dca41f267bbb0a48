"""When a key was last used is written behind the request's back, to the minute."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, InterfaceError
from django.db.models import QuerySet

from accounts import credentials, key_uses
from accounts.credential_cache import remembered
from accounts.models import ApiKey

pytestmark = pytest.mark.django_db


def use(text: str) -> None:
    remembered.clear()
    credentials.authenticate(api_key=text)


def last_used(key: ApiKey) -> Any:
    return ApiKey.objects.get(pk=key.pk).last_used_at


def test_using_a_key_writes_nothing_until_the_uses_are_written(ada: Any, key_of: Any) -> None:
    key, text = key_of(ada)
    use(text)
    use(text)
    assert last_used(key) is None
    assert key_uses.write() == 1
    assert last_used(key) is not None
    assert key_uses.write() == 0


def test_a_use_is_noted_at_most_once_a_minute(ada: Any, key_of: Any) -> None:
    key, text = key_of(ada)
    use(text)
    key_uses.write()
    first = last_used(key)
    use(text)
    assert key_uses.write() == 0
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=first - timedelta(seconds=61))
    use(text)
    assert key_uses.write() == 1
    assert last_used(key) >= first


@pytest.mark.parametrize("kind", [DatabaseError, InterfaceError])
def test_what_cannot_be_written_is_dropped_and_said(
    ada: Any, key_of: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: type[Exception]
) -> None:
    key, text = key_of(ada)
    use(text)
    with monkeypatch.context() as patch:
        patch.setattr(QuerySet, "update", lambda *_, **__: (_ for _ in ()).throw(kind("locked")))
        key_uses.write()
    assert "Could not note the use" in caplog.text
    assert key_uses.write() == 0
    assert last_used(key) is None
