"""The sections of the report. Each measures one thing and says which promises that keeps.

The first four and their keys are fixed; times there are in seconds, as the keys have always meant them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mlplatform.benchmark import cold_load, load, memory
from mlplatform.benchmark.latencies import summary
from mlplatform.benchmark.load import Outcome
from mlplatform.benchmark.questions import Subject, questions
from mlplatform.benchmark.requirements import Promise, Requirements
from mlplatform.benchmark.target import Target

MB = 1024 * 1024

Section = tuple[dict[str, Any], list[Promise]]
Progress = Callable[[str, float], None]
"""Called with what is being measured and how far it is, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is asked."""

    load_runs: int = 5
    predictions: int = 100
    predictions_per_client: int = 20
    connections: int = 16
    seconds: float = 3.0


@dataclass(slots=True)
class Bench:
    """One benchmark in progress."""

    subjects: list[Subject]
    target: Target
    requirements: Requirements
    effort: Effort
    progress: Progress
    cold_runs: list[dict[str, Any]] = field(default_factory=list)
    peak_memory_mb: float = 0.0

    def ask(self, subject: Subject, what: str, *, use_cache: bool = False, **how: Any) -> Outcome:
        """Put a load of this subject's questions on the server."""
        label = f"{what} {subject.reference}"
        asked = questions(subject, self.target.address, self.target.key, use_cache=use_cache)
        found = load.run(self.target.address, asked, on_progress=partial(self.progress, label), **how)
        self.memory_mb()
        return found

    def memory_mb(self) -> float:
        """What the serving processes take now; remembers the most that was seen."""
        now = memory.proportional_mb(self.target.pids())
        self.peak_memory_mb = max(self.peak_memory_mb, now)
        return now

    def load_cold(self, runs: int) -> list[dict[str, Any]]:
        """At least `runs` loads of all subjects, each in a process of its own."""
        while len(self.cold_runs) < runs:
            self.progress("loading in a fresh process", len(self.cold_runs) / runs)
            self.cold_runs.append(cold_load.in_new_process([subject.version.pk for subject in self.subjects]))
        return self.cold_runs


def model_loading(bench: Bench) -> Section:
    """Every model loaded and warmed up in a fresh process, several times."""
    runs = bench.load_cold(bench.effort.load_runs)
    times = [run["seconds"] for run in runs]
    average, limit = sum(times) / len(times), bench.requirements.load_seconds
    errors = {name: model["error"] for name, model in runs[0]["models"].items() if model["error"]}
    is_kept = average < limit and not errors
    models = {
        name: {
            "average_loading_time": sum(run["models"][name]["seconds"] for run in runs) / len(runs),
            "max_loading_time": max(run["models"][name]["seconds"] for run in runs),
        }
        for name in runs[0]["models"]
    }
    found = {
        "average_loading_time": average,
        "max_loading_time": max(times),
        "min_loading_time": min(times),
        "runs": len(times),
        "models": models,
        "errors": errors,
        "meets_requirement": is_kept,
        "requirement": f"<{limit:g} seconds",
    }
    measured = f"{average:.2f} s" + (f", {len(errors)} not loaded" if errors else "")
    return found, [Promise("all models loaded, cold process", f"< {limit:g} s", measured, is_kept)]


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


def memory_efficiency(bench: Bench) -> Section:
    """The serving processes with every model loaded, and what each model adds to a fresh process."""
    cold = bench.load_cold(1)[0]["models"]
    for subject in bench.subjects:
        bench.ask(subject, "warming up", connections=2, count=4)
    current, limit = bench.memory_mb(), bench.requirements.memory_mb
    sizes = {subject.reference: subject.version.size_bytes / MB for subject in bench.subjects}
    is_kept = current < limit if current else None
    found = {
        "current_memory_mb": current,
        "peak_memory_mb": bench.peak_memory_mb,
        "model_breakdown": {
            name: {
                "estimated_size_mb": sizes[name],
                "actual_memory_delta_mb": model["resident_delta_mb"],
                "total_memory_mb": model["resident_mb"],
            }
            for name, model in cold.items()
        },
        "memory_limit_mb": limit,
        "processes": len(bench.target.pids()),
        "within_limits": is_kept,
        "meets_requirement": is_kept,
        "requirement": f"<{limit:g} MB",
    }
    measured = f"{current:.0f} MB in {found['processes']} processes" if current else "not on this host"
    return found, [Promise("memory of all serving processes", f"< {limit:g} MB", measured, is_kept)]


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
