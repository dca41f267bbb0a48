"""People are told: by a real mail server and a real receiver of webhooks."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.alerts import delivery, services
from monitoring.alerts.models import (
    AlertChannel,
    AlertDelivery,
    AlertEvent,
    DeliveryState,
)
from tests.monitoring.alerts.receivers import mail_server, web_server

pytestmark = pytest.mark.django_db


def waiting(kind: str, address: str, **facts: Any) -> AlertDelivery:
    event = AlertEvent.objects.create(
        **{"kind": "firing", "rule_name": "prediction-errors", "rule_kind": "errors", "severity": "critical",
           "subject": "churn", "text": "12.0% of 100 predictions of churn failed in 5 minutes.", **facts}
    )  # fmt: skip
    channel = AlertChannel.objects.create(name=f"to {address}"[:100], kind=kind, address=address)
    return AlertDelivery.objects.create(event=event, channel=channel)


def due_again(sent: AlertDelivery) -> None:
    AlertDelivery.objects.filter(pk=sent.pk).update(due_at=timezone.now() - timedelta(seconds=1))


class TestByMail:
    @pytest.fixture(autouse=True)
    def real_backend(self, settings: Any) -> None:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1"
        settings.HAS_MAIL_SERVER = True

    def test_it_arrives_and_says_what_to_do(self, settings: Any) -> None:
        settings.ALERT_SITE_URL = "https://ml.example.org/"
        with mail_server() as (port, mails):
            settings.EMAIL_PORT = port
            sent = waiting("email", "a@example.org, b@example.org")
            assert delivery.deliver_next()
            assert not delivery.deliver_next()

        [(recipients, mail)] = mails
        assert recipients == ["a@example.org", "b@example.org"]
        assert mail["Subject"] == "[critical] Fired: prediction-errors churn"
        text = mail.get_payload()
        assert "12.0% of 100" in text
        assert "https://ml.example.org/admin/runbooks#prediction-errors" in text
        assert "https://ml.example.org/admin/monitoring/alert/" in text
        sent.refresh_from_db()
        assert (sent.state, sent.attempts, sent.error) == (DeliveryState.SENT, 1, "")

    def test_no_name_makes_headers(self, settings: Any) -> None:
        with mail_server() as (port, mails):
            settings.EMAIL_PORT = port
            waiting("email", "a@example.org", subject="x\nBcc: everybody@example.org")
            delivery.deliver_next()

        [(recipients, mail)] = mails
        assert recipients == ["a@example.org"]
        assert mail["Bcc"] is None

    def test_a_server_that_is_away_is_tried_again_later_and_given_up_at_last(self, settings: Any) -> None:
        settings.EMAIL_PORT = 1
        sent = waiting("email", "a@example.org")
        for attempt in range(1, delivery.MOST_ATTEMPTS + 1):
            assert delivery.deliver_next()
            assert not delivery.deliver_next(), "not before it is due"
            sent.refresh_from_db()
            assert (sent.attempts, "Refused" in sent.error) == (attempt, True)
            assert sent.due_at > timezone.now()
            due_again(sent)

        assert sent.state == DeliveryState.GIVEN_UP
        assert not delivery.deliver_next()

    def test_without_a_server_it_says_so(self, settings: Any) -> None:
        settings.HAS_MAIL_SERVER = False
        sent = waiting("email", "a@example.org")
        delivery.deliver_next()

        sent.refresh_from_db()
        assert "EMAIL_URL is not set" in sent.error


class TestByWebhook:
    @pytest.fixture(autouse=True)
    def this_machine_may_be_called(self, settings: Any) -> None:
        settings.ALERT_WEBHOOK_NETWORKS = ["127.0.0.0/8"]

    def test_it_arrives_signed(self) -> None:
        with web_server() as (port, calls):
            sent = waiting("webhook", f"http://127.0.0.1:{port}/hook?a=1")
            assert delivery.deliver_next()

        [(path, headers, body)] = calls
        timestamp = headers["X-Alert-Timestamp"]
        text = timestamp.encode() + b"." + body
        expected = hmac.new(sent.channel.secret.encode(), text, hashlib.sha256).hexdigest()
        assert headers["X-Alert-Signature"] == f"v1={expected}"
        assert abs(int(timestamp) - time.time()) < 60
        assert (path, headers["X-Alert-Delivery"]) == ("/hook?a=1", str(sent.pk))
        told = json.loads(body)
        assert (told["event"], told["alert"], told["subject"]) == ("firing", "prediction-errors", "churn")

    def test_a_failing_receiver_is_called_again_until_it_takes_it(self) -> None:
        with web_server([500, 503]) as (port, calls):
            sent = waiting("webhook", f"http://127.0.0.1:{port}/")
            for _ in range(3):
                assert delivery.deliver_next()
                due_again(sent)

        sent.refresh_from_db()
        assert (len(calls), sent.state, sent.attempts) == (3, DeliveryState.SENT, 3)

    def test_a_channel_hears_of_one_alert_in_order(self) -> None:
        with web_server([500]) as (port, calls):
            first = waiting("webhook", f"http://127.0.0.1:{port}/")
            over = AlertEvent.objects.create(
                kind="resolved", rule_name="prediction-errors", severity="critical", subject="churn"
            )
            AlertDelivery.objects.create(event=over, channel=first.channel)
            assert delivery.deliver_next()
            assert not delivery.deliver_next(), "it is over must wait for it began"
            due_again(first)
            assert delivery.deliver_next()
            assert delivery.deliver_next()

        assert [json.loads(body)["event"] for _, _, body in calls] == ["firing", "firing", "resolved"]

    def test_redirects_are_not_followed(self) -> None:
        with web_server([302, 307]) as (port, calls):
            sent = waiting("webhook", f"http://127.0.0.1:{port}/")
            delivery.deliver_next()

        sent.refresh_from_db()
        assert [path for path, _, _ in calls] == ["/"]
        assert "answered 302" in sent.error

    def test_an_address_inside_is_refused_for_good_and_not_called(self, settings: Any) -> None:
        with web_server() as (port, calls):
            sent = waiting("webhook", f"http://127.0.0.1:{port}/")
            settings.ALERT_WEBHOOK_NETWORKS = ["10.0.0.0/8"]
            delivery.deliver_next()

        sent.refresh_from_db()
        assert (calls, sent.state) == ([], DeliveryState.GIVEN_UP)
        assert "not public" in sent.error

    def test_a_test_of_a_channel_arrives(self, root: Any) -> None:
        with web_server() as (port, calls):
            channel = AlertChannel.objects.create(name="c", kind="webhook", address=f"http://127.0.0.1:{port}/")
            services.send_test(channel=channel, by=root)
            delivery.deliver_next()

        assert json.loads(calls[0][2])["event"] == "test"


def test_the_database_alone_holds_no_secret(settings: Any) -> None:
    channel = AlertChannel.objects.create(name="c", kind="webhook", address="https://example.org/")
    before = channel.secret
    settings.SECRET_KEY = "another"

    assert channel.secret != before
    assert channel.salt not in before
