"""The bars of the drift page."""

import pytest

from monitoring.drift.models import DriftResult
from monitoring.pages import drift


def labels(edges: list[float]) -> list[str]:
    shares = [1 / (len(edges) - 1)] * (len(edges) - 1)
    return [
        bar.label
        for bar in drift.bars(DriftResult(facts={"edges": edges, "reference_shares": shares, "shares": shares}))
    ]


@pytest.mark.parametrize(
    ("edges", "told"),
    [
        ([0.0, 1.0, 2.5, 4.0], ["under 1", "1 – 2.5", "from 2.5"]),
        (
            [0.5, 0.99991, 0.99996, 0.99998, 1.0],
            ["under 0.99991", "0.99991 – 0.99996", "0.99996 – 0.99998", "from 0.99998"],
        ),
        ([3.0, 3.0], ["3 – 3"]),
        ([0.0, 1.0], ["0 – 1"]),
    ],
)
def test_bins_have_as_many_digits_as_tell_them_apart(edges: list[float], told: list[str]) -> None:
    assert labels(edges) == told


def test_edges_that_nothing_short_tells_apart_stay_short() -> None:
    assert all(len(label) < 40 for label in labels([0.1, 1 - 3e-12, 1 - 2e-12, 1 - 1e-12, 1.0]))
