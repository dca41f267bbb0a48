"""How numbers read on the dashboard."""

import pytest

from monitoring import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0421, "0.042 ms"),
        (3.14159, "3.14 ms"),
        (31.4159, "31.4 ms"),
        (314.159, "314 ms"),
        (1500.0, "1.50 s"),
        (83_886_080.0, "83,886.08 s"),
    ],
)
def test_durations_have_about_three_digits_and_a_unit(value: float | None, text: str) -> None:
    assert numbers.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.0 %"),
        (0.0001, "<0.05 %"),
        (0.0312, "3.1 %"),
        (1.0, "100.0 %"),
        (0.99999, ">99.9 %"),
    ],
)
def test_a_share_that_is_not_all_or_nothing_does_not_read_so(value: float | None, text: str) -> None:
    assert numbers.percent(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (0.70519, "0.705"), (12.34, "12.3"), (31_631.4, "31,631")])
def test_rates_are_short(value: float, text: str) -> None:
    assert numbers.rate(value) == text
