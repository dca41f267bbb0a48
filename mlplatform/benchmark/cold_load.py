"""Loads versions in this fresh process and prints how long each took: `python -m mlplatform.benchmark.cold_load ID …`

The first load of a kind also imports its library: that is what a serving process pays when it starts.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

from mlplatform.benchmark import memory

SECONDS = 300


class ColdLoadFailed(Exception):
    """The process that should load ended badly."""


def in_new_process(version_ids: list[int]) -> dict[str, Any]:
    """What `measure` finds, in a process that has loaded nothing before. Raises ColdLoadFailed."""
    from django.conf import settings

    line = [sys.executable, "-m", "mlplatform.benchmark.cold_load", *map(str, version_ids)]
    environment = {**os.environ, "VAR_DIR": str(settings.VAR_DIR), "LOG_LEVEL": "ERROR"}
    done = subprocess.run(  # noqa: S603 (our own module)
        line, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0:
        raise ColdLoadFailed(done.stderr.strip()[-2000:] or f"exit status {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(version_ids: list[int]) -> dict[str, Any]:
    """Load and warm up each, in order. A model that fails leaves the others alone."""
    from inference import model_cache
    from registry import resolver
    from registry.models import ModelVersion

    rows = ModelVersion.objects.select_related("model").in_bulk(version_ids)
    served = [resolver.served(rows[number]) for number in version_ids]
    models, kept, started = {}, [], time.perf_counter()
    for one in served:
        before, began, error = memory.resident_mb(), time.perf_counter(), ""
        try:
            kept.append(model_cache.load(one))
        except Exception as problem:  # whatever a runtime raises is a finding
            error = f"{type(problem).__name__}: {problem}"
        now = memory.resident_mb()
        models[f"{one.model_name}:{one.number}"] = {
            "seconds": time.perf_counter() - began,
            "resident_delta_mb": now - before,
            "resident_mb": now,
            "error": error,
        }
    return {"seconds": time.perf_counter() - started, "models": models}


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
    django.setup()
    sys.stdout.write(json.dumps(measure([int(number) for number in sys.argv[1:]])) + "\n")
