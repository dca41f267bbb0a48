"""How much sooner a remembered answer comes."""

import contextlib
from statistics import median
from typing import Any

import orjson

from mlplatform.benchmark.bench import Bench, Section
from mlplatform.benchmark.link import Broken, Link
from mlplatform.benchmark.questions import Subject, questions
from mlplatform.benchmark.requirements import Promise

ROUNDS = 30


def cache(bench: Bench) -> Section:
    """One question over one connection: computed each time, then remembered.

    Where the model takes less than `worth_caching_ms`, remembering can't pay and nothing is promised.
    """
    needs, models, promises = bench.requirements, {}, []
    for number, subject in enumerate(bench.subjects):
        bench.progress("asking again", number / len(bench.subjects))
        found = _compare(bench, subject)
        is_worth_it = found["inference_time_ms"] >= needs.worth_caching_ms
        speedup = found["cached_speedup"]
        found["worth_caching"] = is_worth_it
        found["meets_requirement"] = (speedup is not None and speedup >= needs.cache_speedup) if is_worth_it else None
        models[subject.reference] = found
        promises.append(
            Promise(
                f"a remembered answer of {subject.reference}",
                f"≥ {needs.cache_speedup:g} × faster where the model takes {needs.worth_caching_ms:g} ms",
                _words(found),
                found["meets_requirement"],
            )
        )
    return {"models": models}, promises


def _compare(bench: Bench, subject: Subject) -> dict[str, Any]:
    """Medians over rounds. `cached` counts only answers that say that they came from the cache."""
    address, key = bench.target.address, bench.target.key
    fresh = questions(subject, address, key, use_cache=False)[0]
    remembered = questions(subject, address, key, use_cache=True)[0]
    computed, cached, model_times = [], [], []
    with contextlib.suppress(Broken), contextlib.closing(Link(address, timeout=30.0)) as link:
        for _ in range(ROUNDS):
            for question in (fresh, remembered):
                status, body, milliseconds = link.ask(question.request)
                if question.judge(status, body):
                    continue
                answer = orjson.loads(body)
                if question is fresh:
                    computed.append(milliseconds)
                    model_times.append(answer["inference_time_ms"])
                elif answer["from_cache"]:
                    cached.append(milliseconds)
    uncached_ms = median(computed) if computed else None
    cached_ms = median(cached) if cached else None
    return {
        "uncached_ms": uncached_ms,
        "cached_ms": cached_ms,
        "inference_time_ms": median(model_times) if model_times else 0.0,
        "cached_answers": len(cached),
        "cached_speedup": uncached_ms / cached_ms if uncached_ms and cached_ms else None,
    }


def _words(found: dict[str, Any]) -> str:
    if found["cached_speedup"] is None:
        return "no answer came from the cache"
    told = f"{found['uncached_ms']:.2f} ms → {found['cached_ms']:.2f} ms, {found['cached_speedup']:.1f} ×"
    return told if found["worth_caching"] else f"{told}; the model itself takes {found['inference_time_ms']:.2f} ms"
