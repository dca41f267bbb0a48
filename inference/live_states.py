"""Whether what is live is also served, as the processes said at their last beat."""

from typing import Any

from monitoring.models import ServingProcess
from registry.models import Deployment
from registry.serving import LoadPolicy


def entries() -> dict[str, dict[str, Any]]:
    """What the ledger says is served, by the model's name."""
    open = Deployment.objects.filter(closed_at=None, model__archived_at=None)
    columns = ("model__name", "version__number", "version__quarantined_at", "version__damage", "model__load_policy")
    keys = ("model", "number", "quarantined_at", "damage", "load_policy")
    return {row[0]: dict(zip(keys, row, strict=True)) for row in open.values_list(*columns)}


def state_of(entry: dict[str, Any], alive: list[ServingProcess]) -> str:
    """healthy, loading, failing (a process can't load it), damaged or quarantined."""
    name = f"{entry['model']}:{entry['number']}"
    if entry["quarantined_at"] is not None:
        return "quarantined"
    if any(name in process.facts.get("failed", {}) for process in alive):
        return "failing"
    if entry["damage"] is not None:
        return "damaged"
    is_awaited = entry["load_policy"] == LoadPolicy.PRELOAD and not loaded_in(entry, alive)
    return "loading" if is_awaited else "healthy"


def loaded_in(entry: dict[str, Any], alive: list[ServingProcess]) -> int:
    """How many processes hold it."""
    wanted = (entry["model"], entry["number"])
    return sum(
        any((loaded["model"], loaded["version"]) == wanted for loaded in process.facts.get("models", []))
        for process in alive
    )


def is_available(live: dict[str, dict[str, Any]], states: dict[str, str], alive: list[ServingProcess]) -> bool:
    """False when a model that is to be preloaded failed in every process, or no process is ready for any of them.

    A version that was just activated is loaded before it is said to be: between two beats that is no outage.
    """
    required = [
        entry
        for name, entry in live.items()
        if entry["load_policy"] == LoadPolicy.PRELOAD and states[name] != "quarantined"
    ]
    if any(states[entry["model"]] == "failing" and not loaded_in(entry, alive) for entry in required):
        return False
    return not required or any(process.is_ready for process in alive)
