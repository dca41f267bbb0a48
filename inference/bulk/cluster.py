"""The same work on a dask.distributed cluster: parts travel as bytes, so workers need no disk and no database of ours.

A worker that dies loses nothing: the scheduler gives its parts to another one, and what comes back twice is the same.
The model travels as a task's argument, not as data that one worker holds, for the same reason.
"""

import hashlib
import threading
import warnings
from collections import OrderedDict
from typing import Any

from inference.bulk.files import FileUnreadable, Kind, Part, Plan
from inference.bulk.running import Pending
from inference.bulk.scoring import Scored, scorer
from inference.signature import Signature

CONNECT_SECONDS = 20.0
_ALLOWED_DEATHS = 3
_KEPT_MODELS = 2


class ClusterUnavailable(Exception):
    """The scheduler does not answer, or has no workers."""


class Cluster:
    """Scores on the workers of a scheduler; two parts for each thread are on their way at once."""

    def __init__(
        self,
        address: str,
        *,
        name: str,
        model: bytes,
        runtime: str,
        signature: dict[str, Any],
        plan: Plan,
        results: Kind,
    ) -> None:
        """Raises ClusterUnavailable; FileUnreadable (`extra_missing`) without the extra `dask`."""
        try:
            from distributed import Client
        except ImportError as error:
            raise FileUnreadable("extra_missing", "A cluster needs the extra `dask`.") from error
        try:
            self._client = Client(address, timeout=CONNECT_SECONDS, name=name, set_as_default=False)
            self._client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise ClusterUnavailable(f"The cluster at {address} does not answer: {error}") from error
        self.slots = 2 * max(1, sum(self._client.nthreads().values()))
        self._name = name
        self._facts = (runtime, signature, plan.without_parts(), results)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the graph is large: a model is as large as it is
            self._model = self._client.submit(bytes, model, key=f"{name}-model", pure=False)

    def submit(self, part: Part, content: bytes) -> Pending:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            future: Pending = self._client.submit(
                score_there,
                self._model,
                *self._facts,
                part,
                content,
                key=f"{self._name}-{part.number}",
                pure=False,
                retries=_ALLOWED_DEATHS,
            )
        return future

    def close(self) -> None:
        self._client.close()


_loaded: "OrderedDict[str, Any]" = OrderedDict()
_loading = threading.Lock()


def score_there(
    model: bytes, runtime: str, signature: dict[str, Any], plan: Plan, results: Kind, part: Part, content: bytes
) -> Scored:
    """What a worker does. A model is loaded once by each of its processes."""
    told = Signature.from_dict(signature)
    return scorer(told, _load(model, runtime, told).predict, plan, results).score(part, content)


def _load(model: bytes, runtime: str, signature: Signature) -> Any:
    from inference import runtimes

    digest = f"{runtime}:{hashlib.sha256(model).hexdigest()}"
    with _loading:
        if digest not in _loaded:
            _loaded[digest] = runtimes.get(runtime).load(model, signature)
        _loaded.move_to_end(digest)
        while len(_loaded) > _KEPT_MODELS:
            _loaded.popitem(last=False)
        return _loaded[digest]
