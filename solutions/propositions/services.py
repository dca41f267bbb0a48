"""What changes propositions, and what is logged and said of users. Ranking: `suggesting`; learning: `retraining`."""

from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit
from accounts.errors import Forbidden
from accounts.models import User
from inference import activation
from registry import resolver
from registry import services as registry_services
from registry.models import Deployment
from solutions.errors import ValueInvalid
from solutions.propositions import MODEL, stocking, suggestion_cache
from solutions.propositions.errors import PropositionExists, PropositionNotFound, PropositionUnknown
from solutions.propositions.models import Counting, Interaction, Proposition, Stock, UserFeatures

LATEST_AHEAD = timedelta(minutes=5)
OLDEST = timedelta(days=30)


def log_event(
    *,
    event_type: str,
    user_id: str,
    proposition_id: str,
    context: str = "",
    position: int = 0,
    at: datetime | None = None,
) -> Interaction:
    """Write down what a user did. `at`: when, if not now; clocks may be five minutes ahead and thirty days behind.

    Raises PropositionUnknown and ValueInvalid.
    """
    now = timezone.now()
    happened = at or now
    if happened > now + LATEST_AHEAD:
        raise ValueInvalid("This lies in the future.", code="in_the_future", field="at")
    if happened < now - OLDEST:
        raise ValueInvalid(f"This is more than {OLDEST.days} days ago.", code="too_long_ago", field="at")
    proposition = Proposition.objects.filter(ref=proposition_id).first()
    if proposition is None:
        raise PropositionUnknown(f"There is no proposition {proposition_id!r}.", field="proposition_id")
    return Interaction.objects.create(
        user_id=user_id,
        proposition=proposition,
        event_type=event_type,
        context=context,
        category=proposition.category,
        price=float(proposition.price),
        position=position,
        at=min(happened, now),
        recorded_at=now,
    )


def create_proposition(*, by: User, **facts: Any) -> Proposition:
    """Raises Forbidden, PropositionExists, ValidationError."""
    _require(by, "solutions.add_proposition", "add propositions")
    made = Proposition(**facts)
    if Proposition.objects.filter(ref=made.ref).exists():
        raise PropositionExists(f"There is a proposition {made.ref} already.", field="proposition_id")
    _check(made)
    try:
        with transaction.atomic():
            made.save()
            audit.record("proposition.created", by=by, target=made, details={"ref": made.ref})
    except IntegrityError as error:
        raise PropositionExists(f"There is a proposition {made.ref} already.", field="proposition_id") from error
    return made


def change_proposition(*, by: User, proposition_id: str, **facts: Any) -> Proposition:
    """Change some of a proposition's facts. What was logged keeps the category and price it had.

    Raises Forbidden, PropositionNotFound, ValidationError.
    """
    _require(by, "solutions.change_proposition", "change propositions")
    with transaction.atomic():
        Stock.move()  # first, as counting does, so that neither waits for the other
        proposition = Proposition.objects.select_for_update().filter(ref=proposition_id).first()
        if proposition is None:
            raise PropositionNotFound(f"There is no proposition {proposition_id!r}.")
        changed = sorted(name for name, value in facts.items() if getattr(proposition, name) != value)
        if not changed:
            return proposition
        for name in changed:
            setattr(proposition, name, facts[name])
        _check(proposition)
        proposition.save(update_fields=[*changed, "updated_at"])
        audit.record("proposition.changed", by=by, target=proposition, details={"fields": changed})
    return proposition


def state_features(*, user_id: str, interests: list[str], budget: float | None) -> UserFeatures:
    """What the client says of a user from now on. Saying the same again changes nothing."""
    said = sorted(set(interests))
    newest = UserFeatures.objects.filter(user_id=user_id).first()
    if newest is not None and (newest.interests, newest.budget) == (said, budget):
        return newest
    return UserFeatures.objects.create(user_id=user_id, interests=said, budget=budget)


def activate(*, by: User, number: int, note: str = "", within: Any = None) -> Deployment:
    """Make a version of the ranking model live everywhere. Raises ModelNotFound and what an activation raises."""
    version = resolver.find_version(resolver.find_model(MODEL, user=by), number)
    return activation.activate(version=version, by=by, note=note, within=within)


def clear_cache(*, by: User) -> int:
    """Have every process forget its suggestions; returns how many this one held. Raises ModelNotFound, Forbidden."""
    registry_services.check_may_activate(by, resolver.find_model(MODEL, user=by))
    held = suggestion_cache.size()
    with transaction.atomic():
        if not Counting.objects.filter(pk=1).update(epoch=F("epoch") + 1):
            Counting.objects.get_or_create(pk=1, defaults={"epoch": 1})
        audit.record("suggestions.cleared", by=by, details={"held": held})
    suggestion_cache.forget()
    return held


def prepare_demo(*, by: User, seed: int) -> str:
    """A simulated shop where there are no propositions yet; what was done."""
    written = stocking.stock(by=by, seed=seed)
    if not written["propositions"]:
        return ""
    return f"a simulated shop: {written['propositions']:,} propositions, {written['interactions']:,} events"


def _check(proposition: Proposition) -> None:
    """The model's own rules; the fields under the names of the API."""
    try:
        proposition.full_clean(validate_constraints=False, validate_unique=False)
    except ValidationError as error:
        renamed = {"proposition_id" if name == "ref" else name: told for name, told in error.error_dict.items()}
        raise ValidationError(renamed) from error


def _require(by: User, right: str, what: str) -> None:
    if not by.has_perm(right):
        raise Forbidden(f"You may not {what}.", details={"right": right})
