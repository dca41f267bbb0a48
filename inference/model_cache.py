"""The models loaded in this process: bounded by count and by bytes, each loaded once however many ask at once.

Live versions are pinned: they are never evicted and don't count against the bound on the number of models.
An evicted model is freed when the last request that uses it lets go.
"""

import logging
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from inference import handlers, measures, memory, runtimes
from inference.errors import ModelTooLarge
from inference.execution import crashes
from inference.execution.joining import Joiner
from inference.execution.lanes import Lane
from inference.handlers import Handler
from inference.measures import Measures
from inference.runtimes.base import LoadedModel
from inference.signature import Signature
from inference.validation import versions
from registry import artifacts
from registry.resolver import Served

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version in memory, ready to run. `memory_bytes`: by how much the process grew when it was loaded.

    `served` is what was known at load; how the model is to be served now is said by the request's own `Served`.
    """

    served: Served
    signature: Signature
    handler: Handler
    model: LoadedModel
    load_ms: float
    memory_bytes: int = 0
    measures: Measures = field(default_factory=Measures)
    lane: Lane = field(default_factory=Lane)
    joiner: Joiner = field(default_factory=Joiner)

    @property
    def is_quick(self) -> bool:
        """Whether a call with few rows takes less than handing it to another thread, and needs none of its own."""
        return self.measures.is_quick and (
            hasattr(self.model, "run_options") or getattr(self.model, "is_bounded", False)
        )

    def as_facts(self) -> dict[str, Any]:
        """For whoever shows what a process holds."""
        return {
            "model": self.served.model_name,
            "version": self.served.number,
            "memory_bytes": self.memory_bytes,
            "load_ms": round(self.load_ms, 2),
            **self.measures.as_facts(),
            **self.lane.as_facts(),
            "joined_calls": self.joiner.calls,
            "joined_requests": self.joiner.requests,
        }


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

        Raises whatever the load raises (DigestMismatch, RuntimeUnavailable, ModelExecutionFailed, ModelTooLarge), to
        all who wait.
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
        """Whether the version is loaded, without loading it."""
        return self.peek(served) is not None

    def peek(self, served: Served) -> Loaded | None:
        """The version if it is loaded, without loading it and without counting this as a use."""
        loaded = self._loaded.get(served.version_id)
        return loaded if loaded is not None and loaded.served.sha256 == served.sha256 else None

    def pin(self, version_ids: frozenset[int]) -> None:
        """Say which versions are live; they stay loaded."""
        with self._lock:
            self._pinned = version_ids
            gone = self._evict()
        self._tell(gone)

    def snapshot(self) -> list[Loaded]:
        """What is loaded, least recently used first."""
        with self._lock:
            return list(self._loaded.values())

    def clear(self) -> None:
        """Let go of every model."""
        with self._lock:
            self._loaded.clear()

    def as_facts(self) -> dict[str, Any]:
        """Counts since the process began, and what is held now against the bounds."""
        held = self.snapshot()
        return {
            "hits": self.hits,
            "misses": self.misses,
            "evictions": self.evictions,
            "size": len(held),
            "bytes": sum(loaded.memory_bytes for loaded in held),
            "max_unpinned": self._max_count,
            "max_bytes": self._max_bytes,
        }

    def _load_into(self, future: "Future[Loaded]", served: Served) -> None:
        try:
            self._refuse_if_too_large(served, served.memory_bytes)
            loaded = load(served)
            self._refuse_if_too_large(served, loaded.memory_bytes)
        except BaseException as error:
            with self._lock:
                del self._loading[served.version_id]
            future.set_exception(error)
            return
        with self._lock:
            self._loaded[served.version_id] = loaded
            self._loaded.move_to_end(served.version_id)
            del self._loading[served.version_id]
            gone = self._evict()
        future.set_result(loaded)
        self._tell(gone)

    def _refuse_if_too_large(self, served: Served, needed_bytes: int) -> None:
        """A model that alone is over the budget can never fit, whatever is evicted for it."""
        if needed_bytes > self._max_bytes:
            name = f"{served.model_name}:{served.number}"
            raise ModelTooLarge(name, needed_bytes=needed_bytes, limit_bytes=self._max_bytes)

    def _evict(self) -> list[str]:
        """Drop the least recently used unpinned models until both bounds hold. The newest one always stays."""
        unpinned = [key for key in self._loaded if key not in self._pinned]
        total = sum(loaded.memory_bytes for loaded in self._loaded.values())
        gone = []
        while len(unpinned) > 1 and (len(unpinned) > self._max_count or total > self._max_bytes):
            loaded = self._loaded.pop(unpinned.pop(0))
            total -= loaded.memory_bytes
            self.evictions += 1
            gone.append(f"{loaded.served.model_name}:{loaded.served.number}")
        return gone

    @staticmethod
    def _tell(gone: list[str]) -> None:
        if gone:
            memory.give_back()
            log.info("evicted %s", ", ".join(gone))


def load(served: Served) -> Loaded:
    """Read the served file, check digest and seal, load it, warm it up, and measure what it takes."""
    signature = Signature.from_dict(served.signature)
    handler, runtime = handlers.get(signature.handler), runtimes.get(served.runtime)

    def open_it() -> Loaded:
        started = time.perf_counter()
        content = artifacts.read_verified(served.file)
        model = runtime.load(content, signature)
        load_ms = (time.perf_counter() - started) * 1000
        taken = measures.take(handler, signature, model, served.golden)
        return Loaded(served, signature, handler, model, load_ms, len(content), taken)

    for change in versions.changed_since(served.library_versions, served.runtime):
        log.warning("%s:%s: %s", served.model_name, served.number, change)
    crashes.enter(served.version_id)
    try:
        loaded, grown_bytes = memory.measured(open_it)
    finally:
        crashes.enter(0)
    loaded = replace(loaded, memory_bytes=max(grown_bytes, loaded.memory_bytes))
    log.info("loaded %s:%s in %.1f ms, %d bytes", served.model_name, served.number, loaded.load_ms, loaded.memory_bytes)
    return loaded


cache = ModelCache(max_count=settings.MODEL_CACHE_COUNT, max_bytes=settings.MODEL_CACHE_BYTES)
