"""Who scores: threads of this process, or the cluster that DASK_SCHEDULER names."""

import os

from django.conf import settings

from inference import model_cache
from inference.bulk import cluster, running, scoring
from inference.bulk.files import Kind, Plan
from inference.execution import crashes
from inference.handlers.base import Arrays
from inference.runtimes.base import LoadedModel, RawOutput
from registry import artifacts
from registry.resolver import Served


def crew(served: Served, plan: Plan, results: Kind, *, name: str, threads: int = 0) -> running.Crew:
    """A crew for one file. `name` must be new for each; `threads`: BATCH_THREADS, else one for each core, when 0.

    Raises what loading the version raises; ClusterUnavailable.
    """
    if settings.DASK_SCHEDULER:
        return cluster.Cluster(
            settings.DASK_SCHEDULER,
            name=name,
            model=artifacts.read_verified(served.file),
            runtime=served.runtime,
            signature=served.signature,
            plan=plan,
            results=results,
        )
    loaded = model_cache.cache.get(served)
    scorer = scoring.scorer(loaded.signature, noted(loaded.model, served.version_id), plan, results)
    return running.Threads(scorer, threads or settings.BATCH_THREADS or len(os.sched_getaffinity(0)))


def noted(model: LoadedModel, version_id: int) -> scoring.Predict:
    """The model's `predict` with a note of what the thread runs, for the case that it takes the process down."""

    def predict(feeds: Arrays) -> RawOutput:
        crashes.enter(version_id)
        try:
            return model.predict(feeds)
        finally:
            crashes.enter(0)

    return predict
