"""The pages: try it, propositions, events, retrainings."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent
from solutions.propositions.models import Interaction, Proposition, Retraining, RunStatus, UserFeatures
from solutions.propositions.retraining import requests

PAGE = "/admin/solution/propositions/"


@pytest.fixture
def signed_in(root: Any) -> Client:
    client = Client()
    client.force_login(root)
    return client


def run(root: Any, **facts: Any) -> Retraining:
    return Retraining.objects.create(
        model_name="propositions",
        kind="gradient_boosting",
        seed=1,
        data_until=timezone.now(),
        requested_by=root,
        **facts,
    )


def test_the_page_suggests_with_reasons_and_shows_the_call(shop: Any, live_ranking: Any, signed_in: Client) -> None:
    live_ranking({"item_price": 1.0})

    page = signed_in.post(PAGE, {"user_id": "user_1", "context": "search", "limit": 3}).content.decode()

    assert page.count("<li>") >= 3
    assert "Thing 12" in page
    assert "version 1" in page
    assert "/suggest" in page
    assert not Interaction.objects.exists()  # looked at without a trace


def test_what_the_page_shows_counts_as_shown_when_wanted(shop: Any, signed_in: Client) -> None:
    signed_in.post(PAGE, {"user_id": "user_1", "limit": 3, "record": "on"})

    assert Interaction.objects.count() == 3


def test_the_page_says_when_rules_ranked(shop: Any, signed_in: Client) -> None:
    page = signed_in.post(PAGE, {"user_id": "user_1", "limit": 3}).content.decode()

    assert "Ranked by rules" in page
    assert "no_model" in page


def test_a_wrong_form_asks_nothing(shop: Any, signed_in: Client) -> None:
    page = signed_in.post(PAGE, {"user_id": "a b", "limit": 0}).content.decode()

    assert "Nothing was asked" in page


def test_an_empty_platform_says_what_to_do(db: None, signed_in: Client) -> None:
    page = signed_in.get(PAGE).content.decode()
    asked = signed_in.post(PAGE, {"user_id": "u", "limit": 3}).content.decode()

    assert "manage.py stockpropositions" in page
    assert "manage.py retrainpropositions" in page
    assert "There is nothing to suggest" in asked


def test_the_page_offers_the_users_that_were_seen_last(shop: Any, signed_in: Client, did: Any) -> None:
    did("somebody", "click", shop[0])

    assert 'value="somebody"' in signed_in.get(PAGE).content.decode()


def test_propositions_are_added_and_edited_and_never_deleted(db: None, signed_in: Client) -> None:
    facts = {
        "ref": "prop_1", "title": "One", "category": "books", "price": "5", "is_active": "on",
        "published_at_0": "2026-01-01", "published_at_1": "00:00:00",
    }  # fmt: skip
    assert signed_in.post("/admin/solutions/proposition/add/", facts).status_code == 302
    row = Proposition.objects.get()
    address = f"/admin/solutions/proposition/{row.pk}/change/"
    assert signed_in.post(address, facts | {"title": "Uno", "ref": "other"}).status_code == 302

    row.refresh_from_db()
    assert (row.title, row.ref) == ("Uno", "prop_1")
    assert signed_in.get(f"/admin/solutions/proposition/{row.pk}/delete/").status_code == 403
    actions = (
        AuditEvent.objects.filter(action__startswith="proposition.").order_by("pk").values_list("action", flat=True)
    )
    assert list(actions) == ["proposition.created", "proposition.changed"]


def test_a_proposition_without_a_proper_id_is_refused(db: None, signed_in: Client) -> None:
    answer = signed_in.post("/admin/solutions/proposition/add/", {"ref": "no good", "title": "x", "category": "c"})

    assert "Use letters" in answer.content.decode()
    assert not Proposition.objects.exists()


def test_the_lists_open_with_rows(shop: Any, signed_in: Client, root: Any, did: Any) -> None:
    did("u", "click", shop[0])
    UserFeatures.objects.create(user_id="u", interests=["books"])
    run(root, status=RunStatus.CANCELLED)

    for name in ("proposition", "interaction", "userfeatures", "retraining"):
        assert signed_in.get(f"/admin/solutions/{name}/").status_code == 200
    found = signed_in.get("/admin/solutions/interaction/?q=nobody").content.decode()
    assert "prop_1" not in found
    assert "prop_1" in signed_in.get("/admin/solutions/interaction/?q=u").content.decode()


def comparison() -> dict[str, Any]:
    figures = {"auc": 0.7, "ndcg@5": 0.6, "mse": 0.05}
    return {
        "held_out_rows": 100, "held_out_clicks": 9, "with": "version 1", "new": figures, "live": figures,
        "difference": {
            "auc": {"value": 0.01, "low": 0.002, "high": 0.02},
            "ndcg": {"value": 0.0, "low": -1.0, "high": 1.0},
        },
    }  # fmt: skip


def test_a_retraining_shows_its_comparison_and_is_decided(live_ranking: Any, signed_in: Client, root: Any) -> None:
    live_ranking({})
    newer = live_ranking({"item_price": 1.0})
    live = live_ranking({})
    row = run(root, status=RunStatus.PROPOSED, version=newer, comparison=comparison(), reason="Better.")

    page = signed_in.get(f"/admin/solutions/retraining/{row.pk}/change/").content.decode()
    assert "Make version 2 live" in page
    assert "0.0020 to 0.0200" in page
    signed_in.post(f"/admin/solutions/retraining/{row.pk}/accept/")

    row.refresh_from_db()
    assert row.status == RunStatus.ACTIVATED
    assert live.model.open_deployment().version == newer
    assert "Decline" not in signed_in.get(f"/admin/solutions/retraining/{row.pk}/change/").content.decode()


def test_a_retraining_is_declined_or_cancelled(live_ranking: Any, signed_in: Client, root: Any) -> None:
    version = live_ranking({})
    proposed = run(root, status=RunStatus.NOT_BETTER, version=version, comparison=comparison())
    queued = run(root)
    signed_in.post(f"/admin/solutions/retraining/{proposed.pk}/decline/")
    page = signed_in.get(f"/admin/solutions/retraining/{queued.pk}/change/").content.decode()
    signed_in.post(f"/admin/solutions/retraining/{queued.pk}/cancel/")
    again = signed_in.post(f"/admin/solutions/retraining/{queued.pk}/cancel/", follow=True).content.decode()

    assert Retraining.objects.get(pk=proposed.pk).status == RunStatus.DECLINED
    assert "Cancel</button>" in page
    assert Retraining.objects.get(pk=queued.pk).status == RunStatus.CANCELLED
    assert "It ended already" in again


def test_a_retraining_is_asked_for_on_the_page(shop: Any, signed_in: Client, root: Any, monkeypatch: Any) -> None:
    page = signed_in.get(PAGE).content.decode()
    refused = signed_in.post("/admin/solutions/retraining/ask/", {"kind": "xgboost"}, follow=True).content.decode()
    monkeypatch.setattr(requests, "MIN_IMPRESSIONS", 0)
    monkeypatch.setattr(requests, "MIN_CLICKS", 0)
    unknown = signed_in.post("/admin/solutions/retraining/ask/", {"kind": "magic"}, follow=True).content.decode()
    asked = signed_in.post("/admin/solutions/retraining/ask/", {"kind": "random_forest"}, follow=True).content.decode()

    assert "Retrain</button>" in page
    assert "0 impressions and 0 clicks" in refused
    assert "Use one of" in unknown
    assert "is queued" in asked
    assert Retraining.objects.get().kind == "random_forest"


def test_who_may_only_look_can_not_decide(live_ranking: Any, root: Any, ada: Any) -> None:
    version = live_ranking({})
    row = run(root, status=RunStatus.PROPOSED, version=version, comparison=comparison())
    ada.is_staff = True
    ada.save()
    ada.user_permissions.add(Permission.objects.get(codename="view_retraining"))
    client = Client()
    client.force_login(ada)

    told = client.post(f"/admin/solutions/retraining/{row.pk}/accept/", follow=True).content.decode()

    assert "You may not activate" in told
    assert Retraining.objects.get().status == RunStatus.PROPOSED
