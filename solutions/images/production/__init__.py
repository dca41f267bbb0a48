"""The classes that seed 004 names, for programs of the operator's own: models from a directory, without the registry.

Built on the platform's runtimes, handlers and memory measure; the web API does not pass through here. Paths are the
operator's: nothing that a client sends becomes one.
"""

from solutions.images.production.cache import ModelCache
from solutions.images.production.manager import ProductionModelManager
from solutions.images.production.memory_monitor import ModelMemoryMonitor
from solutions.images.production.predictor import OptimizedQualityPredictor

__all__ = ["ModelCache", "ModelMemoryMonitor", "OptimizedQualityPredictor", "ProductionModelManager"]
