"""Fits the correlation models: from what can be counted in a picture to the parameters that suit it.

A conversion is worth its SSIM less a hundredth for every doubling of the SVG's size. A forest first learns that worth
from features and parameters together; then, for each logo that was learnt from, the best of many settings are searched
in it; a second forest learns to name those from the features alone, and is what is served.
"""

from typing import Any

import numpy as np
from PIL import Image
from sklearn.ensemble import ExtraTreesRegressor

from solutions.images import features, parameters
from solutions.images.training import vectorising
from solutions.images.training.measuring import Array, Measured, Progress

PRICE = 0.01
"""SSIM that halving the size of the SVG is worth."""
_CANDIDATES = 200
_BEST = 10


def worth(ssim: Array, svg_bytes: Array) -> Array:
    """SSIM less the price of the size."""
    return np.asarray(ssim - PRICE * np.log2(svg_bytes / 1024))


def features_of(data: Measured) -> Array:
    """(logos, features), in the order of `features.NAMES`."""
    return np.array([[features.of(pixels)[name] for name in features.NAMES] for pixels in data.pixels])


def fit(data: Measured, counted: Array, *, seed: int, progress: Progress) -> Any:
    """data, counted: the logos to learn from. The estimator's rows are data frames with the features' names."""
    import pandas as pd

    random = np.random.default_rng([seed, 5])
    value = ExtraTreesRegressor(200, min_samples_leaf=2, n_jobs=2, random_state=seed)
    conversions = data.params.shape[1]
    value.fit(_side_by_side(np.repeat(counted, conversions, 0), data.params.reshape(-1, 8)),
              worth(data.ssim, data.svg_bytes).ravel())  # fmt: skip
    candidates = _candidates(random)
    best = []
    for at, row in enumerate(counted):
        told = value.predict(_side_by_side(np.repeat(row[None], len(candidates), 0), candidates))
        best.append(candidates[np.argsort(-told, kind="stable")[:_BEST]].mean(axis=0))
        progress(at + 1, len(counted))
    advice = ExtraTreesRegressor(40, min_samples_leaf=8, n_jobs=1, random_state=seed)
    advice.fit(pd.DataFrame(counted, columns=list(features.NAMES)), np.array(best))
    return advice


def cast(told: Array) -> dict[str, float]:
    """The model's eight numbers as parameters that vtracer takes."""
    return {one.name: one.cast(value) for one, value in zip(parameters.PARAMETERS, told, strict=True)}


def worth_of(data: Measured, told: Array, *, progress: Progress) -> Array:
    """Convert each logo with the parameters told for it, and measure: (logos,)."""
    found = []
    for at, (pixels, row) in enumerate(zip(data.pixels, told, strict=True)):
        picture = Image.fromarray(pixels)
        svg = vectorising.convert(picture, cast(row))
        found.append(float(worth(np.array(vectorising.similarity(picture, svg)), np.array(len(svg.encode())))))
        progress(at + 1, len(told))
    return np.array(found)


def _side_by_side(counted: Array, params: Array) -> Array:
    return np.concatenate([counted, params], axis=1)


def _candidates(random: np.random.Generator) -> Array:
    """The defaults, settings near them, and settings anywhere."""
    rows = [[one.default for one in parameters.PARAMETERS]]
    for at in range(1, _CANDIDATES):
        rows.append([
            one.cast(random.normal(one.default, (one.highest - one.lowest) / 8) if at % 2
                     else random.uniform(one.lowest, one.highest))
            for one in parameters.PARAMETERS
        ])  # fmt: skip
    return np.array(rows, dtype=np.float64)
