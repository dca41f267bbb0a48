"""The three models as the folder ships them, live without having passed the sandbox: that is tested elsewhere."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest

from accounts import services as accounts_services
from accounts.principal import principal_for
from inference.signature import Column, Feed, Signature
from registry import services
from registry.models import ModelVersion
from solutions.images import ADVICE, FAMILY, QUALITY, features
from solutions.images.production import formats
from solutions.images.services import Asked
from solutions.images.training import shipped

INPUTS = {QUALITY: ["image", "parameters"], FAMILY: ["image"], ADVICE: ["features"]}
OUTPUTS = {QUALITY: ["ssim"], FAMILY: ["probabilities"], ADVICE: ["variable"]}


def signature_of(name: str) -> dict[str, Any]:
    """As validation finds it."""
    if name != ADVICE:
        return formats.signature_of(name, inputs=INPUTS[name], outputs=OUTPUTS[name]).to_dict()
    count = len(features.NAMES)
    columns = tuple(Column(feature, "float64") for feature in features.NAMES)
    feed = Feed("features", "float64", tuple(range(count)), (-1, count))
    return Signature("tabular", "regression", columns, (feed,), "variable", multi_output=8).to_dict()


@pytest.fixture(scope="session")
def logos() -> list[str]:
    """A logo of each family, twice, in base64."""
    return next(list(one.sample) for one in shipped() if one.name == FAMILY)


@pytest.fixture(scope="session")
def logo(logos: list[str]) -> bytes:
    """A simple logo as a PNG file."""
    return base64.b64decode(logos[0])


@pytest.fixture
def make_live(root: Any) -> Callable[..., ModelVersion]:
    def make_live(name: str, content: bytes | None = None) -> ModelVersion:
        given = content or next(one.artifact for one in shipped() if one.name == name)
        version = services.upload_version(by=root, name=name, file=io.BytesIO(given), visibility="internal")
        claimed = services.claim_for_validation(seconds=60, max_attempts=3)
        assert claimed == version
        signature = signature_of(name)
        facts: dict[str, Any] = {"runtime": "onnx", "golden": None, "memory_bytes": 10_000, "compiled": None}
        task = signature["task"]
        handler = signature["handler"]
        ready = services.mark_ready(version=claimed, task=task, handler=handler, signature=signature, **facts)
        services.activate(version=ready, by=root)
        return ready

    return make_live


@pytest.fixture
def live(make_live: Callable[..., ModelVersion]) -> dict[str, ModelVersion]:
    return {name: make_live(name) for name in (QUALITY, FAMILY)}


@pytest.fixture
def asked(ada: Any) -> Asked:
    return Asked(principal_for(ada), "r")


@pytest.fixture
def call(client: Any, ada: Any) -> Callable[..., Any]:
    """POST to a call of the solution: an object as JSON; with `files` as a form."""
    key = accounts_services.create_key(by=ada, owner=ada, name="tests", scopes=["predict"])[1]

    def call(path: str, body: dict[str, Any], *, files: Any = None) -> Any:
        headers = {"X-API-Key": key}
        if files is None:
            return client.post(f"/api/v1/images/{path}", body, content_type="application/json", headers=headers)
        return client.post(f"/api/v1/images/{path}", {**body, **files}, headers=headers)

    return call
