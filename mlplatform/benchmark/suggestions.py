"""The ranking of propositions, where it is live: how good it was on unseen data, and how quickly a list comes."""

from functools import partial
from typing import Any

import orjson

from mlplatform.benchmark import load
from mlplatform.benchmark.bench import Bench, Section
from mlplatform.benchmark.latencies import summary
from mlplatform.benchmark.link import Address, render
from mlplatform.benchmark.load import Question
from mlplatform.benchmark.requirements import Promise
from registry.metrics import by_dataset
from solutions.propositions import MODEL

USERS = 50
CLIENTS = 2
_HELD_OUT_AUC = ("held out", "auc")


def suggestions(bench: Bench) -> Section:
    """Lists for many users, nothing from the cache, nothing recorded as shown; empty where no ranking is measured."""
    version = next((subject.version for subject in bench.subjects if subject.version.model.name == MODEL), None)
    if version is None:
        return {}, []
    needs = bench.requirements
    address, key = bench.target.address, bench.target.key
    asked = [_question(address, key, f"user_{number}") for number in range(USERS)]
    ask = partial(load.run, address, asked, connections=CLIENTS, on_progress=partial(bench.progress, "suggesting"))
    ask(count=5 * CLIENTS)  # a process's first list opens what reasons are read from
    outcome = ask(count=max(USERS, 2 * bench.effort.predictions))
    times = summary(outcome.latencies_ms)
    is_quick = bool(times.count) and times.p99 < needs.suggest_ms and not outcome.failures
    auc = by_dataset(version.metrics).get(_HELD_OUT_AUC)
    is_good = None if auc is None else auc > needs.suggest_auc
    problems = ", ".join(f"{count} × {reason}" for reason, count in outcome.failures.most_common(3))
    found = {
        "auc": auc,
        **times.to_dict(),
        "clients": CLIENTS,
        "requests": outcome.asked,
        "success_rate": outcome.success_rate,
        "failures": dict(outcome.failures),
        "meets_requirement": is_quick and is_good is not False,
        "requirement": f"p99 <{needs.suggest_ms:g} ms and held-out AUC >{needs.suggest_auc:g}",
    }
    measured = f"p50 {times.p50:.2f}, p95 {times.p95:.2f}, p99 {times.p99:.2f} ms"
    return found, [
        Promise(
            "held-out AUC of the ranking", f"> {needs.suggest_auc:g}", "–" if auc is None else f"{auc:.3f}", is_good
        ),
        Promise(
            f"lists for {CLIENTS} clients at once", f"p99 < {needs.suggest_ms:g} ms", problems or measured, is_quick
        ),
    ]


def _question(address: Address, key: str, user_id: str) -> Question:
    body: dict[str, Any] = {"user_id": user_id, "limit": 5, "use_cache": False, "record": False}
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    return Question(render(address, "POST", "/suggest", headers=headers, body=orjson.dumps(body)), judge)


def judge(status: int, body: bytes) -> str:
    """What is wrong with a list: a refusal, no list, or one that rules made."""
    if status != 200:
        return f"status {status}"
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "not JSON"
    if not isinstance(answer, dict) or not answer.get("propositions"):
        return "no list"
    return "fallback" if answer.get("degraded") else ""
