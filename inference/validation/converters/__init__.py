"""Our own translations for the compiler, where its own are not exact enough."""

from inference.validation.converters import (
    boosted_trees,
    forests,
    functions,
    gradient_boosting,
    histogram_boosting,
    imputers,
    isolation,
    isotonic,
    neighbors,
    sublinear_counts,
    tuned_thresholds,
    vector_machines,
)

PARTS = (
    boosted_trees,
    forests,
    functions,
    gradient_boosting,
    histogram_boosting,
    imputers,
    isolation,
    isotonic,
    neighbors,
    sublinear_counts,
    tuned_thresholds,
    vector_machines,
)


def register() -> None:
    """Makes the compiler use them. Safe to call more than once."""
    for part in PARTS:
        part.register()
