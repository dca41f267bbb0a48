"""Alerts by API, in the admin and on the dashboards."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.services import create_key
from monitoring.alerts.models import Alert, AlertChannel, AlertDelivery, AlertEvent, AlertRule

pytestmark = pytest.mark.django_db
API = "/api/v1/alerts"


@pytest.fixture
def alerts(toy_model: Any) -> dict[str, Alert]:
    def make(name: str, subject: str, **facts: Any) -> Alert:
        return Alert.objects.create(
            **{"rule": AlertRule.objects.get(name=name), "subject": subject, "state": "firing",
               "text": f"Something of {subject} <b>is</b> wrong.", **facts}
        )  # fmt: skip

    return {
        "model": make("drift", "toy:1", model=toy_model),
        "platform": make("breaker-open", "redis", state="pending"),
        "calm": make("queue", "calm", state="ok"),
    }


def api(user: Any, **options: Any) -> Client:
    _, key = create_key(by=user, owner=user, name="k", scopes=["read", "admin"], **options)
    return Client(headers={"X-API-Key": key})


def test_everybody_sees_those_of_their_models_and_the_staff_with_the_right_all(
    alerts: dict[str, Alert], ada: Any, bob: Any, root: Any
) -> None:
    def seen(user: Any, query: str = "") -> list[str]:
        answer = api(user).get(f"{API}{query}")
        assert answer.status_code == 200, answer.content
        return [one["subject"] for one in answer.json()["results"]]

    assert seen(root) == ["toy:1", "redis"]
    assert seen(root, "?state=pending") == ["redis"]
    assert seen(ada) == ["toy:1"]
    assert seen(bob) == []
    assert api(root, model_names=["other"]).get(API).json()["results"] == []


def test_an_alert_says_what_is_wrong_and_what_to_do(alerts: dict[str, Alert], root: Any) -> None:
    told = api(root).get(API).json()["results"][0]

    assert told["alert"] == "drift"
    assert told["runbook"] == "docs/runbooks.md#drift"
    assert (told["state"], told["severity"], told["model"]) == ("firing", "warning", "toy")


@pytest.mark.parametrize("query", ["?state=loud", "?state=ok", "?colour=red", "?page=0"])
def test_odd_questions_are_refused(query: str, root: Any) -> None:
    assert api(root).get(f"{API}{query}").status_code == 400


def test_silence_by_api(alerts: dict[str, Alert], root: Any, ada: Any) -> None:
    url = f"{API}/{alerts['model'].pk}/silence"
    body = {"minutes": 30, "note": "we know"}
    answer = api(root).post(url, body, "application/json")

    assert answer.status_code == 200
    assert answer.json()["silenced_until"]
    [event] = api(root).get(f"{API}/history").json()["results"]
    assert (event["event"], event["by"], event["text"]) == ("silenced", "root@example.org", "we know")
    assert api(root).delete(url).json()["silenced_until"] is None
    assert api(ada).post(url, body, "application/json").status_code == 403


@pytest.mark.parametrize(
    ("body", "status"), [({"minutes": 0}, 422), ({"minutes": 99999}, 422), ({}, 422), ({"minutes": 5, "by": "x"}, 400)]
)
def test_odd_silences_are_refused(alerts: dict[str, Alert], root: Any, body: dict[str, Any], status: int) -> None:
    assert api(root).post(f"{API}/{alerts['model'].pk}/silence", body, "application/json").status_code == status


@pytest.mark.parametrize("pk", ["0", "x", "9" * 30, "٣"])
def test_an_alert_that_is_not_there_is_404(pk: str, root: Any) -> None:
    assert api(root).post(f"{API}/{pk}/silence", {"minutes": 5}, "application/json").status_code == 404


class TestInTheAdmin:
    @pytest.fixture
    def admin(self, client: Client, root: Any) -> Client:
        client.force_login(root)
        return client

    def test_the_list_shows_what_is_wrong_and_can_silence_it(self, admin: Client, alerts: dict[str, Alert]) -> None:
        page = admin.get("/admin/monitoring/alert/").content.decode()
        assert "toy:1" in page
        assert "<b>is</b>" not in page
        chosen = {"action": "silence_an_hour", "_selected_action": [alerts["model"].pk]}
        admin.post("/admin/monitoring/alert/", chosen)

        alerts["model"].refresh_from_db()
        assert alerts["model"].silenced_until is not None
        detail = admin.get(f"/admin/monitoring/alert/{alerts['model'].pk}/change/").content.decode()
        assert "/admin/runbooks#drift" in detail

    def test_a_calm_platform_says_so(self, admin: Client) -> None:
        assert "All is well" in admin.get("/admin/monitoring/alert/").content.decode()
        assert "Nobody is told yet" in admin.get("/admin/monitoring/alertchannel/").content.decode()

    def test_a_channel_is_checked_and_shows_its_secret_to_those_who_may_change_it(
        self, admin: Client, client: Client, ada: Any
    ) -> None:
        form = {"name": "hook", "kind": "webhook", "least_severity": "warning", "is_enabled": "on"}
        url = "/admin/monitoring/alertchannel/add/"
        page = admin.post(url, {**form, "address": "http://127.0.0.1/"})
        assert "https URL" in page.content.decode()
        assert admin.post(url, {**form, "address": "https://hooks.example.org/x"}).status_code == 302
        channel = AlertChannel.objects.get()
        change = f"/admin/monitoring/alertchannel/{channel.pk}/change/"
        assert channel.secret in admin.get(change).content.decode()
        admin.post("/admin/monitoring/alertchannel/", {"action": "send_test", "_selected_action": [channel.pk]})
        assert AlertDelivery.objects.get().event.kind == "test"

        from django.contrib.auth.models import Permission

        ada.is_staff = True
        ada.save()
        ada.user_permissions.add(Permission.objects.get(codename="view_alertchannel"))
        client.force_login(ada)
        page = client.get(change)
        assert page.status_code == 200
        assert channel.secret not in page.content.decode()

    def test_a_rule_can_be_changed_and_that_is_audited(self, admin: Client) -> None:
        from accounts.models import AuditEvent

        rule = AlertRule.objects.get(name="queue")
        form = {
            "name": "queue", "kind": "queue", "severity": "critical", "is_enabled": "on", "threshold": "5",
            "window_seconds": "60", "for_seconds": "0", "minimum": "0", "objective_ms": "100",
            "objective_share": "0.95",
        }  # fmt: skip
        answer = admin.post(f"/admin/monitoring/alertrule/{rule.pk}/change/", form)

        assert answer.status_code == 302
        rule.refresh_from_db()
        assert (rule.threshold, rule.severity) == (5.0, "critical")
        assert AuditEvent.objects.filter(action="alert_rule.changed").count() == 1
        assert admin.get("/admin/monitoring/alertrule/").status_code == 200

    def test_the_history_tells_who_was_told(self, admin: Client) -> None:
        event = AlertEvent.objects.create(kind="firing", rule_name="drift", severity="warning", text="It drifts.")
        channel = AlertChannel.objects.create(name="ops", kind="email", address="a@example.org")
        AlertDelivery.objects.create(event=event, channel=channel, state="sent", attempts=1)
        page = admin.get("/admin/monitoring/alertevent/").content.decode()

        assert "ops: sent" in page


def test_the_dashboards_show_them(client: Client, root: Any, alerts: dict[str, Alert], toy_model: Any) -> None:
    client.force_login(root)
    overview = client.get(reverse("dashboard")).content.decode()
    model = client.get(reverse("dashboard-model", args=["toy"])).content.decode()

    assert "redis" in overview
    assert "toy:1" in overview
    assert "toy:1" in model
    assert "Something of redis" not in model
    Alert.objects.all().delete()
    assert "All is well" in client.get(reverse("dashboard")).content.decode()
