"""GET /monitoring/health."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.principal import principal_for
from inference.validation import sandbox
from monitoring import processes
from monitoring.models import ServingProcess
from registry import services
from registry.models import ModelVersion, RegisteredModel

pytestmark = pytest.mark.django_db
URL = "/monitoring/health"


def ask(user: Any, **limits: Any) -> Any:
    client = APIClient()
    client.force_authenticate(user, principal_for(user, **limits))
    return client.get(URL)


def beat(*, is_ready: bool = True, loaded: bool = True, **facts: Any) -> None:
    """A process that says it holds version 1 of the oracle."""
    models = [{"model": "oracle", "version": 1, "memory_bytes": 10, "load_ms": 1.0}] if loaded else []
    memory = {"current_bytes": 100, "peak_bytes": 150, "limit_bytes": 1000, "within_limits": True}
    said = {"models": models, "failed": {}, "memory": memory, **facts}
    processes.beat(processes.register("web", ServingProcess.objects.count() + 1).pk, is_ready, said)


@pytest.fixture
def live(served_version: Any, ada: Any) -> ModelVersion:
    version: ModelVersion = served_version("oracle")
    services.activate(version=version, by=ada)
    return version


@pytest.mark.usefixtures("live")
def test_two_processes_are_added_up(ada: Any) -> None:
    for state in ("closed", "open"):
        cache = {"prediction_cache.hits": 3, "prediction_cache.misses": 1}
        beat(prediction_cache={"size": 2}, counters=cache, breakers={"redis": state}, spool={"dropped": 1})
    answer = ask(ada)
    body = answer.json()
    assert (answer.status_code, body["status"], body["scope"], body["is_compiled"]) == (200, "ok", "cluster", False)
    told = body["models"]["oracle"]
    assert (told["status"], told["version"], told["loaded_in"], told["prediction_count"]) == ("healthy", 1, 2, 0)
    assert body["cache"]["prediction_cache"] == {"size": 4, "hits": 6, "misses": 2, "hit_rate": 0.75}
    assert body["memory"]["current_bytes"] == 200
    assert body["memory"]["model_breakdown"] == {"oracle:1": 20}
    assert body["processes"] == {"alive": 2, "ready": 2, "not_ready": 0, "failed": {}}
    assert (body["breakers"], body["spool"]["dropped"]) == ({"redis": "open"}, 2)


@pytest.mark.usefixtures("live")
def test_a_required_model_that_no_process_can_load_is_503(ada: Any, root: Any) -> None:
    beat(is_ready=True, loaded=False, failed={"oracle:1": "the file is gone"})
    answer = ask(ada)
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert answer.json()["error"]["code"] == "models_unavailable"
    assert answer.json()["error"]["request_id"] == answer.headers["X-Request-ID"]
    assert answer.json()["models"]["oracle"]["status"] == "failing"
    assert "list" not in answer.json()["processes"]
    assert ask(root).json()["processes"]["list"][0]["failed"] == {"oracle:1": "the file is gone"}


@pytest.mark.usefixtures("live")
def test_one_process_of_two_that_cannot_load_it_is_degraded(ada: Any) -> None:
    beat()
    beat(is_ready=False, loaded=False, failed={"oracle:1": "no memory"})
    answer = ask(ada)
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["processes"]["failed"] == {"oracle:1": 1}


@pytest.mark.usefixtures("live")
def test_no_process_is_503_and_between_two_beats_is_not(ada: Any) -> None:
    assert ask(ada).status_code == 503
    beat(loaded=False)
    assert (ask(ada).status_code, ask(ada).json()["models"]["oracle"]["status"]) == (200, "loading")


def test_a_lazy_model_is_not_required(live: ModelVersion, ada: Any) -> None:
    RegisteredModel.objects.filter(pk=live.model_id).update(load_policy="lazy")
    assert ask(ada).status_code == 200


def test_damage_and_quarantine_are_told(live: ModelVersion, ada: Any) -> None:
    beat()
    ModelVersion.objects.filter(pk=live.pk).update(damage={"code": "altered"})
    damaged = ask(ada).json()
    assert (damaged["status"], damaged["models"]["oracle"]["status"]) == ("degraded", "damaged")
    assert damaged["damaged"] == [{"model": "oracle", "version": 1, "code": "altered"}]
    services.quarantine(version=live, reason="3 crashes")
    assert ask(ada).json()["quarantined"][0]["reason"] == "3 crashes"


@pytest.mark.usefixtures("live")
def test_others_read_nothing_of_a_private_model(bob: Any, ada: Any) -> None:
    beat(failed={"oracle:1": "secret path"})
    for answer in (ask(bob), ask(ada, model_names=["another"])):
        assert "oracle" not in answer.content.decode()
        assert "secret" not in answer.content.decode()


def test_a_missing_layer_turns_code_uploads_off(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "layers", lambda: {"landlock": False, "seccomp": True})
    told = ask(ada).json()["sandbox"]
    assert (told["code_uploads"], told["missing"]) == (False, ["landlock"])


def test_the_number_of_queries_does_not_grow(served_version: Any, ada: Any, django_assert_max_num_queries: Any) -> None:
    for name in ("a", "b", "c"):
        services.activate(version=served_version(name), by=ada)
        beat()
        with django_assert_max_num_queries(10):
            ask(ada)
    with django_assert_max_num_queries(0):
        assert APIClient().get("/health").status_code == 200


def test_the_first_page_of_the_admin_names_damaged_versions(live: ModelVersion, root: Any, client: Any) -> None:
    client.force_login(root)
    assert "is damaged" not in client.get("/admin/").content.decode()
    ModelVersion.objects.filter(pk=live.pk).update(damage={"code": "altered"})
    assert "is damaged" in client.get("/admin/").content.decode()
