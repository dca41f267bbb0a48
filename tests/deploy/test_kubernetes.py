"""The files for Kubernetes: valid by its schemas, safe by the restricted profile, rolling without a failed request."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from mlplatform import checks, env

KUBERNETES = settings.BASE_DIR / "deploy" / "kubernetes"
BASE = KUBERNETES / "base"
OVERLAYS = sorted(path.parent for path in (KUBERNETES / "overlays").glob("*/kustomization.yaml"))
VERSION = "1.31"
KINDS = {
    "Namespace", "ConfigMap", "PersistentVolumeClaim", "Job", "Deployment", "Service", "Ingress",
    "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy",
}  # fmt: skip


def read(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text())
    assert isinstance(found, dict)
    return found


def listed() -> list[dict[str, Any]]:
    return [read(BASE / name) for name in read(BASE / "kustomization.yaml")["resources"]]


@pytest.fixture(scope="module", params=OVERLAYS, ids=lambda path: path.name)
def built(request: Any) -> list[dict[str, Any]]:
    """What an overlay makes, by kustomize; skipped where there is none."""
    if kubectl := shutil.which("kubectl"):
        command = [kubectl, "kustomize"]
    elif kustomize := shutil.which("kustomize"):
        command = [kustomize, "build"]
    else:
        pytest.skip("neither kubectl nor kustomize is installed")
    made = subprocess.run([*command, request.param], capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    return list(yaml.safe_load_all(made.stdout))


def pods(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in resources
        if each["kind"] in ("Deployment", "Job")
    }


def test_every_file_is_used_and_every_kind_is_there() -> None:
    page = read(BASE / "kustomization.yaml")
    used = {*page["resources"], *(patch["path"] for patch in page["patches"]), "kustomization.yaml"}
    assert used == {path.name for path in BASE.iterdir()}
    assert {each["kind"] for each in listed()} == KINDS


def test_each_is_valid_by_the_published_schemas(built: list[dict[str, Any]]) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for each in [*built, read(KUBERNETES / "secret.example.yaml")]:
        kubernetes_validate.validate(each, VERSION, strict=True)


def test_pods_satisfy_the_restricted_profile(built: list[dict[str, Any]]) -> None:
    found = pods(built)
    assert set(found) == {"web", "jobs", "migrate"}
    for pod in found.values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in pod["volumes"]}
            assert not container["image"].endswith(":latest")
            assert ":" in container["image"]


def test_settings_exist_and_secrets_come_as_files_of_the_template(built: list[dict[str, Any]]) -> None:
    [config] = [each for each in built if each["kind"] == "ConfigMap"]
    assert sorted(set(config["data"]) - set(env.DECLARED)) == ["HOSTS"]
    template = read(KUBERNETES / "secret.example.yaml")
    assert set(checks.SECRETS) < set(template["stringData"])
    for pod in pods(built).values():
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            given = {entry["name"]: entry for entry in container["env"]}
            files = {name.removesuffix("_FILE"): entry["value"] for name, entry in given.items() if "_FILE" in name}
            assert files == {name: f"/run/secrets/mlplatform/{name}" for name in template["stringData"]}
            assert given["ALLOWED_HOSTS"]["value"] == "$(HOSTS),$(POD_IP)"


def test_a_rollout_keeps_every_server_until_another_is_ready_and_waits_for_the_migrations(
    built: list[dict[str, Any]],
) -> None:
    web = next(each["spec"] for each in built if each["kind"] == "Deployment" and each["metadata"]["name"] == "web")
    assert web["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    pod = web["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= env.DECLARED["LAME_DUCK_SECONDS"].default + 40
    [container] = pod["containers"]
    probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert probes == {"startup": "/ready", "readiness": "/ready", "liveness": "/health"}
    noticed_after = container["readinessProbe"]["periodSeconds"] * container["readinessProbe"]["failureThreshold"]
    assert noticed_after < env.DECLARED["LAME_DUCK_SECONDS"].default
    for name in ("web", "jobs"):
        assert [each["args"] for each in pods(built)[name]["initContainers"]] == [["migrate", "--check"]]
    assert "initContainers" not in pods(built)["migrate"]


def test_selectors_find_the_pods_they_mean(built: list[dict[str, Any]]) -> None:
    by_kind = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in built if "spec" in each}
    labels = by_kind["Deployment", "web"]["template"]["metadata"]["labels"]
    assert by_kind["Deployment", "web"]["selector"]["matchLabels"].items() <= labels.items()
    assert by_kind["Service", "web"]["selector"].items() <= labels.items()
    assert by_kind["PodDisruptionBudget", "web"]["selector"]["matchLabels"].items() <= labels.items()
    assert by_kind["NetworkPolicy", "mlplatform"]["podSelector"]["matchLabels"].items() <= labels.items()
    target = by_kind["HorizontalPodAutoscaler", "web"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "web")
    backend = by_kind["Ingress", "web"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == "web"
    assert backend["port"]["name"] in {port["name"] for port in by_kind["Service", "web"]["ports"]}


def test_no_secret_is_in_the_files() -> None:
    for path in KUBERNETES.rglob("*.yaml"):
        values = re.findall(r"(?:SECRET_KEY|_KEY|PEPPER|PASSWORD): (\S+)", path.read_text())
        assert set(values) <= {"change-me"}, path
