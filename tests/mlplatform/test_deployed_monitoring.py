"""The dashboards and rules below deploy/ use only metrics and labels that exist, and runbooks that are written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from accounts import metrics
from mlplatform import metrics_page
from tests.mlplatform.headings import anchors

DEPLOY = settings.BASE_DIR / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
RULES = DEPLOY / "prometheus" / "rules.yml"
FILES = [*DASHBOARDS, RULES, DEPLOY / "prometheus" / "rules_test.yml"]
FROM_PROMETHEUS = {"instance", "job", "le"}


def labels_by_name() -> dict[str, set[str]]:
    counted = [*metrics.COUNTED, *metrics_page.borrowed_metrics()]
    found = {state.name: set(state.labels) for state in metrics.STATES}
    for metric in counted:
        for ending in ("_total", "_bucket", "_sum", "_count"):
            found[metric._name + ending] = set(metric._labelnames)
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_metric_they_name_exists(file: Path) -> None:
    named = set(re.findall(r"(?<![\w:/$-])(?:ml|django)_\w+", file.read_text()))

    assert len(named) >= 5
    assert sorted(named - metrics_page.sample_names()) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_label_they_name_exists(file: Path) -> None:
    known = labels_by_name()
    wrong = []
    for name, selectors in re.findall(r"((?:ml|django)_\w+)\{([^}]*)\}", file.read_text()):
        labels = set(re.findall(r"(\w+)\s*[=!]~?\s*\\?[\"']", selectors))
        wrong += [(name, label) for label in labels - known[name] - FROM_PROMETHEUS]

    assert wrong == []


@pytest.mark.parametrize("rule", [rule for rule in rules() if "alert" in rule], ids=lambda rule: rule["alert"])
def test_every_alert_says_how_grave_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")

    assert rule["labels"]["severity"] in ("warning", "critical")
    assert anchor in anchors(settings.BASE_DIR / page)


def test_what_is_recorded_is_used() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    used = "\n".join(rule["expr"] for rule in rules() if "alert" in rule)

    assert {name for name in recorded if name not in used} == set()


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.name)
def test_a_dashboards_panels_have_places_of_their_own_and_the_provisioned_source(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    sources = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert dashboard["templating"]["list"][0]["current"]["value"] in {source["uid"] for source in sources}
