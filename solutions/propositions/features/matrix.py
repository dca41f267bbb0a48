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


class Item(NamedTuple):
    """A proposition as it was known at some moment. `impressions` and `clicks` are those of its last count."""

    key: int
    category: str
    log_price: float
    published_at: float
    impressions: float
    clicks: float


def rows(
    known: Known, items: Sequence[Item], *, context: str, at: float, positions: Sequence[int] | None = None
) -> Matrix:
    """A row of `columns.COLUMNS` for each item.

    positions: where each was shown, counted from 0. When ranking it is left out: then every candidate is rated as if
    it stood first, which is how a model that learned from shown lists is asked without the bias of the place.
    """
    made = np.zeros((len(items), len(COLUMNS)), dtype=np.float32)
    made[:] = _same_for_all(known, context, at)
    for number, item in enumerate(items):
        _fill(made[number], known, item, at)
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
    row[AT["hours_since_seen"]] = _hours_ago(known.last_at, at)
    row[AT["knows_price"]] = known.mean_log_price is not None
    row[AT["has_interests"]] = bool(known.stated.interests)
    if context in CONTEXTS:
        row[AT[f"context_{context}"]] = 1.0
    moment = datetime.fromtimestamp(at, UTC)
    angle = 2.0 * math.pi * (moment.hour + moment.minute / 60.0) / 24.0
    row[AT["hour_sin"]], row[AT["hour_cos"]] = math.sin(angle), math.cos(angle)
    row[AT["is_weekend"]] = moment.weekday() >= 5
    return row


def _fill(row: Matrix, known: Known, item: Item, at: float) -> None:
    user_rate = click_rate(known.total, prior=PRIOR_RATE, weight=_USER_WEIGHT)
    sums = known.by_category.get(item.category) or Sums()
    category_rate = click_rate(sums, prior=user_rate, weight=_CATEGORY_WEIGHT)
    row[AT["category_impressions"]] = math.log1p(sums.impressions)
    row[AT["category_click_rate"]] = category_rate
    row[AT["category_lift"]] = category_rate / user_rate
    row[AT["category_share"]] = sums.clicks / (known.total.clicks + 1.0)
    row[AT["shown_before"]] = math.log1p(known.shown.get(item.key, 0))
    row[AT["clicked_before"]] = math.log1p(known.clicked.get(item.key, 0))
    row[AT["hours_since_shown"]] = _hours_ago(known.shown_at.get(item.key), at)
    usual = known.mean_log_price
    row[AT["price_distance"]] = 0.0 if usual is None else abs(item.log_price - usual)
    if known.stated.budget is not None:
        row[AT["over_budget"]] = max(0.0, item.log_price - math.log1p(known.stated.budget))
    row[AT["is_interest"]] = item.category in known.stated.interests
    row[AT["item_click_rate"]] = item_click_rate(item.impressions, item.clicks)
    row[AT["item_impressions"]] = math.log1p(item.impressions)
    row[AT["item_age_days"]] = math.log1p(min(_OLDEST_DAYS, max(0.0, (at - item.published_at) / 86_400.0)))
    row[AT["item_price"]] = item.log_price


def _hours_ago(then: float | None, at: float) -> float:
    if then is None:
        return _LONGEST
    return math.log1p(min(FORGET_AFTER_HOURS, max(0.0, (at - then) / 3600.0)))
