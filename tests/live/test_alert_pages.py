"""The pages of alerts and errors in a real browser: readable, usable, and inert whatever they are told."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import toys
from tests.live.browsing import Browsing, browsing
from tests.live.stack import Stack

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.django_db(databases=[])]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HOSTILE = "</script><img src=x onerror=alert(1)>"
_WRONG = f"""
from django.utils import timezone
from accounts.models import User
from monitoring.alerts.models import *
from monitoring.error_groups.models import ErrorGroup
from registry.models import RegisteredModel
hostile = {HOSTILE!r}
User.objects.filter(email="nora@example.org").update(is_superuser=True)
model = RegisteredModel.objects.get()
rule = AlertRule.objects.create(name=hostile, kind=Kind.ERRORS, severity=Severity.CRITICAL)
AlertRule.objects.update(is_enabled=False)  # nobody judges them, so all stay as they are
Alert.objects.create(rule=rule, subject=hostile, model=model, state=State.FIRING, text="It says " + hostile, value=1.0)
event = AlertEvent.objects.create(kind=EventKind.FIRING, rule_name=hostile, severity=Severity.CRITICAL, text=hostile)
channel = AlertChannel.objects.create(name=hostile, kind=ChannelKind.EMAIL, address="ops@example.org")
AlertDelivery.objects.create(event=event, channel=channel, state=DeliveryState.GIVEN_UP, attempts=3, error=hostile)
ErrorGroup.objects.create(
    fingerprint="0" * 32, kind="ValueError", place=hostile, message=hostile, request_id=hostile, trace=hostile,
    first_seen_at=timezone.now(), last_seen_at=timezone.now(), count=1,
)
"""


@pytest.fixture
def platform(stack: Callable[..., Stack]) -> Stack:
    running = stack(workers=1)
    status, body = running.upload("oracle", toys.oracle(1.0))
    assert status == 201, body
    return running


@pytest.fixture
def browse(platform: Stack) -> Iterator[Browsing]:
    with browsing(platform) as opened:
        platform.manage("shell", "-v", "0", "-c", _WRONG)
        yield opened


def pages_of(page: Any) -> list[str]:
    """Every list, and the first row of each."""
    lists = [
        f"/admin/monitoring/{name}/" for name in ("alert", "alertevent", "alertrule", "alertchannel", "errorgroup")
    ]
    found = ["/admin/dashboard", "/admin/dashboard/oracle"]
    for address in lists:
        page.goto(address)
        found += [address, page.get_attribute("#result_list tbody th a", "href")]
    return found


def test_every_page_fits_a_phone_and_runs_nothing_hostile(platform: Stack, browse: Browsing) -> None:
    page = browse.open(**PHONE, color_scheme="dark")
    for address in pages_of(page):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        assert page.query_selector("img[src=x]") is None, address
        shown = page.inner_text("body") + " ".join(
            page.eval_on_selector_all("input", "all => all.map(one => one.value)")
        )
        assert HOSTILE in shown, address


def test_an_alert_is_seen_silenced_and_written_down(platform: Stack, browse: Browsing) -> None:
    page = browse.open()
    page.goto("/admin/dashboard")
    assert f"It says {HOSTILE}" in page.inner_text(".m-alerts")
    page.click("text=All alerts, rules and channels")
    page.check("#result_list tbody tr:first-child input.action-select")
    page.select_option("select[name=action]", "silence_an_hour")
    page.click("button[name=index]")
    page.wait_for_selector("text=Nobody is told of these for a while")
    page.goto("/admin/dashboard")
    assert "silenced" in page.inner_text(".m-alerts")
    page.goto("/admin/monitoring/alertevent/")
    assert "Silenced" in page.inner_text("#result_list")
    assert "3 attempts" in page.inner_text("#result_list")
