"""The compose file: valid by the published schema, hardened, and naming only what is there."""

import json
import re
from importlib import resources
from typing import Any

import pytest
import yaml
from django.conf import settings

from mlplatform import checks, env

DEPLOY = settings.BASE_DIR / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)


def test_it_is_valid_by_the_schema_of_compose() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    pytest.importorskip("check_jsonschema")
    schema = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    jsonschema.validate(COMPOSE, json.loads(schema))


def test_every_part_of_an_installation_is_there() -> None:
    assert set(SERVICES) == {
        "migrate", "web-1", "web-2", "jobs", "nginx", "postgres", "redis", "prometheus", "grafana",
    }  # fmt: skip
    assert OURS == ["jobs", "migrate", "web-1", "web-2"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"postgres"}))
def test_a_container_can_write_only_its_volumes_and_has_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_names_is_there(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], source
    if service.get("image") and "build" not in service:
        assert re.search(r":v?\d", service["image"]), "a version, never `latest`"


@pytest.mark.parametrize("name", OURS)
def test_the_platform_is_given_every_secret_as_a_file_and_no_unknown_setting(name: str) -> None:
    given = SERVICES[name]["environment"]
    assert {f"{secret}_FILE" for secret in (*checks.SECRETS, "DATABASE_URL", "REDIS_PASSWORD")} <= set(given)
    assert sorted(key for key in given if key.removesuffix("_FILE") not in env.DECLARED) == []
    files = {value for key, value in given.items() if key.endswith("_FILE")}
    assert files == {f"/run/secrets/{secret}" for secret in SERVICES[name]["secrets"]}


def test_secrets_are_the_files_that_the_script_draws() -> None:
    script = (DEPLOY / "secrets.sh").read_text()
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
        assert re.search(rf"\b{name}\b", script)


def test_servers_and_job_runners_are_hosts_of_their_own_that_share_the_model_files() -> None:
    own = [SERVICES[name]["volumes"][0].split(":") for name in OURS]
    assert [target for _, target in own] == ["/var/lib/mlplatform"] * 4
    assert len({source for source, _ in own}) == 4
    for name in OURS:
        assert SERVICES[name]["volumes"][1] == f"models:{SERVICES[name]['environment']['MODEL_PATH']}"
        assert SERVICES[name].get("hostname", name) == name


def test_the_proxy_and_prometheus_know_the_servers_by_their_fixed_addresses() -> None:
    addresses = {SERVICES[name]["networks"]["inside"]["ipv4_address"] for name in ("web-1", "web-2")}
    upstream = (DEPLOY / "compose" / "upstream.conf").read_text()
    assert set(re.findall(r"^server ([\d.]+):8000 ", upstream, re.MULTILINE)) == addresses
    scraped = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())["scrape_configs"][0]
    assert set(scraped["static_configs"][0]["targets"]) == {f"{address}:8000" for address in addresses}
    settings_given = SERVICES["web-1"]["environment"]
    assert addresses < set(settings_given["ALLOWED_HOSTS"].split(","))
    prometheus = SERVICES["prometheus"]["networks"]["inside"]["ipv4_address"]
    assert settings_given["METRICS_NETWORKS"] == f"{prometheus}/32"


def test_only_the_proxy_is_reached_from_outside_and_a_stop_is_given_its_time() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"nginx", "grafana"}
    assert all(port.startswith("127.0.0.1:") for port in published["grafana"])
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in OURS:
        assert SERVICES[name]["stop_grace_period"] == "60s"


def test_grafana_is_given_our_dashboards_and_their_source() -> None:
    source = yaml.safe_load((DEPLOY / "compose/datasources/prometheus.yml").read_text())["datasources"][0]
    shipped = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert source | {"url": ""} == shipped | {"url": ""}
    assert any(volume.startswith("./grafana/dashboards:") for volume in SERVICES["grafana"]["volumes"])
