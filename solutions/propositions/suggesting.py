"""The conductor: from a user and a place to a ranked list with reasons. Its door is `suggest`."""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts import metrics
from accounts.principal import Principal
from registry import resolver
from registry.errors import RegistryError
from solutions.propositions import MODEL, candidates, impressions, knowledge, reading, scoring, shelf, suggestion_cache
from solutions.propositions.features import matrix
from solutions.propositions.features.history import EventType, Known
from solutions.propositions.models import Interaction
from solutions.propositions.ranking import diversity, reasons
from solutions.propositions.ranking.explained import added_to

MOST_SUGGESTED = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked. is_recorded: whether the answer counts as shown, so that an impression of each is logged."""

    user_id: str
    context: str = ""
    limit: int = 10
    use_cache: bool = True
    is_recorded: bool = True


@dataclass(frozen=True, slots=True)
class Suggested:
    """One line of a list. `key` is the proposition's in the database."""

    key: int
    proposition_id: str
    title: str
    category: str
    price: float
    score: float
    explanation: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A list. version: None when the rules ranked it, for `reason`. cache: hit, miss or bypass."""

    id: uuid.UUID
    wanted: Wanted
    lines: tuple[Suggested, ...]
    version: int | None
    reason: str
    cache: str
    inference_ms: float

    @property
    def is_degraded(self) -> bool:
        """Whether the rules ranked it, in place of a model."""
        return bool(self.reason)


def suggest(*, wanted: Wanted, by: Principal, request_id: str) -> Suggestion:
    """Rank for a user, and log what is shown. Raises ModelNotFound where the caller may not use the ranking model, and
    what a prediction raises that isn't the model's fault (RateLimited, SpoolFull)."""
    started, at = time.perf_counter(), timezone.now()
    standing = reading.standing(wanted.user_id)
    kept = shelf.at(at, stock=standing.stock)
    key = _key(wanted, by, standing) if wanted.use_cache else ""
    found = _remembered(key, wanted, kept) if key else None
    if found is None:
        found = _ranked(wanted, by, at, kept, request_id, key)
    if wanted.is_recorded:
        impressions.log(_impressions(found, at))
    metrics.count_suggestion(source=_source(found), seconds=time.perf_counter() - started)
    return found


def _source(found: Suggestion) -> str:
    if found.cache == "hit":
        return "cached"
    return "rules" if found.is_degraded else "model"


def _ranked(wanted: Wanted, by: Principal, at: datetime, kept: shelf.Shelf, request_id: str, key: str) -> Suggestion:
    known = knowledge.of_user(wanted.user_id, at=at)
    rated = candidates.for_user(known, at=at, kept=kept, seed=f"{wanted.user_id} {at:%Y-%m-%d}")
    if not len(rated):
        return Suggestion(uuid.uuid4(), wanted, (), None, "", "miss" if key else "bypass", 0.0)
    rows = matrix.rows(known, rated.items, context=wanted.context, at=at.timestamp())
    scored = scoring.of_rows(rows, by=by, user_id=wanted.user_id, request_id=request_id)
    order = diversity.chosen(
        scored.scores.tolist(),
        [item.category for item in rated.items.each],
        limit=wanted.limit,
        strength=settings.PROPOSITIONS_DIVERSITY,
    )
    lines = _lines(rated, rows, scored, order, known, wanted.context, at)
    made = Suggestion(
        uuid.uuid4(), wanted, lines, scored.version, scored.reason, "miss" if key else "bypass", scored.inference_ms
    )
    if key and not made.is_degraded:
        suggestion_cache.put(key, {"version": made.version, "lines": [_plain(line) for line in lines]})
    return made


def _lines(
    rated: shelf.Offers,
    rows: matrix.Matrix,
    scored: scoring.Scored,
    order: list[int],
    known: Known,
    context: str,
    at: datetime,
) -> tuple[Suggested, ...]:
    added = added_to(rows[order], served=scored.served)
    lines = []
    for number, parts in zip(order, added, strict=True):
        offer = rated.each[number]
        about = reasons.About(offer.item, known, context, at.timestamp())
        lines.append(_line(offer, round(float(scored.scores[number]), 6), reasons.sentence(parts, about)))
    return tuple(lines)


def _line(offer: shelf.Offer, score: float, explanation: str) -> Suggested:
    return Suggested(offer.key, offer.ref, offer.title, offer.item.category, offer.price, score, explanation)


def _remembered(key: str, wanted: Wanted, kept: shelf.Shelf) -> Suggestion | None:
    """The list of a moment ago, if all it holds is still there; titles and prices are those of now."""
    found = suggestion_cache.get(key)
    if found is None:
        return None
    open = shelf.among(kept, [line["key"] for line in found["lines"]])
    if open is None:
        return None
    lines = tuple(
        _line(offer, line["score"], line["explanation"]) for offer, line in zip(open, found["lines"], strict=True)
    )
    return Suggestion(uuid.uuid4(), wanted, lines, found["version"], "", "hit", 0.0)


def _key(wanted: Wanted, by: Principal, standing: reading.Standing) -> str:
    """What the list depends on; empty while no version is live for this caller, as rules are not remembered."""
    try:
        served = resolver.resolve(MODEL, user=by.user)
    except RegistryError:
        return ""
    if not by.may_use_model(MODEL):
        return ""
    return suggestion_cache.key_of(
        user=wanted.user_id,
        context=wanted.context,
        limit=wanted.limit,
        version=served.version_id,
        did=standing.did,
        said=standing.said,
        epoch=standing.epoch,
        diversity=settings.PROPOSITIONS_DIVERSITY,
    )


def _plain(line: Suggested) -> dict[str, Any]:
    return {"key": line.key, "score": line.score, "explanation": line.explanation}


def _impressions(found: Suggestion, at: datetime) -> list[Interaction]:
    return [
        Interaction(
            user_id=found.wanted.user_id,
            proposition_id=line.key,
            event_type=EventType.IMPRESSION,
            context=found.wanted.context,
            category=line.category,
            price=line.price,
            position=position,
            suggestion=found.id,
            version_number=found.version,
            at=at,
            recorded_at=at,
        )
        for position, line in enumerate(found.lines)
    ]
