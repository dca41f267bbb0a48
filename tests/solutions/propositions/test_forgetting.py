"""What users did is kept for a time, goes with its subject, and leaves counts and other users alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from mlplatform.jobs import JOBS
from monitoring import erasure
from solutions.propositions import forgetting, logbook, services
from solutions.propositions.models import Interaction, Proposition, PropositionCount, UserFeatures

DAY = 24.0


def age(what: Any, days: float) -> None:
    type(what).objects.filter(pk=what.pk).update(recorded_at=timezone.now() - timedelta(days=days))


def test_an_erased_user_did_nothing_and_nothing_is_said_of_them(shop: Any, did: Any, root: Any) -> None:
    for user in ("anna", "bob"):
        did(user, "click", shop[0])
        services.state_features(user_id=user, interests=["sport"], budget=None)
    services.state_features(user_id="anna", interests=["books"], budget=3.0)

    counts = erasure.erase_subject(subject="anna", by=root)

    assert counts["events and features of propositions"] == 3
    assert list(Interaction.objects.values_list("user_id", flat=True)) == ["bob"]
    assert list(UserFeatures.objects.values_list("user_id", flat=True)) == ["bob"]
    assert erasure.erase_subject(subject="anna", by=root)["events and features of propositions"] == 0


def test_an_erasure_takes_more_than_one_bite_and_empties_remembered_lists(
    shop: Any, did: Any, root: Any, live_ranking: Any, client_of: Any, monkeypatch: Any
) -> None:
    live_ranking({"item_price": 1.0})
    client = client_of(root)

    def cache() -> str:
        body = {"user_id": "bob", "record": False}
        return str(client.post("/suggest", body, content_type="application/json")["X-Cache"])

    for _ in range(5):
        did("anna", "impression", shop[0])
    client.delete("/suggest/cache")
    assert [cache(), cache()] == ["miss", "hit"]
    monkeypatch.setattr(forgetting, "BITE", 2)

    assert forgetting.erase(subject="anna", by=root) == 5
    assert cache() == "miss"


def test_what_was_kept_long_enough_goes_a_bite_at_a_time(shop: Any, did: Any, settings: Any, monkeypatch: Any) -> None:
    settings.PROPOSITIONS_KEEP_DAYS = 100
    monkeypatch.setattr(forgetting, "BITE", 2)
    for days in (101, 102, 103, 99):
        did("u", "impression", shop[0], hours=days * DAY)

    assert [forgetting.prune(), forgetting.prune(), forgetting.prune()] == [2, 1, 0]
    assert Interaction.objects.count() == 1
    settings.PROPOSITIONS_KEEP_DAYS = 0
    did("u", "impression", shop[0], hours=900 * DAY)
    assert forgetting.prune() == 0


def test_what_was_said_last_stays_as_long_as_the_user_is_known(shop: Any, did: Any, settings: Any) -> None:
    settings.PROPOSITIONS_KEEP_DAYS = 100
    did("active", "click", shop[0], hours=1.0)
    for user in ("active", "gone"):
        for interests in (["books"], ["sport"]):
            age(services.state_features(user_id=user, interests=interests, budget=None), 200)

    assert forgetting.prune() == 3
    assert [(row.user_id, row.interests) for row in UserFeatures.objects.all()] == [("active", ["sport"])]


def test_of_old_counts_the_last_stays_since_it_held_then(shop: Any, settings: Any) -> None:
    settings.PROPOSITIONS_KEEP_DAYS = 100
    PropositionCount.objects.all().delete()
    now = timezone.now()
    for days, clicks in ((300, 1), (200, 2), (50, 3)):
        PropositionCount.objects.create(
            proposition=shop[0], impressions=9, clicks=clicks, known_at=now - timedelta(days=days)
        )

    assert forgetting.prune() == 1
    assert sorted(PropositionCount.objects.values_list("clicks", flat=True)) == [2, 3]


def test_a_training_does_not_take_a_forgotten_past_for_none(shop: Any, did: Any, settings: Any) -> None:
    """The first interaction that is left had others before it: rows are made only of what comes well after it."""
    for days in range(1, 31):
        did("u", "impression", shop[0], hours=days * DAY)
    settings.PROPOSITIONS_KEEP_DAYS = 365
    whole = len(logbook.examples(until=timezone.now()))
    settings.PROPOSITIONS_KEEP_DAYS = 31
    cut = len(logbook.examples(until=timezone.now()))

    assert whole == 30
    assert 20 <= cut < 28


def test_a_job_forgets(shop: Any, did: Any, settings: Any) -> None:
    settings.PROPOSITIONS_KEEP_DAYS = 1
    did("u", "click", shop[0], hours=48.0)
    (job,) = [job for job in JOBS if job.work == forgetting.prune]

    assert job.work() == 1
    assert Proposition.objects.count() == len(shop)


@pytest.mark.parametrize("subject", ["nobody", "x' OR 1=1"])
def test_a_subject_that_no_user_can_be_erases_nothing_here(shop: Any, did: Any, root: Any, subject: str) -> None:
    did("u", "click", shop[0])

    assert forgetting.erase(subject=subject, by=root) == 0
    assert Interaction.objects.count() == 1
