"""The classifier, trained and proved once for all tests, and published afresh for each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts import tokens
from inference import jobs, validation
from registry import services
from solutions import catalogue, publishing
from solutions.notifications import training
from solutions.trained import TrainedModel
from solutions.work import PlainWork
from tests import kept

SEED = 20


@pytest.fixture(scope="session")
def trained() -> TrainedModel:
    """What `manage.py train notifications` yields."""
    (model,) = kept.once("notifications", lambda: list(training.train(PlainWork(seed=SEED))))
    return model


@pytest.fixture(scope="session")
def proved(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> validation.ValidationResult:
    """What the sandbox makes of it."""
    file: Path = tmp_path_factory.mktemp("trained") / "model.joblib"
    file.write_bytes(trained.artifact)
    return kept.verdict(
        artifact=file,
        format="sklearn",
        task=trained.task,
        handler=trained.handler,
        sample=trained.sample,
        expected=trained.expected,
    )


@pytest.fixture
def publish(
    trained: TrainedModel, proved: validation.ValidationResult, monkeypatch: pytest.MonkeyPatch, ada: Any
) -> Callable[[], Any]:
    """Makes the next version of the model, ready, as Ada."""
    assert "notifications" in catalogue.SOLUTIONS

    def make() -> Any:
        version = publishing.upload(by=ada, solution="notifications", trained=trained, seed=SEED)
        with monkeypatch.context() as patched:
            patched.setattr(jobs, "_prove", lambda version, progress: proved)
            assert jobs.validate_next()
        version.refresh_from_db()
        assert version.status == "ready", version.failure
        return version

    return make


@pytest.fixture
def live(publish: Callable[[], Any], ada: Any) -> Any:
    """Version 1, live."""
    version = publish()
    services.activate(version=version, by=ada)
    return version


class Api:
    """Calls below /api/v1/ml/ as one person."""

    def __init__(self, person: Any) -> None:
        self._headers = {"Authorization": f"Bearer {tokens.issue(person).access}"}
        self._client = Client()

    def post(self, path: str, body: Any = None) -> Any:
        return self._client.post(
            f"/api/v1/ml/{path}", {} if body is None else body, content_type="application/json", headers=self._headers
        )

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(f"/api/v1/ml/{path}", query, headers=self._headers)

    def delete(self, path: str) -> Any:
        return self._client.delete(f"/api/v1/ml/{path}", headers=self._headers)


@pytest.fixture
def api(ada: Any) -> Api:
    """Ada's: her model, so every right."""
    return Api(ada)


@pytest.fixture
def bobs_api(bob: Any) -> Api:
    """Another data scientist's."""
    return Api(bob)
