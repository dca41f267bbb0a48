"""What each model takes of this process, in the words of seed 004."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings

from inference import memory

Result = TypeVar("Result")
_MB = 1024 * 1024


class ModelMemoryMonitor:
    """Measures around each load. `memory_stats`: by model; `peak_usage`: of the process, in MB."""

    def __init__(self) -> None:
        self.memory_stats: dict[str, dict[str, float]] = {}
        self.peak_usage = 0.0
        self._lock = threading.Lock()

    def measured(self, model_name: str, load: Callable[[], Result]) -> Result:
        """Do the load and note by how much the process grew. Raises what the load raises."""
        loaded, grown_bytes = memory.measured(load)
        with self._lock:
            stats = self.memory_stats.setdefault(model_name, {"estimated_size_mb": 0.0})
            stats["actual_memory_delta_mb"] = grown_bytes / _MB
            stats["total_memory_mb"] = memory.resident_bytes() / _MB
        self._note_peak()
        return loaded

    def tell_size(self, model_name: str, size_bytes: int) -> None:
        """Note the size of a model's file, which its parameters make up."""
        with self._lock:
            self.memory_stats.setdefault(model_name, {})["estimated_size_mb"] = size_bytes / _MB

    def track_model_memory(self, model_name: str, load: Callable[[], Any], *, size_bytes: int = 0) -> dict[str, float]:
        """Load by `load` and measure: `estimated_size_mb`, `actual_memory_delta_mb`, `total_memory_mb`."""
        self.measured(model_name, load)
        self.tell_size(model_name, size_bytes)
        return self.memory_stats[model_name]

    def get_memory_report(self) -> dict[str, Any]:
        """The process now and at its peak, each model's part, and the limit (setting PROCESS_MEMORY_BYTES)."""
        self._note_peak()
        current, limit = memory.resident_bytes() / _MB, settings.PROCESS_MEMORY_BYTES / _MB
        return {
            "current_memory_mb": current,
            "peak_memory_mb": self.peak_usage,
            "model_breakdown": {name: dict(stats) for name, stats in self.memory_stats.items()},
            "memory_limit_mb": limit,
            "within_limits": current < limit,
        }

    def _note_peak(self) -> None:
        self.peak_usage = max(self.peak_usage, memory.peak_bytes() / _MB)
