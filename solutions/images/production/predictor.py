"""Predicts quality for a program's own pictures, alone or in batches; where the model can't, by a rule of thumb."""

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inference.handlers import pictures
from inference.runtimes.base import LoadedModel
from solutions.images import QUALITY, SIZE, heuristic, parameters
from solutions.images.production.manager import ProductionModelManager

log = logging.getLogger(__name__)
MODEL_SECONDS, HEURISTIC_SECONDS = 0.05, 0.01


class OptimizedQualityPredictor:
    """Asks the manager's `quality_predictor`. `fallbacks` counts answers that were a rule of thumb.

    Pictures are given as paths or as the bytes of a file. Parameters that are not given have vtracer's defaults.
    """

    def __init__(self, model_manager: ProductionModelManager) -> None:
        self.model_manager = model_manager
        self.fallbacks = 0
        self._lock = threading.Lock()
        if self.model is None:
            log.warning("quality_predictor is not available: a rule of thumb answers")

    @property
    def model(self) -> LoadedModel | None:
        """What the manager has now."""
        return self.model_manager.models.get(QUALITY)

    def predict_quality(self, image: str | Path | bytes, params: Mapping[str, float]) -> float:
        """SSIM from 0 to 1 for one picture. Raises ParameterInvalid."""
        return self.predict_batch([image], [params])[0]

    def predict_batch(
        self, images: Sequence[str | Path | bytes], params_list: Sequence[Mapping[str, float]]
    ) -> list[float]:
        """SSIM of each, in order, by one call of the model. Raises ValueError when the lengths differ.

        A picture that can't be read gets the rule of thumb; the others are still asked.
        """
        if len(images) != len(params_list):
            raise ValueError("Image paths and params lists must have same length")
        settings = [parameters.complete(params) for params in params_list]
        tensors = [self._tensor(image) for image in images]
        readable = [at for at, tensor in enumerate(tensors) if tensor is not None]
        told = self._ask([tensors[at] for at in readable], [settings[at] for at in readable])
        by_place = dict(zip(readable, told, strict=True)) if told is not None else {}
        answers = [by_place[at] if at in by_place else heuristic.ssim(given) for at, given in enumerate(settings)]
        with self._lock:
            self.fallbacks += len(answers) - len(by_place)
        return answers

    def estimate_processing_time(self, num_images: int) -> float:
        """Seconds that a batch should take at most: 0.05 for each picture, 0.01 by the rule of thumb."""
        return num_images * (HEURISTIC_SECONDS if self.model is None else MODEL_SECONDS)

    _estimate_processing_time = estimate_processing_time

    def _ask(self, tensors: list[Any], settings: list[dict[str, float]]) -> list[float] | None:
        model = self.model
        if model is None or not tensors:
            return None
        feeds = {"image": np.stack(tensors), "parameters": np.stack([parameters.vector(given) for given in settings])}
        try:
            values = np.asarray(model.predict(feeds).labels, dtype=np.float64).reshape(-1)
        except Exception as error:
            log.warning("quality prediction failed: %s", error)
            return None
        if not np.isfinite(values).all():
            log.warning("quality prediction gave no number")
            return None
        return [float(min(1.0, max(0.0, value))) for value in values]

    def _tensor(self, image: str | Path | bytes) -> Any:
        """(3, 224, 224) from 0 to 1; None for what can't be read."""
        try:
            content = image if isinstance(image, bytes) else Path(image).read_bytes()
            picture = pictures.fitted(pictures.decode(content), (SIZE, SIZE))
        except (OSError, pictures.Refused) as error:
            log.warning("a picture can't be read: %s", error)
            return None
        return np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
