"""Loads the exported models of a directory, each by itself: what fails is told and left out, the others serve."""

import logging
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from inference.runtimes.base import LoadedModel
from solutions.images.production import formats
from solutions.images.production.memory_monitor import ModelMemoryMonitor
from solutions.images.training import DATA

log = logging.getLogger(__name__)


class ProductionModelManager:
    """`models`: each of the three by name, or None where it can't be served. Safe to use from several threads.

    model_dir: `quality_predictor.torchscript` (or `.onnx`), `logo_classifier.onnx`, `correlation_models.pkl` (or
    `.onnx`); the files that the platform ships, when none is given. A `.pkl` is opened without a sandbox: name only
    directories whose files you would run.
    """

    def __init__(self, model_dir: str | Path | None = None) -> None:
        self.model_dir = Path(model_dir) if model_dir is not None else DATA
        self.models: dict[str, LoadedModel | None] = {}
        self.model_metadata: dict[str, dict[str, Any]] = {}
        self.loading_lock = threading.RLock()
        self.memory = ModelMemoryMonitor()
        self._load_all_exported_models()
        self._optimize_for_production()

    def _load_all_exported_models(self) -> dict[str, LoadedModel | None]:
        """Load what is not loaded; returns `models`. One thread at a time, so that nothing is loaded twice."""
        with self.loading_lock:
            for name in formats.NAMES:
                if self.models.get(name) is None:
                    self.models[name] = self._load(name)
            return self.models

    def reload(self) -> dict[str, LoadedModel | None]:
        """Load everything anew, for files that were replaced; what is asked meanwhile is answered by the old ones."""
        with self.loading_lock:
            fresh = ProductionModelManager(self.model_dir)
            self.models, self.model_metadata, self.memory = fresh.models, fresh.model_metadata, fresh.memory
            return self.models

    def _load(self, name: str) -> LoadedModel | None:
        reasons = []
        for format in formats.of(name):
            file = self.model_dir / format.filename
            if not file.is_file():
                reasons.append(f"{file.name} is missing")
                continue
            started = time.perf_counter()
            try:
                content = file.read_bytes()
                model = self.memory.measured(name, partial(format.opened, content))
            except Exception as error:  # whatever a library raises on a bad file: the others must go on
                reasons.append(f"{file.name}: {error}")
                continue
            self.memory.tell_size(name, len(content))
            self.model_metadata[name] = {
                "file": file.name,
                "runtime": format.runtime,
                "size_bytes": len(content),
                "load_ms": (time.perf_counter() - started) * 1000,
            }
            log.info("%s is loaded from %s", name, file.name)
            return model
        log.warning("%s is not available: %s", name, "; ".join(reasons))
        self.model_metadata[name] = {"unavailable": "; ".join(reasons)}
        return None

    def _optimize_for_production(self) -> None:
        """Warm up what is loaded. A model that can't answer its warm-up can't answer anybody: it is left out."""
        for name, model in self.models.items():
            if model is not None and not self._warmup_model(name, model):
                self.models[name] = None

    def _warmup_model(self, name: str, model: LoadedModel) -> bool:
        started = time.perf_counter()
        try:
            model.predict(formats.warm_up(name))
        except Exception as error:
            log.warning("%s is not available: its warm-up failed: %s", name, error)
            self.model_metadata[name] = {"unavailable": f"its warm-up failed: {error}"}
            return False
        self.model_metadata[name]["warm_up_ms"] = (time.perf_counter() - started) * 1000
        return True
