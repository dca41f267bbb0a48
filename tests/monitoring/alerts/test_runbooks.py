"""The runbooks as a page of the admin, and what leads to it."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from monitoring.alerts import kinds, runbooks
from monitoring.alerts.models import Alert, AlertRule, Kind

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client, root: Any) -> Client:
    client.force_login(root)
    return client


def test_the_page_has_the_section_that_each_kind_of_alert_leads_to(admin: Client) -> None:
    page = admin.get(reverse("runbooks")).content.decode()
    sections = set(re.findall(r'<section class="[^"]+" id="([^"]+)"', page))

    assert {runbooks.link(kind) for kind in Kind} <= {f"/admin/runbooks#{one}" for one in sections}
    assert set(re.findall(r'<a href="#([^"]+)"', page)) <= sections | {"main-content"}


def test_all_marks_of_the_text_are_understood(admin: Client) -> None:
    page = admin.get(reverse("runbooks")).content.decode()
    shown = "".join(re.findall(r"<section.*?</section>", page, re.DOTALL))
    prose = unescape(re.sub(r"<(pre|code).*?</\1>|<[^>]+>", "", shown, flags=re.DOTALL))

    assert not re.search(r"[`*#\[\]]", prose)
    assert "unzip -p FILE.backup manifest.json | jq" in unescape(shown)


def test_alerts_link_to_the_page_or_to_the_address_of_a_copy(admin: Client, settings: Any, toy_model: Any) -> None:
    rule = AlertRule.objects.get(name="drift")
    alert = Alert.objects.create(rule=rule, subject="toy:1", model=toy_model, state="firing", text="It drifts.")
    places = [f"/admin/monitoring/alert/{alert.pk}/change/", reverse("dashboard")]

    for address, copy in (("/admin/runbooks", ""), ("https://wiki.example/runbooks", "https://wiki.example/runbooks")):
        settings.RUNBOOKS_URL = copy
        for place in places:
            assert f'<a href="{address}#drift">' in admin.get(place).content.decode()


def test_who_is_told_from_afar_gets_an_address_where_there_is_one(settings: Any) -> None:
    settings.ALERT_SITE_URL = "https://ml.example/"
    assert kinds.runbook("drift") == "https://ml.example/admin/runbooks#drift"
    settings.RUNBOOKS_URL = "https://wiki.example/runbooks"
    assert kinds.runbook("drift") == "https://wiki.example/runbooks#drift"


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    assert client.get(reverse("runbooks")).status_code == 302
