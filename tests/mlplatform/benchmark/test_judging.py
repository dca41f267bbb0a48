"""What counts as a good answer, what the durations say, and which promises that keeps."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from mlplatform.benchmark import caching, latencies, load, suggestions
from mlplatform.benchmark.link import Address
from mlplatform.benchmark.questions import judge_of
from mlplatform.benchmark.report import table
from mlplatform.benchmark.requirements import Promise, Requirements, RequirementUnknown, all_kept
from registry.models import ModelVersion

pytestmark = pytest.mark.django_db(databases=[])

CLASSIFIER = {"task": "classification", "classes": ["no", "yes"], "multi_output": None}
REGRESSOR = {"task": "regression", "classes": None, "multi_output": None}


def answer(**changes: Any) -> bytes:
    told = {"version": 3, "predictions": ["yes"], "probabilities": [[0.1, 0.9]], "degraded": False}
    return json.dumps({**told, **changes}).encode()


def judged(signature: dict[str, Any], body: bytes, status: int = 200) -> str:
    return judge_of(ModelVersion(number=3, signature=signature))(status, body)


def test_a_whole_answer_is_good() -> None:
    assert judged(CLASSIFIER, answer()) == ""
    assert judged(REGRESSOR, answer(predictions=[1.5], probabilities=None)) == ""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"degraded": True}, "fallback"),
        ({"version": 2}, "another version answered"),
        ({"predictions": []}, "wrong number of predictions"),
        ({"predictions": ["yes", "no"]}, "wrong number of predictions"),
        ({"predictions": None}, "wrong number of predictions"),
        ({"predictions": ["maybe"]}, "unknown class"),
        ({"predictions": [["yes"]]}, "unknown class"),
        ({"probabilities": [[0.1, 0.2, 0.7]]}, "wrong number of probabilities"),
        ({"probabilities": []}, "wrong number of probabilities"),
    ],
)
def test_a_wrong_shape_or_a_fallback_is_a_failure(changes: dict[str, Any], problem: str) -> None:
    assert judged(CLASSIFIER, answer(**changes)) == problem


@pytest.mark.parametrize("said", ["1.5", None, True, [1.5]])
def test_a_regression_answers_with_a_number(said: Any) -> None:
    assert judged(REGRESSOR, answer(predictions=[said], probabilities=None)) == "not a number"


def test_refusals_and_strange_bodies_are_failures() -> None:
    assert judged(CLASSIFIER, answer(), status=503) == "status 503"
    assert judged(CLASSIFIER, b"<html>") == "not JSON"
    assert judged(CLASSIFIER, b"[]") == "another version answered"


def test_percentiles_are_nearest_rank() -> None:
    found = latencies.summary([float(number) for number in range(1, 101)][::-1])
    assert (found.minimum, found.p50, found.p95, found.p99, found.maximum) == (1, 50, 95, 99, 100)
    assert found.average == 50.5
    assert latencies.summary([7.0]).p99 == 7.0
    assert latencies.summary([]).count == 0


def test_the_requirements_are_the_settings_until_they_are_changed(settings: Any) -> None:
    settings.BENCHMARK_INFERENCE_MS = 42.0
    requirements = Requirements.from_settings()
    assert (requirements.inference_ms, requirements.load_seconds, requirements.concurrent_clients) == (42.0, 3.0, 10.0)
    assert requirements.with_changes(["inference_ms=7", "memory_mb=64.5"]).inference_ms == 7.0


@pytest.mark.parametrize("change", ["speed=1", "inference_ms", "inference_ms=fast", "inference_ms=-1", "memory_mb=nan"])
def test_a_requirement_that_makes_no_sense_is_refused(change: str) -> None:
    with pytest.raises(RequirementUnknown):
        Requirements.from_settings().with_changes([change])


def test_one_missed_promise_spoils_the_verdict_and_what_was_not_judged_does_not() -> None:
    kept, missed, open = (Promise("p", "r", "m", is_kept) for is_kept in (True, False, None))
    assert all_kept([kept, open])
    assert not all_kept([kept, open, missed])
    assert not all_kept([open]), "nothing was judged, so nothing was shown"


def test_the_table_names_what_was_missed() -> None:
    shown = table(
        {
            "promises": [Promise("quick", "< 1 ms", "2 ms", False).to_dict(), Promise("small", "", "", None).to_dict()],
            "start_seconds": 1.5,
            "load_generator": {"ceiling_per_second": 40_000.0, "is_the_limit": True},
            "environment": {"cpus": 2},
        }
    )
    assert "quick    < 1 ms       2 ms      MISSED" in shown
    assert "1.50 s" in shown
    assert "It was the limit here" in shown


@pytest.mark.parametrize(
    ("model_ms", "speedup", "verdict"), [(40.0, 12.0, True), (40.0, 9.0, False), (40.0, None, False), (0.1, 1.1, None)]
)
def test_remembering_is_judged_only_where_it_can_pay(
    monkeypatch: pytest.MonkeyPatch, model_ms: float, speedup: float | None, verdict: bool | None
) -> None:
    measured = {"uncached_ms": 41.0, "cached_ms": 3.0, "inference_time_ms": model_ms, "cached_speedup": speedup}
    monkeypatch.setattr(caching, "_compare", lambda bench, subject: dict(measured))
    bench = SimpleNamespace(
        requirements=Requirements.from_settings(),
        subjects=[SimpleNamespace(reference="churn:3")],
        progress=lambda what, share: None,
    )
    found, promises = caching.cache(bench)  # type: ignore[arg-type]
    assert found["models"]["churn:3"]["meets_requirement"] is verdict
    assert [promise.is_kept for promise in promises] == [verdict]


def ranked(monkeypatch: pytest.MonkeyPatch, *, auc: float | None, latency_ms: float, problem: str = "") -> Any:
    def ran(*_: Any, **__: Any) -> load.Outcome:
        outcome = load.Outcome()
        for _ in range(100):
            outcome.note(problem, latency_ms)
        return outcome

    monkeypatch.setattr(load, "run", ran)
    metrics = [] if auc is None else [{"name": "auc", "value": auc, "dataset": "held out"}]
    version = SimpleNamespace(model=SimpleNamespace(name="propositions"), metrics=metrics)
    address = Address("127.0.0.1", 1, False, "")
    bench = SimpleNamespace(
        subjects=[SimpleNamespace(version=version)],
        requirements=Requirements.from_settings(),
        target=SimpleNamespace(address=address, key="key"),
        effort=SimpleNamespace(predictions=100),
        progress=lambda *_: None,
    )
    return suggestions.suggestions(bench)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("auc", "latency_ms", "problem", "verdicts"),
    [
        (0.77, 20.0, "", [True, True]),
        (0.74, 20.0, "", [False, True]),
        (0.77, 151.0, "", [True, False]),
        (0.77, 20.0, "fallback", [True, False]),
        (None, 20.0, "", [None, True]),
    ],
)
def test_a_ranking_is_judged_by_its_held_out_figure_and_its_slowest_lists(
    monkeypatch: pytest.MonkeyPatch, auc: float | None, latency_ms: float, problem: str, verdicts: list[bool | None]
) -> None:
    found, promises = ranked(monkeypatch, auc=auc, latency_ms=latency_ms, problem=problem)
    assert [promise.is_kept for promise in promises] == verdicts
    assert found["meets_requirement"] is (False not in verdicts)


def test_lists_are_not_promised_where_no_ranking_is_measured() -> None:
    other = SimpleNamespace(version=SimpleNamespace(model=SimpleNamespace(name="wine")))
    assert suggestions.suggestions(SimpleNamespace(subjects=[other])) == ({}, [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, b'{"propositions": [{"proposition_id": "a"}], "degraded": false}', ""),
        (200, b'{"propositions": [{"proposition_id": "a"}], "degraded": true}', "fallback"),
        (200, b'{"propositions": []}', "no list"),
        (200, b"[]", "no list"),
        (200, b"<html>", "not JSON"),
        (503, b"", "status 503"),
    ],
)
def test_only_a_list_that_the_model_ranked_counts(status: int, body: bytes, problem: str) -> None:
    assert suggestions.judge(status, body) == problem
