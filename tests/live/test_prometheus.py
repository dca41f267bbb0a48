"""The files below deploy/ with the real promtool and in a real Prometheus that scrapes the real platform."""

import http.client
import json
import re
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.stack import ROOT, Stack, free_port, wait_until

DEPLOY = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "mlplatform.json"

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.django_db(databases=[]),
    pytest.mark.skipif(not shutil.which("promtool"), reason="needs Prometheus: apt-get install prometheus"),
]


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], cwd=DEPLOY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "--syntax-only", "prometheus.yml"),
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    assert "SUCCESS" in promtool(*arguments)


class Prometheus:
    """A real one, with our configuration pointed at a running platform."""

    def __init__(self, directory: Path, target: Stack) -> None:
        self.port, self._directory = free_port(), directory
        shutil.copy(DEPLOY / "rules.yml", directory)
        (directory / "mlplatform.key").write_text(target.key)
        text = (DEPLOY / "prometheus.yml").read_text()
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{target.port}").replace("15s", "1s")
        (directory / "prometheus.yml").write_text(text)
        self._log = (directory / "prometheus.log").open("wb")
        command = [
            "prometheus",
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def get(self, path: str, **query: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(query)}")
            body = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert body["status"] == "success", (query, body)
        return body["data"]

    def query(self, expression: str) -> list[Any]:
        found: list[Any] = self.get("query", query=expression)["result"]
        return found

    def log(self) -> str:
        return (self._directory / "prometheus.log").read_text()[-4000:]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        self._log.close()


@pytest.fixture
def scene(stack: Any, oracle: Any, tmp_path: Path) -> Iterator[tuple[Stack, Prometheus]]:
    """A platform that answered 21 requests, refused 4, and a Prometheus that has seen it."""
    running = stack(workers=2)
    oracle(running, 1)
    assert running.call("POST", "/api/v1/models/oracle/versions/1/activate", {})[0] == 200
    prometheus = Prometheus(tmp_path, running)
    try:
        wait_until(lambda: is_up(prometheus), 120, prometheus.log)
        for _ in range(21):
            assert running.call("POST", "/api/v1/predict/oracle", {"instances": [[1.0, 0.0]]})[0] == 200
        for _ in range(4):
            assert running.call("POST", "/api/v1/predict/oracle", {"instances": [["one", 0.0]]})[0] == 422
        yield running, prometheus
    finally:
        prometheus.stop()


def is_up(prometheus: Prometheus) -> bool:
    try:
        return [sample["value"][1] for sample in prometheus.query("up")] == ["1"]
    except (OSError, ValueError):  # it does not listen, or is not ready
        return False


def expressions() -> list[str]:
    dashboard = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    found += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    return [re.sub(r"\$(model|instance)\b", ".*", expression).replace("$__rate_interval", "1m") for expression in found]


def test_a_real_prometheus_reads_the_page_and_its_totals_are_right(scene: tuple[Stack, Prometheus]) -> None:
    _, prometheus = scene
    total = "sum(ml_prediction_total{model='oracle'})"
    wait_until(lambda: [sample["value"][1] for sample in prometheus.query(total)] == ["25"], 120, prometheus.log)

    invalid = prometheus.query("sum(ml_invalid_input_total{model='oracle'})")
    assert [sample["value"][1] for sample in invalid] == ["4"]
    assert [sample["value"][1] for sample in prometheus.query("max(ml_registry_active_version)")] == ["1"]
    targets = prometheus.get("targets")["activeTargets"]
    assert [(target["health"], target["lastError"]) for target in targets] == [("up", "")]


def test_every_rule_is_evaluated_and_nothing_fires_on_a_healthy_platform(scene: tuple[Stack, Prometheus]) -> None:
    _, prometheus = scene

    def rules() -> list[Any]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    wait_until(lambda: {rule["health"] for rule in rules()} == {"ok"}, 120, lambda: str(rules()))
    assert len([rule for rule in rules() if rule["type"] == "alerting"]) >= 12
    assert prometheus.get("alerts")["alerts"] == []


def test_every_panel_of_the_dashboard_asks_what_prometheus_understands(scene: tuple[Stack, Prometheus]) -> None:
    _, prometheus = scene
    time.sleep(3)  # rates need two scrapes

    answered = {expression: prometheus.query(expression) for expression in expressions()}

    with_data = [expression for expression, result in answered.items() if result]
    # What tells of trouble (fallbacks, exceptions, damage) rightly finds nothing.
    assert len(with_data) >= 0.6 * len(answered), sorted(set(answered) - set(with_data))


def test_a_platform_that_is_gone_raises_the_alarm(scene: tuple[Stack, Prometheus]) -> None:
    running, prometheus = scene
    running.stop("server")

    def pending() -> set[str]:
        return {alert["labels"]["alertname"] for alert in prometheus.get("alerts")["alerts"]}

    wait_until(lambda: "PlatformDown" in pending(), 120, prometheus.log)
