"""Models by name within a budget of memory, least recently used first out."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache

from inference import memory
from inference.errors import ModelTooLarge

log = logging.getLogger(__name__)
_MB = 1024 * 1024
_LEAST_BYTES = 4096  # a model that added no page is not free


@dataclass(frozen=True, slots=True)
class _Held:
    model: Any
    size_bytes: int


class ModelCache:
    """Thread-safe: one load at a time, and who asks for what is being loaded waits for it.

    A model counts with what the process grew by when it was loaded, or with what the loader's caller says.
    """

    def __init__(self, max_memory_mb: float = 400) -> None:
        self.max_memory_mb = max_memory_mb
        self.hits = self.misses = self.evictions = 0
        self._lock = threading.RLock()
        self._held: _Counting = _Counting(int(max_memory_mb * _MB), self._evicted)

    @property
    def current_memory_mb(self) -> float:
        """What the models held take together."""
        return float(self._held.currsize / _MB)

    def get_model(
        self, model_name: str, loader_func: Callable[[], Any] | None = None, *, size_bytes: int | None = None
    ) -> Any:
        """The model, loaded when it is not held; None without a loader, or when the loader has none to give.

        Makes room before it keeps a new one. Raises ModelTooLarge for a model that is larger than the whole budget, and
        whatever the loader raises.
        """
        with self._lock:
            held = self._held.get(model_name)
            if held is not None:
                self.hits += 1
                return held.model
            self.misses += 1
            if loader_func is None:
                return None
            model, grown_bytes = memory.measured(loader_func)
            if model is None:
                return None
            needed = max(size_bytes if size_bytes is not None else grown_bytes, _LEAST_BYTES)
            if needed > self._held.maxsize:
                raise ModelTooLarge(model_name, needed_bytes=needed, limit_bytes=int(self._held.maxsize))
            self._held[model_name] = _Held(model, needed)
            return model

    def remove_model(self, model_name: str) -> None:
        """Let go of one, if it is held."""
        with self._lock:
            if self._held.pop(model_name, None) is not None:
                memory.give_back()

    def clear_cache(self) -> None:
        """Let go of all; the counts stay."""
        with self._lock:
            for name in list(self._held):
                del self._held[name]
            memory.give_back()

    def get_stats(self) -> dict[str, Any]:
        """Counts since the cache was made, and what is held now."""
        with self._lock:
            asked = self.hits + self.misses
            return {
                "hits": self.hits,
                "misses": self.misses,
                "hit_rate": self.hits / asked if asked else 0.0,
                "evictions": self.evictions,
                "models": list(self._held),
                "current_memory_mb": self.current_memory_mb,
                "max_memory_mb": self.max_memory_mb,
            }

    def _evicted(self, name: str) -> None:
        self.evictions += 1
        log.info("evicted %s", name)


class _Counting(LRUCache[str, _Held]):
    """Tells of each that it drops to make room."""

    def __init__(self, max_bytes: int, tell: Callable[[str], None]) -> None:
        super().__init__(max_bytes, getsizeof=lambda held: held.size_bytes)
        self._tell = tell

    def popitem(self) -> tuple[str, _Held]:
        name, held = super().popitem()
        self._tell(name)
        return name, held
