"""Training sees what serving saw: the rows that are learned from are, number by number, those that were asked."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from solutions.propositions import counting, dataset, logbook, scoring
from solutions.propositions.features.columns import AT, COLUMNS
from solutions.propositions.models import Counting, Interaction, Proposition


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The rows of each question, as the model was asked."""
    kept: list[Any] = []
    score = scoring.of_rows

    def keep(rows: Any, **rest: Any) -> Any:
        kept.append(rows.copy())
        return score(rows, **rest)

    monkeypatch.setattr(scoring, "of_rows", keep)
    return kept


def post(client: Client, path: str, body: dict[str, Any], method: str = "post") -> Any:
    answer = getattr(client, method)(path, body, content_type="application/json")
    assert answer.status_code < 300, answer.content
    return answer.json()


def live_through_a_day(client: Client, settings: Any) -> list[dict[str, Any]]:
    """Users who are shown lists, click, convert, dismiss, and of whom things are said; counts in between."""
    settings.PROPOSITIONS_COUNT_SECONDS = 0.0
    lists = []
    for visit in range(12):
        user = f"user_{visit % 3}"
        body = {"user_id": user, "context": ("search", "home", "elsewhere")[visit % 3], "limit": 4, "use_cache": False}
        shown = post(client, "/suggest", body)
        lists.append(shown)
        chosen = shown["propositions"][visit % 4]["proposition_id"]
        event = {"user_id": user, "proposition_id": chosen, "event_type": "click"}
        post(client, "/log_event", event)
        if visit % 4 == 1:
            post(client, "/log_event", event | {"event_type": "conversion"})
        if visit % 5 == 2:
            post(client, "/log_event", event | {"event_type": "dismissal"})
        if visit == 4:
            post(client, f"/users/{user}/features", {"interests": ["sport"], "budget": 5.0}, "put")
        if visit == 7:
            Proposition.objects.filter(ref="prop_9").update(category="music", price=99)
        if visit in (3, 8):
            Counting.objects.filter(pk=1).update(counted_until=None)
            counting.SETTLE = timedelta(0)
            assert counting.count_next()
    return lists


def test_the_rows_learned_from_are_the_rows_that_were_asked(
    shop: Any, live_ranking: Any, client_of: Any, ada: Any, asked: list[Any], settings: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(counting, "SETTLE", counting.SETTLE)
    live_ranking({"category_lift": 1.0, "item_price": 0.3, "shown_before": -0.5})
    lists = live_through_a_day(client_of(ada), settings)

    examples = logbook.examples(until=timezone.now() + timedelta(hours=2))

    assert len(examples) == sum(len(shown["propositions"]) for shown in lists)
    rows = iter(examples.as_served())
    places = iter(examples.rows[:, AT["position"]])
    for shown, served in zip(lists, asked, strict=True):
        for place, line in enumerate(shown["propositions"]):
            learned = next(rows)
            same = np.flatnonzero((served == learned).all(axis=1))
            assert len(same) >= 1, [(name, float(value)) for name, value in zip(COLUMNS, learned, strict=True)]
            key = Proposition.objects.get(ref=line["proposition_id"]).pk
            assert Interaction.objects.filter(
                suggestion=shown["suggestion_id"], proposition=key, position=place
            ).exists()
            assert next(places) == np.float32(np.log1p(place))
    assert examples.clicked.sum() == len(lists)


def test_a_list_without_impressions_is_not_learned_from(shop: Any, client_of: Any, ada: Any) -> None:
    post(client_of(ada), "/suggest", {"user_id": "u", "record": False})

    assert len(logbook.examples(until=timezone.now() + timedelta(hours=2))) == 0


def test_impressions_whose_time_for_a_click_is_not_over_are_left_out(shop: Any, did: Any) -> None:
    did("u", "impression", shop[0], hours=2.0)
    did("u", "impression", shop[1], hours=0.1)

    examples = logbook.examples(until=timezone.now())

    assert len(examples) == 1
    assert dataset.CLICK_WITHIN_SECONDS == 1800
