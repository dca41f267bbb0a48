"""Clients: who asked how much, how it ended, who was over a limit."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import limit_hits as noted
from accounts import services
from accounts.models import ApiKey, User
from accounts.principal import Principal
from monitoring import clients, limit_hits, spool
from monitoring.clients import UnknownClient

pytestmark = pytest.mark.django_db
PAGE = "dashboard-clients"


@pytest.fixture
def reader(root: Any) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def key(ada: Any) -> ApiKey:
    made, _ = services.create_key(by=ada, owner=ada, name="till 4", scopes=["predict"])
    return made


def lines(reader: Client, **words: str) -> dict[str, Any]:
    return {shown.line.named.label: shown.line for shown in reader.get(reverse(PAGE), words).context["lines"]}


def test_each_key_and_each_account_has_a_line(reader: Client, record: Any, ada: Any, root: Any, key: ApiKey) -> None:
    for outcome in ("ok", "cached", "invalid", "error"):
        spool.append(record(key_id=str(key.pk), outcome=outcome, instance_count=3))
    spool.append(record(user_id=root.pk))
    spool.ship_once()
    found = lines(reader)
    till = found["ada@example.org · till 4"]
    assert (till.sums.requests, till.sums.instances, till.sums.failures, till.sums.refusals) == (4, 12, 1, 1)
    assert found[f"{root.email} · signed in"].sums.requests == 1
    text = reader.get(reverse(PAGE)).content.decode()
    assert f"client=key%3A{key.pk}" in text
    assert f"client=account%3A{ada.pk}" in text


def test_who_was_over_a_limit_is_told_even_if_nothing_else_was_asked(reader: Client, ada: Any, key: ApiKey) -> None:
    for principal in (Principal(user=ada, key_id=key.pk), Principal(user=ada, key_id=key.pk), None):
        noted.note(principal)
    limit_hits.write()
    found = lines(reader)
    assert found["ada@example.org · till 4"].limited == 2
    assert found["Without a good credential · signed in"].limited == 1
    assert reader.get(reverse(PAGE)).context["limited"] == 3


def test_accounts_and_keys_that_are_gone_are_told_as_such(reader: Client, record: Any, key: ApiKey) -> None:
    gone = User.objects.create_user("gone@example.org", "correct horse battery")
    spool.append(record(user_id=gone.pk))
    spool.append(record(key_id=str(uuid.uuid4())))
    spool.ship_once()
    User.objects.filter(pk=gone.pk).delete()
    text = reader.get(reverse(PAGE)).content.decode()
    assert f"Account {gone.pk}, which is gone" in text
    assert "which is gone" in text
    assert text.count("revoked or gone") == 2


def test_the_empty_page_says_what_to_do(reader: Client) -> None:
    text = reader.get(reverse(PAGE)).content.decode()
    assert "Nobody asked in that time" in text
    assert reverse("admin:accounts_apikey_changelist") in text


def test_it_costs_the_same_queries_for_many_clients(
    reader: Client, record: Any, ada: Any, key: ApiKey, django_assert_max_num_queries: Any
) -> None:
    spool.append(record(key_id=str(key.pk)))
    spool.ship_once()
    lines(reader)
    with django_assert_max_num_queries(40) as few:
        lines(reader)
    for number in range(12):
        made, _ = services.create_key(by=ada, owner=ada, name=f"key {number}", scopes=["predict"])
        spool.append(record(key_id=str(made.pk)))
    spool.ship_once()
    with django_assert_max_num_queries(len(few)):
        assert len(lines(reader)) == 13


def test_names_of_keys_are_shown_as_text(reader: Client, record: Any, ada: Any) -> None:
    made, _ = services.create_key(by=ada, owner=ada, name="<img src=x onerror=alert(1)>", scopes=["predict"])
    spool.append(record(key_id=str(made.pk)))
    spool.ship_once()
    for url in (reverse(PAGE), reverse("predictions"), reverse("dashboard")):
        assert "<img src=x" not in reader.get(url).content.decode()


@pytest.mark.parametrize(
    "text", ["", "key", "key:", "key:7", "user:1", "account:", "account:-1", "account:²", "login:x"]
)
def test_what_names_no_client_is_refused(text: str) -> None:
    with pytest.raises(UnknownClient):
        clients.read(text)


@pytest.mark.parametrize("text", [f"key:{uuid.UUID(int=7)}", "account:7", "login:7"])
def test_a_client_is_found_again_by_its_reference(text: str) -> None:
    assert clients.read(text).reference == text
