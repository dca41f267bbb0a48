"""Toy models of every kind, live, and two doors to them."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from accounts import services as accounts_services
from registry import generation, services
from registry.models import ModelVersion
from tests import toys
from tests.parity.doors import Door


@pytest.fixture
def publish_toy(ada: Any) -> Callable[[str, bytes, dict[str, Any]], Any]:
    """Makes an ONNX file the live version of a model, with a signature that needs no finding out."""

    def publish(name: str, file: bytes, signature: dict[str, Any]) -> Any:
        services.upload_version(by=ada, name=name, file=io.BytesIO(file))
        claimed = services.claim_for_validation(seconds=60, max_attempts=3)
        version = services.mark_ready(
            version=claimed,
            task=signature["task"],
            handler=signature["handler"],
            compiled=None,
            runtime="onnx",
            signature=signature,
            golden=None,
            memory_bytes=10_000,
        )
        services.activate(version=version, by=ada)
        return version

    return publish


@pytest.fixture(autouse=True)
def long_memory(settings: Any) -> None:
    """What was verified stays verified for as long as a test runs, and a row more than usual passes."""
    settings.CREDENTIAL_CACHE_SECONDS = 600.0
    settings.CORS_ALLOWED_ORIGINS = ["https://friend.example"]
    settings.RATE_LIMIT_REQUESTS = settings.RATE_LIMIT_KEY_REQUESTS = 100


@pytest.fixture
def world(ada: Any, served_version: Any, publish_toy: Any) -> dict[str, Any]:
    """Every reference of the corpus: live, an old version, a deprecated one, one with nothing live."""
    first = served_version("oracle", offset=1000.0)
    second = served_version("oracle", offset=2000.0)
    services.activate(version=first, by=ada)
    old = served_version("old", offset=1.0)
    services.activate(version=old, by=ada)
    ModelVersion.objects.filter(pk=old.pk).update(status="deprecated")
    served_version("idle")
    publish_toy("words", toys.words(), toys.WORDS_SIGNATURE)
    publish_toy("image", toys.image(), toys.IMAGE_SIGNATURE)
    generation.signal()
    return {"id": first.model.pk, "versions": (first, second)}


@pytest.fixture
def key(ada: Any) -> Callable[..., dict[str, str]]:
    def make(by: Any = ada, **facts: Any) -> dict[str, str]:
        facts = {"scopes": ["predict"], **facts}
        return {"HTTP_X_API_KEY": accounts_services.create_key(by=by, owner=by, name="tests", **facts)[1]}

    return make


@pytest.fixture
def doors(world: Any) -> tuple[Door, Door]:
    return Door(with_lane=False), Door(with_lane=True)
