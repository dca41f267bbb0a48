"""Which recorded predictions feedback is about, and what their versions predict."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Max, Q, QuerySet

from accounts.models import User
from monitoring import rights
from monitoring.models import Outcome, PredictionLog
from monitoring.outcomes.errors import FeedbackInvalid
from monitoring.outcomes.items import Given
from registry.models import ModelVersion

ANSWERED = (Outcome.OK, Outcome.CACHED, Outcome.FALLBACK)
_NEEDED = (
    "id", "model_id", "version_id", "subject_id", "outcome", "instance_count", "output", "created_at",
)  # fmt: skip

Key = tuple[str, str]
"""A prediction's id and nothing, or a subject and the model's name."""


def key_of(item: Given) -> Key:
    return (str(item.prediction_id), "") if item.prediction_id else (f"subject {item.subject_id}", item.model)


def readable(user: User, model_names: Collection[str] | None) -> QuerySet[PredictionLog]:
    """The records that feedback of this person and credential may be about: those whose data they may read
    (`rights.may_read_data`), because what was predicted stands beside the truth.
    """
    records = PredictionLog.objects.all()
    if not user.has_perm(rights.READ_DATA):
        records = records.filter(Q(user=user, model__visibility="internal") | Q(model__owner=user))
    return records if model_names is None else records.filter(model__name__in=model_names)


def find(
    items: Sequence[Given], *, user: User, model_names: Collection[str] | None
) -> tuple[dict[Key, PredictionLog], set[Key]]:
    """The records that items mean, as far as they are there; and what is ambiguous: subjects with predictions of
    several models where no model is named. Three queries, however many items there are.
    """
    found: dict[Key, PredictionLog] = {}
    ambiguous: set[Key] = set()
    ids = {item.prediction_id for item in items if item.prediction_id}
    allowed = readable(user, model_names).only(*_NEEDED)
    if ids:
        found |= {(str(record.pk), ""): record for record in allowed.filter(pk__in=ids)}
    subjects = {item.subject_id for item in items if not item.prediction_id}
    newest = _newest(allowed, subjects) if subjects else {}
    for item in items:
        candidates = {} if item.prediction_id else newest.get(item.subject_id, {})
        if len(candidates) > 1 and not item.model:
            ambiguous.add(key_of(item))
        elif candidates and (item.model or next(iter(candidates))) in candidates:
            found[key_of(item)] = candidates[item.model or next(iter(candidates))]
    return found, ambiguous


def refuse_ambiguous(key: Key, ambiguous: set[Key]) -> None:
    """Raise FeedbackInvalid for a subject that several models know."""
    if key in ambiguous:
        raise FeedbackInvalid(
            "Several models predicted about this subject: name one in model.", code="ambiguous_subject", field="model"
        )


def _newest(allowed: QuerySet[PredictionLog], subjects: set[str]) -> dict[str, dict[str, PredictionLog]]:
    """By subject and model name, the newest answered record."""
    about = allowed.filter(subject_id__in=subjects, outcome__in=ANSWERED)
    latest = about.values("subject_id", "model_id").annotate(at=Max("created_at")).order_by()
    times = {(row["subject_id"], row["model_id"]): row["at"] for row in latest}
    found: dict[str, dict[str, PredictionLog]] = {}
    for record in (
        about.filter(created_at__in=set(times.values())).select_related("model").only(*_NEEDED, "model__name")
    ):
        if times.get((record.subject_id, record.model_id)) == record.created_at:
            found.setdefault(record.subject_id, {})[record.model.name] = record
    return found


Signatures = dict[int | None, tuple[str, list[Any] | None]]


def signatures_of(version_ids: Collection[int | None]) -> Signatures:
    """Task and classes of versions, by id."""
    rows = ModelVersion.objects.filter(pk__in=[pk for pk in version_ids if pk]).values_list(
        "pk", "model__task", "signature__task", "signature__classes"
    )
    return {pk: (own or of_model, classes) for pk, of_model, own, classes in rows}
