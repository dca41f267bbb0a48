"""Every alert has a runbook that says all an operator needs, and everything that names one leads to it."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings

from monitoring.alerts import kinds
from monitoring.alerts.models import AlertRule
from tests.mlplatform.headings import anchors

PAGE = settings.BASE_DIR / "docs" / "runbooks.md"
RULES = settings.BASE_DIR / "deploy" / "prometheus" / "rules.yml"
PARTS = ["Means", "Users see", "Look", "Do", "Over when"]


def sections() -> dict[str, str]:
    """Each section of the page by its anchor."""
    texts = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(anchors(PAGE)[1:], texts, strict=True))


def named_in(section: str) -> set[str]:
    """The alerts that a section says it is for."""
    return set(re.findall(r"`([\w-]+)`", section.split("\n\n")[1]))


def prometheus_alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


@pytest.mark.parametrize("text", sections().values(), ids=sections())
def test_a_runbook_says_what_it_means_what_to_do_and_when_it_is_over(text: str) -> None:
    assert re.findall(r"^\*\*([\w ]+)\.\*\* \S", text, re.MULTILINE) == PARTS


def test_every_alert_of_prometheus_leads_to_the_section_that_names_it() -> None:
    for name, rule in prometheus_alerts().items():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert settings.BASE_DIR / page == PAGE
        assert name in named_in(sections()[anchor]), name


@pytest.mark.django_db
def test_every_rule_of_the_platform_leads_to_the_section_that_names_it() -> None:
    for rule in AlertRule.objects.all():
        page, _, anchor = kinds.runbook(rule.kind).partition("#")
        assert settings.BASE_DIR / page == PAGE
        assert rule.name in named_in(sections()[anchor]), rule.name


@pytest.mark.django_db
def test_no_runbook_is_for_an_alert_that_does_not_exist() -> None:
    known = prometheus_alerts().keys() | set(AlertRule.objects.values_list("name", flat=True))

    assert set().union(*map(named_in, sections().values())) == known


def test_an_address_of_the_runbooks_is_told_where_there_is_one(settings: Any) -> None:
    settings.RUNBOOKS_URL = "https://wiki.example/runbooks"

    assert kinds.runbook("drift") == "https://wiki.example/runbooks#drift"
    assert kinds.runbook("of a release to come") == "https://wiki.example/runbooks"
