"""How quickly and how well answers come: one after the other, several at once, as many as go.

Each section says what it found and which promises that keeps. Its keys are fixed; times without a unit in their
name are in seconds.
"""

from typing import Any

from mlplatform.benchmark.bench import Bench, Section
from mlplatform.benchmark.latencies import summary
from mlplatform.benchmark.load import Outcome
from mlplatform.benchmark.requirements import Promise


def quality_prediction(bench: Bench) -> Section:
    """One client, one question after the other, nothing from the cache."""
    limit, models, promises = bench.requirements.inference_ms, {}, []
    for subject in bench.subjects:
        bench.ask(subject, "warming up", connections=1, count=5)
        outcome = bench.ask(subject, "predicting", connections=1, count=bench.effort.predictions)
        times = summary(outcome.latencies_ms)
        is_kept = bool(times.count) and times.maximum < limit and not outcome.failures
        models[subject.reference] = {
            "average_prediction_time": times.average / 1000,
            "max_prediction_time": times.maximum / 1000,
            **times.to_dict(),
            **_count(outcome),
            "meets_requirement": is_kept,
        }
        measured = f"avg {times.average:.2f}, p95 {times.p95:.2f}, p99 {times.p99:.2f}, max {times.maximum:.2f} ms"
        promises.append(
            Promise(f"every prediction of {subject.reference}", f"< {limit:g} ms", _told(outcome, measured), is_kept)
        )
    return _over_models(models, "prediction", f"<{limit:g} ms per prediction"), promises


def concurrent_performance(bench: Bench) -> Section:
    """Several clients at once."""
    needs, models, promises = bench.requirements, {}, []
    clients = int(needs.concurrent_clients)
    for subject in bench.subjects:
        outcome = bench.ask(
            subject, "asking at once", connections=clients, count=clients * bench.effort.predictions_per_client
        )
        times = summary(outcome.latencies_ms)
        is_kept = (
            bool(times.count) and times.average < needs.concurrent_ms and outcome.success_rate > needs.success_rate
        )
        models[subject.reference] = {
            "average_processing_time": times.average / 1000,
            "max_processing_time": times.maximum / 1000,
            **times.to_dict(),
            **_count(outcome),
            "meets_requirement": is_kept,
        }
        promises.append(
            Promise(
                f"{clients} clients at once, {subject.reference}",
                f"mean < {needs.concurrent_ms:g} ms, success > {needs.success_rate:.0%}",
                _told(outcome, f"mean {times.average:.2f} ms, success {outcome.success_rate:.1%}"),
                is_kept,
            )
        )
    requirement = f"mean <{needs.concurrent_ms:g} ms and success >{needs.success_rate:g}"
    return {"concurrent_workers": clients, **_over_models(models, "processing", requirement)}, promises


def throughput(bench: Bench) -> Section:
    """As much as goes over several connections, for a while; nothing from the cache."""
    models, promises = {}, []
    needs = bench.requirements
    for subject in bench.subjects:
        outcome = bench.ask(subject, "load on", connections=bench.effort.connections, seconds=bench.effort.seconds)
        times = summary(outcome.latencies_ms)
        models[subject.reference] = {
            "requests_per_second": outcome.per_second,
            "connections": bench.effort.connections,
            **times.to_dict(),
            **_count(outcome),
        }
        rate = f"{outcome.per_second:,.0f}/s, p50 {times.p50:.2f}, p95 {times.p95:.2f}, p99 {times.p99:.2f} ms"
        promises.append(
            Promise(
                f"load of {bench.effort.connections} connections, {subject.reference}",
                f"success > {needs.success_rate:.0%}",
                _told(outcome, rate),
                outcome.success_rate > needs.success_rate,
            )
        )
    return {"models": models}, promises


def _over_models(models: dict[str, Any], what: str, requirement: str) -> dict[str, Any]:
    """The worst of the averages, the worst of all, and each model's own."""
    return {
        f"average_{what}_time": max(model[f"average_{what}_time"] for model in models.values()),
        f"max_{what}_time": max(model[f"max_{what}_time"] for model in models.values()),
        "success_rate": min(model["success_rate"] for model in models.values()),
        "models": models,
        "meets_requirement": all(model["meets_requirement"] for model in models.values()),
        "requirement": requirement,
    }


def _count(outcome: Outcome) -> dict[str, Any]:
    return {
        "requests": outcome.asked,
        "success_rate": outcome.success_rate,
        "failures": dict(outcome.failures),
    }


def _told(outcome: Outcome, measured: str) -> str:
    """What was measured and what went wrong, for people."""
    problems = [f"{count} × {reason}" for reason, count in outcome.failures.most_common(3)]
    return ", ".join([measured if outcome.latencies_ms else "no good answer", *problems])
