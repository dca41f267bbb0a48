"""How good the three models are on logos that none of them saw: figures with their ranges, beside trivial baselines.

The conversions of one logo are drawn together, as they are much alike.
"""

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score, root_mean_squared_error

from solutions.figures import Figure, measured
from solutions.images import FAMILIES, heuristic, parameters
from solutions.images.training.measuring import Array, Measured


def of_quality(data: Measured, told: Array, *, mean: float, seed: int) -> tuple[tuple[Figure, ...], dict[str, Any]]:
    """data: the held-out logos. told: (logos, conversions). mean: SSIM over the logos that were learnt from."""
    groups = np.repeat(np.arange(len(told)), told.shape[1])
    truth, guessed = data.ssim.ravel(), told.ravel()
    trivial, thumb = np.full_like(truth, mean), _by_thumb(data)
    figures = [
        measured(
            name, measure, truth, guessed, seed=seed, groups=groups,
            baseline=float(measure(truth, trivial)), baseline_name="mean SSIM",
        )
        for name, measure in (("mae", mean_absolute_error), ("rmse", root_mean_squared_error), ("r2", r2_score))
    ]  # fmt: skip
    thumb_error = mean_absolute_error(truth, thumb)
    figures.append(measured("mae_rule_of_thumb", mean_absolute_error, truth, thumb, seed=seed, groups=groups))
    family = np.repeat(data.family, told.shape[1])
    by_family = [
        {
            "family": name,
            "conversions": int((family == at).sum()),
            "mean SSIM": float(truth[family == at].mean()),
            "mae": float(mean_absolute_error(truth[family == at], guessed[family == at])),
            "mae of the mean": float(mean_absolute_error(truth[family == at], trivial[family == at])),
            "mae of the rule of thumb": float(mean_absolute_error(truth[family == at], thumb[family == at])),
        }
        for at, name in enumerate(FAMILIES)
    ]
    facts = {"By family": by_family, "Rule of thumb": f"from the parameters alone, mae {thumb_error:.4f}"}
    return tuple(figures), facts


def of_families(data: Measured, told: Array, *, seed: int) -> tuple[tuple[Figure, ...], dict[str, Any]]:
    """told: (logos, families), probabilities."""
    guessed = told.argmax(axis=1)
    most = float(np.bincount(data.family).max() / len(data.family))
    figures = (
        measured(
            "accuracy", accuracy_score, data.family, guessed, seed=seed, baseline=most, baseline_name="majority class"
        ),
        measured("log_loss", _log_loss, data.family, told, seed=seed, baseline=float(np.log(told.shape[1])),
                 baseline_name="equal shares"),
    )  # fmt: skip
    confusion = [
        {"drawn as": name}
        | {f"told {other}": int(((data.family == at) & (guessed == to)).sum())
           for to, other in enumerate(FAMILIES)}
        for at, name in enumerate(FAMILIES)
    ]  # fmt: skip
    return figures, {"Confusion": confusion}


def of_advice(usual: Array, advised: Array, fixed: Array, *, seed: int) -> tuple[Figure, ...]:
    """Worth of held-out conversions with vtracer's defaults, the advice, and one setting for all: (logos,) each."""
    return (
        measured("worth", np.mean, advised, seed=seed, baseline=float(usual.mean()), baseline_name="defaults"),
        measured("worth_of_one_setting_for_all", np.mean, fixed, seed=seed),
        measured("gain_over_defaults", np.mean, advised - usual, seed=seed, baseline=0.0, baseline_name="none"),
        measured("share_better_than_defaults", np.mean, (advised > usual).astype(float), seed=seed, baseline=0.5,
                 baseline_name="coin"),
    )  # fmt: skip


def _log_loss(truth: Array, told: Array) -> float:
    return float(-np.log(told[np.arange(len(truth)), truth].clip(1e-7)).mean())


def _by_thumb(data: Measured) -> Array:
    rows = data.params.reshape(-1, len(parameters.NAMES))
    return np.array([heuristic.ssim(dict(zip(parameters.NAMES, map(float, row), strict=True))) for row in rows])
