"""A small shop, and a ranking model whose scores can be worked out in one's head."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from onnx import TensorProto, helper, numpy_helper

from solutions.propositions import suggestion_cache
from solutions.propositions.features.columns import AT, COLUMNS
from solutions.propositions.models import Interaction, Proposition, PropositionCount


def ranking(weights: dict[str, float], names: tuple[str, ...] = COLUMNS) -> tuple[bytes, dict[str, Any]]:
    """An ONNX model that answers sigmoid(weights . row), and its signature."""
    column = np.zeros((len(names), 1), dtype=np.float32)
    for name, weight in weights.items():
        column[AT[name], 0] = weight
    nodes = [
        helper.make_node("MatMul", ["X", "w"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["yes"]),
        helper.make_node("Sub", ["one", "yes"], ["no"]),
        helper.make_node("Concat", ["no", "yes"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "ranking",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, len(names)])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]),
        ],
        [numpy_helper.from_array(column, "w"), numpy_helper.from_array(np.array([1.0], dtype=np.float32), "one")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    signature = {
        "version": 1,
        "handler": "tabular",
        "task": "classification",
        "inputs": [{"name": name, "dtype": "float32", "shape": [-1]} for name in names],
        "feeds": [{"name": "X", "dtype": "float32", "columns": list(range(len(names))), "shape": [-1, len(names)]}],
        "outputs": {"labels": "label", "probabilities": "probabilities"},
        "classes": [0, 1],
        "has_probabilities": True,
        "allows_missing": False,
        "dataframe": False,
        "multi_output": None,
    }
    return bytes(model.SerializeToString()), signature


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    suggestion_cache.forget()
    yield
    suggestion_cache.forget()


@pytest.fixture
def shop(db: None) -> list[Proposition]:
    """Twelve propositions of three categories; the later, the dearer and the more often clicked."""
    published = timezone.now() - timedelta(days=30)
    made = [
        Proposition.objects.create(
            ref=f"prop_{number}",
            title=f"Thing {number}",
            category=("books", "music", "sport")[number % 3],
            price=number,
            published_at=published,
            impressions=100,
            clicks=number,
            click_rate=(number + 5) / 150,
        )
        for number in range(1, 13)
    ]
    for one in made:
        PropositionCount.objects.create(
            proposition=one, impressions=one.impressions, clicks=one.clicks, known_at=published
        )
    return made


@pytest.fixture
def live_ranking(root: Any) -> Callable[..., Any]:
    """Makes a version of the ranking model with these weights, and makes it live."""

    def make(weights: dict[str, float], *, visibility: str = "internal", **signature: Any) -> Any:
        from registry import resolver, services

        content, told = ranking(weights)
        version = services.upload_version(by=root, name="propositions", file=io.BytesIO(content), visibility=visibility)
        claimed = services.claim_for_validation(seconds=60, max_attempts=3)
        found = {"runtime": "onnx", "signature": told | signature, "golden": None, "memory_bytes": 10_000}
        version = services.mark_ready(version=claimed, task="classification", handler="tabular", compiled=None, **found)
        services.activate(version=version, by=root, note="")
        resolver.forget()  # the generation moves on commit, which a test's transaction never sees
        return version

    return make


@pytest.fixture
def client_of() -> Callable[[Any], Client]:
    """A client that calls the API in somebody's name."""
    from accounts import tokens

    def make(person: Any) -> Client:
        return Client(headers={"authorization": f"Bearer {tokens.issue(person).access}"})

    return make


@pytest.fixture
def did() -> Callable[..., Interaction]:
    """Writes down what a user did with a proposition so many hours ago."""

    def write(user: str, kind: str, proposition: Proposition, *, hours: float = 1.0, **facts: Any) -> Interaction:
        then = timezone.now() - timedelta(hours=hours)
        return Interaction.objects.create(
            user_id=user, event_type=kind, proposition=proposition, category=proposition.category,
            price=float(proposition.price), at=then, recorded_at=then, **facts,
        )  # fmt: skip

    return write
