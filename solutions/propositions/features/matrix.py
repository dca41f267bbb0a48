"""Rows for the model: one for each candidate, from what is known of the user, the candidate, the place and the hour."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from solutions.propositions.features.columns import AT, COLUMNS, CONTEXTS, FORGET_AFTER_HOURS, PRIOR_RATE
from solutions.propositions.features.history import Known, Sums

Matrix = np.ndarray[Any, np.dtype[np.float32]]

_USER_WEIGHT = 20.0
_CATEGORY_WEIGHT = 5.0
_ITEM_WEIGHT = 50.0
_OLDEST_DAYS = 365.0
_LONGEST = math.log1p(FORGET_AFTER_HOURS)
_CATEGORY = slice(AT["category_impressions"], AT["category_share"] + 1)


class Item(NamedTuple):
    """A proposition as it was known at some moment. `impressions` and `clicks` are those of its last count."""

    key: int
    category: str
    log_price: float
    published_at: float
    impressions: float
    clicks: float


class Items:
    """Propositions as columns, with what can be worked out before anybody asks; made once for many rows."""

    __slots__ = ("_fixed", "_log_prices", "_places_of_category", "_places_of_key", "_published_at", "each")

    def __init__(self, each: Sequence[Item]) -> None:
        self.each = tuple(each)
        self._log_prices = np.array([item.log_price for item in each], dtype=np.float64)
        self._published_at = np.array([item.published_at for item in each], dtype=np.float64)
        self._places_of_key: dict[int, list[int]] = {}
        self._places_of_category: dict[str, list[int]] = {}
        self._fixed = np.zeros((len(each), len(COLUMNS)), dtype=np.float32)
        for place, item in enumerate(each):
            self._places_of_key.setdefault(item.key, []).append(place)
            self._places_of_category.setdefault(item.category, []).append(place)
            row = self._fixed[place]
            row[AT["item_click_rate"]] = item_click_rate(item.impressions, item.clicks)
            row[AT["item_impressions"]] = math.log1p(item.impressions)
            row[AT["item_price"]] = item.log_price

    def __len__(self) -> int:
        return len(self.each)

    def rows(self, known: Known, *, context: str, at: float) -> Matrix:
        """A row for each, as if each stood first."""
        made = self._fixed + _same_for_all(known, context, at)
        self._fill_by_category(made, known)
        self._fill_by_key(made, known, at)
        age_days = np.clip((at - self._published_at) / 86_400.0, 0.0, _OLDEST_DAYS)
        made[:, AT["item_age_days"]] = np.log1p(age_days)
        usual, budget = known.mean_log_price, known.stated.budget
        if usual is not None:
            made[:, AT["price_distance"]] = np.abs(self._log_prices - usual)
        if budget is not None:
            made[:, AT["over_budget"]] = np.maximum(0.0, self._log_prices - math.log1p(budget))
        return made

    def _fill_by_category(self, made: Matrix, known: Known) -> None:
        for category, places in self._places_of_category.items():
            sums = known.by_category.get(category)
            if sums is not None:
                made[places, _CATEGORY] = _of_category(known, sums)
            if category in known.stated.interests:
                made[places, AT["is_interest"]] = 1.0

    def _fill_by_key(self, made: Matrix, known: Known, at: float) -> None:
        for key, then in known.shown_at.items():
            for place in self._places_of_key.get(key, ()):
                made[place, AT["shown_before"]] = math.log1p(known.shown[key])
                made[place, AT["hours_since_shown"]] = _hours_ago(then, at)
        for key, times in known.clicked.items():
            for place in self._places_of_key.get(key, ()):
                made[place, AT["clicked_before"]] = math.log1p(times)


def rows(
    known: Known,
    items: Items | Sequence[Item],
    *,
    context: str,
    at: float,
    positions: Sequence[int] | None = None,
) -> Matrix:
    """A row of `columns.COLUMNS` for each item.

    positions: where each was shown, counted from 0. When ranking it is left out: then every candidate is rated as if
    it stood first, which is how a model that learned from shown lists is asked without the bias of the place.
    """
    made = (items if isinstance(items, Items) else Items(items)).rows(known, context=context, at=at)
    if positions is not None:
        made[:, AT["position"]] = np.log1p(np.asarray(positions, dtype=np.float64))
    return made


def click_rate(sums: Sums, *, prior: float, weight: float) -> float:
    """Clicks per impression, drawn towards `prior` as if `weight` impressions had shown it."""
    return (sums.clicks + weight * prior) / (sums.impressions + weight)


def item_click_rate(impressions: float, clicks: float) -> float:
    """The click rate of a proposition, drawn towards the prior while it is little known."""
    return (clicks + _ITEM_WEIGHT * PRIOR_RATE) / (impressions + _ITEM_WEIGHT)


def _same_for_all(known: Known, context: str, at: float) -> Matrix:
    row = np.zeros(len(COLUMNS), dtype=np.float32)
    row[AT["user_impressions"]] = math.log1p(known.total.impressions)
    row[AT["user_click_rate"]] = click_rate(known.total, prior=PRIOR_RATE, weight=_USER_WEIGHT)
    row[_CATEGORY] = _of_category(known, Sums())
    row[AT["hours_since_seen"]] = _hours_ago(known.last_at, at)
    row[AT["hours_since_shown"]] = _LONGEST
    row[AT["knows_price"]] = known.mean_log_price is not None
    row[AT["has_interests"]] = bool(known.stated.interests)
    if context in CONTEXTS:
        row[AT[f"context_{context}"]] = 1.0
    moment = datetime.fromtimestamp(at, UTC)
    angle = 2.0 * math.pi * (moment.hour + moment.minute / 60.0) / 24.0
    row[AT["hour_sin"]], row[AT["hour_cos"]] = math.sin(angle), math.cos(angle)
    row[AT["is_weekend"]] = moment.weekday() >= 5
    return row


def _of_category(known: Known, sums: Sums) -> tuple[float, float, float, float]:
    user_rate = click_rate(known.total, prior=PRIOR_RATE, weight=_USER_WEIGHT)
    rate = click_rate(sums, prior=user_rate, weight=_CATEGORY_WEIGHT)
    return math.log1p(sums.impressions), rate, rate / user_rate, sums.clicks / (known.total.clicks + 1.0)


def _hours_ago(then: float | None, at: float) -> float:
    if then is None:
        return _LONGEST
    return math.log1p(min(FORGET_AFTER_HOURS, max(0.0, (at - then) / 3600.0)))
