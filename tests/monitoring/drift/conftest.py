"""Fixtures for drift: a version whose requests are recorded and summed as the shipper does it."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from monitoring import spool
from registry.models import Deployment, ModelVersion, RegisteredModel


@pytest.fixture
def watched(toy_version: ModelVersion, ada: Any) -> ModelVersion:
    """The toy model's version 1, live, with a number and a colour as inputs, and the classes no and yes."""
    RegisteredModel.objects.update(handler="tabular")
    toy_version.signature = {
        "handler": "tabular", "task": "classification", "classes": ["no", "yes"],
        "inputs": [{"name": "size", "dtype": "float32"}, {"name": "colour", "dtype": "string"}],
    }  # fmt: skip
    toy_version.save()
    Deployment.objects.create(
        model=toy_version.model, version=toy_version, action="activate", by=ada, activated_at=timezone.now()
    )
    return toy_version


@pytest.fixture
def asked(watched: ModelVersion) -> Callable[..., None]:
    """Records `count` requests whose sizes have a mean, evenly over the hours that end `ago` hours ago."""

    def ask(count: int, *, mean: float = 0.0, ago: float = 0.0, hours: float = 20.0, **values: Any) -> None:
        draw = np.random.default_rng(int(mean * 10) + count)
        end = timezone.now() - timedelta(hours=ago)
        for at in range(count):
            size = float(draw.normal(mean))
            share = 1 / (1 + float(np.exp(-size)))
            said = "yes" if share > 0.5 else "no"
            spool.append(
                _record(watched, end - timedelta(hours=hours) * (at + 1) / (count + 1))
                | {
                    "confidence": max(share, 1 - share),
                    "input": {"instances": [[size, "red" if at % 3 else "blue"]]},
                    "output": {"predictions": [said], "probabilities": [[1 - share, share]]},
                }
                | values
            )
        spool.ship_once()

    return ask


def _record(version: ModelVersion, at: datetime) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()), "request_id": "r", "at": at.timestamp(), "model_id": version.model_id,
        "version_id": version.pk, "user_id": version.created_by_id, "key_id": None, "subject_id": "", "outcome": "ok",
        "status_code": 200, "error_code": "", "instance_count": 1, "latency_ms": 1.0, "inference_ms": 0.5,
    }  # fmt: skip
