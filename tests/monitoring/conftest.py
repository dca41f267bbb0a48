"""Fixtures for prediction records: a spool of the test's own and toy models to record against."""

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from registry.models import ModelVersion, RegisteredModel, Status


@pytest.fixture
def toy_model(ada: Any) -> RegisteredModel:
    """A private model of Ada's."""
    return RegisteredModel.objects.create(name="toy", task="classification", owner=ada)


@pytest.fixture
def make_version(toy_model: RegisteredModel) -> Callable[[int], ModelVersion]:
    """Makes ready versions of the toy model."""

    def make(number: int) -> ModelVersion:
        return ModelVersion.objects.create(
            model=toy_model,
            number=number,
            status=Status.READY,
            created_by=toy_model.owner,
            format="onnx",
            runtime="onnx",
            artifact=f"toy/v{number}/model.onnx",
            sha256="0" * 64,
            size_bytes=1,
        )

    return make


@pytest.fixture
def toy_version(make_version: Any) -> ModelVersion:
    """Version 1 of the toy model."""
    return make_version(1)


@pytest.fixture
def record(toy_version: ModelVersion) -> Callable[..., dict[str, Any]]:
    """Makes spool records of the toy model's version 1; named values replace the usual ones."""

    def make(**values: Any) -> dict[str, Any]:
        usual = {
            "id": str(uuid.uuid4()),
            "request_id": "req-1",
            "at": time.time(),
            "model_id": toy_version.model_id,
            "version_id": toy_version.pk,
            "user_id": toy_version.created_by_id,
            "key_id": None,
            "subject_id": "",
            "outcome": "ok",
            "status_code": 200,
            "error_code": "",
            "instance_count": 1,
            "latency_ms": 2.5,
            "inference_ms": 1.0,
            "confidence": 0.9,
            "input": {"instances": [[1.0, 2.0]]},
            "output": {"predictions": ["yes"]},
        }
        if isinstance(values.get("at"), datetime):
            values["at"] = values["at"].timestamp()
        return usual | values

    return make
