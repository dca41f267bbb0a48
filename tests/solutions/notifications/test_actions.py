"""The action map: data on the version, edited by people, followed at once."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent
from solutions.errors import NotAllowed, ValueInvalid
from solutions.notifications import actions, reasons
from solutions.notifications.actions import Rule
from solutions.notifications.models import Action, ActionRule

pytestmark = pytest.mark.django_db


def test_below_the_threshold_the_other_action_is_taken() -> None:
    rule = Rule(Action.SILENT, 0.7, Action.BATCH)

    assert [rule.decide(share) for share in (0.9, 0.7, 0.69, None)] == [
        ("silent", True), ("silent", True), ("batch", False), ("batch", False),
    ]  # fmt: skip


def test_a_version_gets_a_rule_for_each_of_its_classes(live: Any) -> None:
    assert set(live.action_rules.values_list("label", flat=True)) == set(actions.DEFAULTS)


@pytest.mark.django_db(transaction=True)
def test_a_change_is_followed_by_the_next_answer_and_told_in_the_trail(api: Any, live: Any, ada: Any) -> None:
    before = api.post("classify", {"text": "URGENT: Server down!"}).json()
    rule = live.action_rules.get(label="urgent")

    actions.change(rule=rule, by=ada, action="batch", threshold=0.1, below="silent")

    after = api.post("classify", {"text": "URGENT: Server down!"}).json()
    assert (before["action"], after["action"]) == ("show_immediately", "batch")
    event = AuditEvent.objects.get(action="notifications.action_changed")
    assert event.details == {"label": "urgent", "action": "batch", "threshold": "0.1", "below": "silent"}


@pytest.mark.django_db(transaction=True)
def test_an_unsure_answer_says_why_it_is_shown_otherwise(api: Any, live: Any, ada: Any) -> None:
    actions.change(rule=live.action_rules.get(label="urgent"), by=ada, action="silent", threshold=1.0, below="batch")

    body = api.post("classify", {"text": "URGENT: Server down!"}).json()

    assert body["action"] == "batch"
    assert "is below 100%" in body["reasoning"]


def test_the_next_version_takes_over_what_people_decided(live: Any, publish: Any, ada: Any) -> None:
    actions.change(rule=live.action_rules.get(label="social"), by=ada, action="silent", threshold=0.9, below="silent")

    second = publish()

    assert actions.rule_for(second.pk, "social") == Rule("silent", 0.9, "silent")
    assert actions.rule_for(second.pk, "urgent") == actions.DEFAULTS["urgent"]


def test_a_class_nobody_knows_is_batched(live: Any) -> None:
    assert actions.rule_for(live.pk, "gossip").decide(0.99) == ("batch", True)


def test_a_version_uploaded_by_hand_has_the_defaults(live: Any) -> None:
    ActionRule.objects.all().delete()

    assert actions.rules_of(live.pk + 1000) == actions.DEFAULTS


def test_only_whom_the_model_belongs_to_changes_its_map(live: Any, bob: Any) -> None:
    with pytest.raises(NotAllowed):
        actions.change(rule=live.action_rules.first(), by=bob, action="batch", threshold=0.5, below="batch")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"action": "shout"}, "action"),
        ({"below": ""}, "action"),
        ({"threshold": 1.1}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
    ],
)
def test_what_is_no_rule_is_refused(live: Any, ada: Any, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueInvalid) as caught:
        actions.change(
            rule=live.action_rules.first(), by=ada, **{"action": "batch", "threshold": 0.5, "below": "batch", **changes}
        )

    assert caught.value.details["field"] == field


@pytest.mark.django_db(transaction=True)
def test_the_map_is_edited_in_the_admin(live: Any, root: Any, client: Client) -> None:
    client.force_login(root)
    rule = live.action_rules.get(label="update")
    form = {"action": "batch", "threshold": "0.25", "below": "silent"}

    answer = client.post(f"/admin/solutions/actionrule/{rule.pk}/change/", form)

    assert answer.status_code == 302
    assert actions.rule_for(live.pk, "update") == Rule("batch", 0.25, "silent")


def test_a_threshold_beyond_one_is_refused_in_the_admin(live: Any, root: Any, client: Client) -> None:
    client.force_login(root)
    rule = live.action_rules.get(label="update")

    page = client.post(
        f"/admin/solutions/actionrule/{rule.pk}/change/", {"action": "batch", "threshold": "7", "below": "silent"}
    )

    assert page.status_code == 200
    assert actions.rule_for(live.pk, "update") == actions.DEFAULTS["update"]


def test_the_page_of_the_solution_shows_the_answer_and_the_map(live: Any, root: Any, client: Client) -> None:
    client.force_login(root)

    page = client.post("/admin/solution/notifications/", {"text": "URGENT: Server down!", "sender": "monitoring"})

    text = page.content.decode()
    assert "data-answer>urgent<" in text
    assert "Show immediately" in text
    assert f"/admin/solutions/actionrule/{live.action_rules.get(label='urgent').pk}/change/" in text


def test_the_sentence_lists_words_and_the_sender() -> None:
    told = reasons.told(label="urgent", confidence=0.9, words=["down", "from_smoke_alarm"], is_sure=True, threshold=0.5)
    alone = reasons.told(label="urgent", confidence=0.9, words=["down"], is_sure=True, threshold=0.5)
    unsure = reasons.told(label="update", confidence=0.41, words=[], is_sure=False, threshold=0.7)

    assert told == "Classified as urgent: “down” and the sender smoke alarm speak for it."
    assert alone == "Classified as urgent: “down” speaks for it."
    assert "(41%) is below 70%" in unsure
