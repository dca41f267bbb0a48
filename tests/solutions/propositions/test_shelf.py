"""Propositions are kept between questions, and never longer than they are what the database holds."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from solutions.propositions import reading, shelf
from solutions.propositions.models import Proposition


def open_now(seconds: float = 0.0) -> set[str]:
    stock = reading.standing("u").stock
    kept = shelf.at(timezone.now() + timedelta(seconds=seconds), stock=stock)
    return {offer.ref for offer in kept.popular.each}


def test_while_nothing_changes_no_question_reads_propositions(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any
) -> None:
    live_ranking({"item_price": 1.0})
    client = client_of(ada)
    body = {"user_id": "u", "use_cache": False, "record": False}
    client.post("/suggest", body, content_type="application/json")
    with CaptureQueriesContext(connection) as asked:
        client.post("/suggest", body, content_type="application/json")

    table = Proposition._meta.db_table
    assert [query["sql"] for query in asked if f'"{table}"' in query["sql"]] == []
    assert len(asked) <= 8  # who asks and what is live may be read again, as time passed


def _saved(one: Proposition) -> None:
    one.is_active = False
    one.save(update_fields=["is_active"])


def _updated(one: Proposition) -> None:
    Proposition.objects.filter(pk=one.pk).update(is_active=False)


def _updated_with_others(one: Proposition) -> None:
    one.is_active = False
    Proposition.objects.bulk_update([one], ["is_active"])


@pytest.mark.parametrize("change", [_saved, _updated, _updated_with_others])
def test_every_way_to_change_a_proposition_is_noticed(shop: Any, change: Any) -> None:
    assert "prop_3" in open_now()
    change(Proposition.objects.get(ref="prop_3"))

    assert "prop_3" not in open_now()


def test_every_way_to_add_propositions_is_noticed(shop: Any) -> None:
    open_now()
    Proposition.objects.create(ref="one", title="One", category="books")
    Proposition.objects.bulk_create([Proposition(ref="two", title="Two", category="books")])

    assert {"one", "two"} <= open_now()


def test_a_proposition_opens_at_its_time_though_nothing_changes_then(shop: Any) -> None:
    Proposition.objects.filter(ref="prop_3").update(published_at=timezone.now() + timedelta(minutes=5))

    assert "prop_3" not in open_now()
    assert "prop_3" in open_now(seconds=301)
    assert "prop_3" not in open_now()  # a clock that is set back is believed, too


def test_a_list_is_remembered_where_the_shelf_lacks_what_it_holds(shop: Any) -> None:
    Proposition.objects.bulk_create(
        Proposition(ref=f"more_{number}", title="More", category="garden", price=1) for number in range(150)
    )
    kept = shelf.at(timezone.now(), stock=reading.standing("u").stock)
    keys = list(Proposition.objects.order_by("-pk").values_list("pk", flat=True)[:50])
    found = shelf.among(kept, keys)

    assert not kept.is_all
    assert found is not None
    assert [offer.key for offer in found] == keys
    assert shelf.among(kept, [*keys, keys[0] + 1]) is None
