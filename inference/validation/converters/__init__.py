"""Our own translations for the compiler, where its own are not exact enough."""

from inference.validation.converters import histogram_boosting, sublinear_counts


def register() -> None:
    """Makes the compiler use them. Safe to call more than once."""
    histogram_boosting.register()
    sublinear_counts.register()
