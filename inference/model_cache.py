"""The models loaded in this process: bounded by count and by bytes, each loaded once however many ask at once.

Live versions are pinned: they are never evicted and don't count against the bound on the number of models.
An evicted model is freed when the last request that uses it lets go.
"""

import logging
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass

from django.conf import settings

from inference import handlers, runtimes
from inference.handlers import Handler, Payload
from inference.runtimes.base import LoadedModel
from inference.signature import Signature
from registry import artifacts
from registry.resolver import Served

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version in memory, ready to run."""

    served: Served
    signature: Signature
    handler: Handler
    model: LoadedModel
    load_ms: float

    @property
    def memory_bytes(self) -> int:
        """Resident memory as validation measured it."""
        return self.served.memory_bytes


class ModelCache:
    """Loaded versions by version id, least recently used first. Thread-safe."""

    def __init__(self, *, max_count: int, max_bytes: int) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._loaded: OrderedDict[int, Loaded] = OrderedDict()
        self._loading: dict[int, Future[Loaded]] = {}
        self._pinned: frozenset[int] = frozenset()
        self.hits = self.misses = self.evictions = 0

    def get(self, served: Served) -> Loaded:
        """The loaded version, loading it when needed: one thread loads, the others wait for it.

        Raises whatever the load raises (DigestMismatch, RuntimeUnavailable, ModelExecutionFailed), to all who wait.
        """
        with self._lock:
            loaded = self._loaded.get(served.version_id)
            if loaded is not None and loaded.served.sha256 == served.sha256:
                self._loaded.move_to_end(served.version_id)
                self.hits += 1
                return loaded
            future = self._loading.get(served.version_id)
            mine = future is None
            if future is None:
                self.misses += 1
                future = self._loading[served.version_id] = Future()
        if mine:
            self._load_into(future, served)
        return future.result()

    def holds(self, served: Served) -> bool:
        """Whether a version is loaded; counts as no use of it."""
        loaded = self._loaded.get(served.version_id)
        return loaded is not None and loaded.served.sha256 == served.sha256

    def pin(self, version_ids: frozenset[int]) -> None:
        """Say which versions are live; they stay loaded."""
        with self._lock:
            self._pinned = version_ids
            self._evict()

    def snapshot(self) -> list[Loaded]:
        """What is loaded, least recently used first."""
        with self._lock:
            return list(self._loaded.values())

    def clear(self) -> None:
        """Let go of every model."""
        with self._lock:
            self._loaded.clear()

    def _load_into(self, future: "Future[Loaded]", served: Served) -> None:
        try:
            loaded = load(served)
        except BaseException as error:
            with self._lock:
                del self._loading[served.version_id]
            future.set_exception(error)
            return
        with self._lock:
            self._loaded[served.version_id] = loaded
            del self._loading[served.version_id]
            self._evict()
        future.set_result(loaded)

    def _evict(self) -> None:
        """Drop the least recently used unpinned models until both bounds hold. The newest one always stays."""
        unpinned = [key for key in self._loaded if key not in self._pinned]
        total = sum(loaded.memory_bytes for loaded in self._loaded.values())
        while len(unpinned) > 1 and (len(unpinned) > self._max_count or total > self._max_bytes):
            gone = self._loaded.pop(unpinned.pop(0))
            total -= gone.memory_bytes
            self.evictions += 1
            log.info("evicted %s:%s", gone.served.model_name, gone.served.number)


def load(served: Served) -> Loaded:
    """Read the served file, check digest and seal, load it, and warm it up: the first request isn't the slow one."""
    started = time.perf_counter()
    content = artifacts.read_verified(served.file)
    signature = Signature.from_dict(served.signature)
    model = runtimes.get(served.runtime).load(content, signature)
    load_ms = (time.perf_counter() - started) * 1000
    loaded = Loaded(served, signature, handlers.get(signature.handler), model, load_ms)
    _warm_up(loaded)
    log.info("loaded %s:%s in %.1f ms", served.model_name, served.number, load_ms)
    return loaded


def _warm_up(loaded: Loaded) -> None:
    """Ask what a client would ask, once: libraries are imported, buffers allocated and code paths taken."""
    golden = loaded.served.golden
    if golden:
        feeds = loaded.handler.preprocess(Payload("instances", golden["instances"][:1]), loaded.signature)
        loaded.handler.postprocess(loaded.model.predict(feeds), loaded.signature)


cache = ModelCache(max_count=settings.MODEL_CACHE_COUNT, max_bytes=settings.MODEL_CACHE_BYTES)
