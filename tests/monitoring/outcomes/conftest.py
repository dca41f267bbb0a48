"""Fixtures for feedback: recorded predictions, as the shipper would have left them."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.models import Outcome, PredictionLog
from registry.models import ModelVersion, RegisteredModel


@pytest.fixture
def noon() -> datetime:
    """Noon of yesterday (UTC)."""
    today = timezone.now().astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return today - timedelta(days=1)


@pytest.fixture
def classifier(toy_version: ModelVersion) -> ModelVersion:
    """The toy model's version 1, with the classes no and yes."""
    toy_version.signature = {"task": "classification", "classes": ["no", "yes"]}
    toy_version.save()
    return toy_version


@pytest.fixture
def regressor(ada: Any) -> ModelVersion:
    """A version that predicts numbers."""
    model = RegisteredModel.objects.create(name="price", task="regression", owner=ada)
    return ModelVersion.objects.create(
        model=model, number=1, status="ready", created_by=ada, format="onnx", runtime="onnx",
        artifact="price/v1/model.onnx", sha256="0" * 64, size_bytes=1, signature={"task": "regression"},
    )  # fmt: skip


@pytest.fixture
def predicted(noon: datetime) -> Callable[..., PredictionLog]:
    """Makes the record of a prediction; named values replace the usual ones."""

    def make(version: ModelVersion, said: Any = "yes", shares: Any = None, **values: Any) -> PredictionLog:
        usual = {
            "id": uuid.uuid4(), "model": version.model, "version": version, "user": version.created_by,
            "outcome": Outcome.OK, "status_code": 200, "instance_count": 1, "latency_ms": 1.0, "created_at": noon,
            "confidence": max(shares) if shares else None,
            "input": {"instances": [[1.0, 2.0]]},
            "output": {"predictions": [said], "probabilities": None if shares is None else [shares]},
        }  # fmt: skip
        return PredictionLog.objects.create(**usual | values)

    return make
