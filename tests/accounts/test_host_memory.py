"""What the processes of a host know of callers together, for an outage of the database."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.utils import OperationalError
from django.utils import timezone

from accounts import credentials, host_memory, services
from accounts.credential_cache import known_before, remembered
from accounts.errors import CredentialInvalid
from accounts.models import ApiKey
from accounts.principal import Principal


def become_another_process() -> None:
    """The memories of this process are empty; the files stay."""
    remembered.clear()
    known_before.clear()


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch) -> Any:
    def hang(text: str) -> Any:
        raise OperationalError("it hangs")

    def cut() -> None:
        monkeypatch.setattr(credentials, "_verify_key", hang)
        monkeypatch.setattr(credentials, "_verify_token", hang)

    return cut


def test_whom_one_process_verified_every_process_knows_in_an_outage(
    ada: Any, key_of: Any, bearer: Any, cut_off: Any, django_assert_num_queries: Any
) -> None:
    _, text = key_of(ada, "predict", "upload", model_names=["wine"], rate_limit=7)
    asked: list[dict[str, Any]] = [{"api_key": text}, {"authorization": bearer(ada)}]
    before = [credentials.authenticate(**headers) for headers in asked]
    become_another_process()
    cut_off()
    with django_assert_num_queries(0):
        assert [credentials.authenticate(**headers) for headers in asked] == before
        known = credentials.authenticate(api_key=text)
        assert known is not None
        assert (known.user.email, known.user.is_staff) == (ada.email, ada.is_staff)


def test_who_was_not_verified_is_known_to_nobody(ada: Any, key_of: Any, cut_off: Any) -> None:
    _, text = key_of(ada)
    cut_off()
    with pytest.raises(OperationalError):
        credentials.authenticate(api_key=text)


def test_who_was_refused_is_forgotten_by_all(ada: Any, key_of: Any, cut_off: Any) -> None:
    key, text = key_of(ada)
    credentials.authenticate(api_key=text)
    become_another_process()
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    with pytest.raises(CredentialInvalid):
        credentials.authenticate(api_key=text)
    cut_off()
    with pytest.raises(OperationalError):
        credentials.authenticate(api_key=text)


@pytest.mark.django_db(transaction=True)
def test_revoking_a_key_leaves_no_file(ada: Any, key_of: Any, settings: Any) -> None:
    key, text = key_of(ada)
    credentials.authenticate(api_key=text)
    assert list(settings.CALLERS_DIR.iterdir())
    services.revoke_key(by=ada, key=key)
    assert not list(settings.CALLERS_DIR.iterdir())


def a_file(settings: Any) -> Path:
    (path,) = settings.CALLERS_DIR.iterdir()
    return Path(path)


def test_a_file_holds_for_its_own_credential_and_unchanged_only(ada: Any, settings: Any) -> None:
    host_memory.note("key a", Principal(user=ada))
    path = a_file(settings)
    text = path.read_text()
    assert "key a" not in text
    host_memory.note("key b", Principal(user=ada, rate_limit=1))
    (other,) = set(settings.CALLERS_DIR.iterdir()) - {path}
    other.write_text(text)
    assert host_memory.recall("key a") is not None
    assert host_memory.recall("key b") is None
    path.write_text(f"x{text}")
    assert host_memory.recall("key a") is None
    path.write_bytes(b"\xff")
    assert host_memory.recall("key a") is None


def test_a_file_ends_with_the_setting_or_with_the_credential(
    ada: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CREDENTIAL_OUTAGE_SECONDS = 60.0
    now = host_memory._clock()
    host_memory.note("key a", Principal(user=ada))
    host_memory.note("key b", Principal(user=ada, expires_at=timezone.now() + timedelta(seconds=9)), seconds_left=9.0)
    for seconds, known in ((8.0, "ab"), (10.0, "a"), (61.0, "")):
        monkeypatch.setattr(host_memory, "_clock", lambda seconds=seconds: now + seconds)
        assert "".join(name for name in "ab" if host_memory.recall(f"key {name}")) == known


def test_a_file_is_seldom_written_and_old_ones_go(ada: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CREDENTIAL_OUTAGE_SECONDS = 60.0
    host_memory.note("key a", Principal(user=ada))
    path, now = a_file(settings), host_memory._clock()
    first = path.stat().st_ino
    host_memory.note("key a", Principal(user=ada))
    assert path.stat().st_ino == first
    monkeypatch.setattr(host_memory, "_clock", lambda: now + 16)
    host_memory.note("key a", Principal(user=ada))
    assert path.stat().st_ino != first
    monkeypatch.setattr(host_memory, "_clock", lambda: now + 100)
    monkeypatch.setattr(host_memory, "_next_prune", 0.0)
    host_memory.note("key b", Principal(user=ada))
    assert not path.exists()


def test_without_an_outage_to_survive_nothing_is_written(ada: Any, settings: Any) -> None:
    settings.CREDENTIAL_OUTAGE_SECONDS = 0.0
    host_memory.note("key a", Principal(user=ada))
    assert not settings.CALLERS_DIR.exists()
