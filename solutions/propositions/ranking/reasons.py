"""Why a proposition stands where it stands, in one sentence, from what its columns added to its own score.

Columns that tell of one thing are added up. The sentence names what spoke most for the proposition, and a second thing
if it added at least half as much. Only what is true is said: a group that added something without a fact to name is
not named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from solutions.propositions.features.columns import AT
from solutions.propositions.features.history import Known
from solutions.propositions.features.matrix import Item

WORTH_SAYING = 0.02
SECOND = 0.5
# Clicks in a category, older ones weighing less.
_ONCE, _OFTEN = 0.3, 1.5


@dataclass(frozen=True, slots=True)
class About:
    """What a sentence may be about: one suggested proposition, for one user, in one place."""

    item: Item
    known: Known
    context: str
    at: float


def _category(about: About) -> str:
    sums = about.known.by_category.get(about.item.category)
    if not sums or sums.clicks < _ONCE:
        return ""
    return f"you {'often choose' if sums.clicks >= _OFTEN else 'chose something from'} {about.item.category}"


def _stated(about: About) -> str:
    is_named = about.item.category in about.known.stated.interests
    return f"{about.item.category} is among your interests" if is_named else ""


def _price(about: About) -> str:
    usual = about.known.mean_log_price
    if usual is not None and abs(about.item.log_price - usual) < np.log(1.5):
        return "its price is near what you usually choose"
    budget = about.known.stated.budget
    return "it is within your budget" if budget is not None and about.item.log_price <= np.log1p(budget) else ""


def _popular(about: About) -> str:
    return "others choose it often" if about.item.clicks >= 1 else ""


def _new(about: About) -> str:
    days = (about.at - about.item.published_at) / 86_400
    return "it is new" if days <= 14 else ""


def _unseen(about: About) -> str:
    if about.item.key not in about.known.shown:
        return "you have not seen it yet" if about.known.shown else ""
    return "you chose it before" if about.known.clicked.get(about.item.key) else ""


def _moment(about: About) -> str:
    return f"it suits this place ({about.context}) and hour" if about.context else "it suits this hour"


GROUPS: dict[str, tuple[tuple[str, ...], Callable[[About], str]]] = {
    "category": (("category_impressions", "category_click_rate", "category_lift", "category_share"), _category),
    "interests": (("is_interest", "has_interests"), _stated),
    "price": (("price_distance", "knows_price", "over_budget", "item_price"), _price),
    "popularity": (("item_click_rate", "item_impressions"), _popular),
    "age": (("item_age_days",), _new),
    "seen": (("shown_before", "clicked_before", "hours_since_shown"), _unseen),
    "moment": (("context_search", "context_home", "context_email", "hour_sin", "hour_cos", "is_weekend"), _moment),
}


def sentence(added: Mapping[str, float], about: About) -> str:
    """The explanation. `added`: what each column added to the score, in whatever unit the ranking has."""
    told = [(amount, words(about)) for amount, words in _by_group(added)]
    said = [(amount, text) for amount, text in told if text]
    if not said:
        why = "" if about.known.shown else ", as little is known of this user yet"
        return f"Suggested from {about.item.category}{why}."
    first, text = said[0]
    if len(said) > 1 and said[1][0] >= SECOND * first:
        text = f"{text}, and {said[1][1]}"
    return f"{text[0].upper()}{text[1:]}."


def _by_group(added: Mapping[str, float]) -> list[tuple[float, Callable[[About], str]]]:
    """The groups that spoke for the proposition, the strongest first."""
    sums = [(sum(added.get(name, 0.0) for name in names), words) for names, words in GROUPS.values()]
    return sorted(((amount, words) for amount, words in sums if amount >= WORTH_SAYING), key=lambda one: -one[0])


def by_column(row: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> dict[str, float]:
    """An array over the columns as a mapping."""
    return {name: float(row[at]) for name, at in AT.items() if row[at]}
