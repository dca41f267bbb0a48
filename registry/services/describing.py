"""What people say about models and versions: descriptions, tags, notes, metrics, settings."""

from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from registry import generation, recording, serving
from registry.errors import FieldInvalid
from registry.metrics import normal as normal_metrics
from registry.models import ModelVersion, RegisteredModel
from registry.services.rights import check_may_change

MAX_TAGS = 50
MAX_TAG_LENGTH = 50
MAX_NOTES_LENGTH = 20_000


def change_model(*, model: RegisteredModel, by: User, **changes: Any) -> RegisteredModel:
    """Change what may be changed of a model: description, tags, visibility, max_batch_rows, what its
    records keep (`registry.recording`), and how it is served (`registry.serving`). Raises Forbidden, FieldInvalid."""
    check_may_change(by, model)
    if problem := serving.fallback_problem(changes.get("fallback")):
        raise FieldInvalid(problem, field="fallback")
    if problem := recording.redacted_problem(changes.get("record_redacted", [])):
        raise FieldInvalid(problem, field="record_redacted")
    if "tags" in changes:
        check_tags(changes["tags"])
    with transaction.atomic():
        row = RegisteredModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=[*changes, "updated_at"])
        generation.bump()
        audit.record("model.changed", by=by, target=row, details=changes)
    return row


def describe_version(
    *,
    version: ModelVersion,
    by: User,
    tags: list[str] | None = None,
    notes: str | None = None,
    metrics: Any = None,
) -> ModelVersion:
    """Change what people say about a version; what is None stays. The artifact and its proof never change.

    Raises Forbidden, FieldInvalid.
    """
    check_may_change(by, version.model)
    changes: dict[str, Any] = {}
    if tags is not None:
        changes["tags"] = check_tags(tags)
    if notes is not None:
        changes["notes"] = check_notes(notes)
    if metrics is not None:
        changes["metrics"] = normal_metrics(metrics)
    if not changes:
        return version
    with transaction.atomic():
        row = ModelVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=list(changes))
        audit.record("version.described", by=by, target=row, details=changes)
    return row


def check_tags(tags: Any, *, field: str = "tags") -> list[str]:
    """`tags`. Raises FieldInvalid unless they are few, short, printable and different texts."""
    if not (
        isinstance(tags, list)
        and len(tags) <= MAX_TAGS
        and all(isinstance(tag, str) and tag.isprintable() and 0 < len(tag) <= MAX_TAG_LENGTH for tag in tags)
    ):
        raise FieldInvalid(
            f"Give a list of short texts: at most {MAX_TAGS} of at most {MAX_TAG_LENGTH} characters.", field=field
        )
    if len(set(tags)) != len(tags):
        raise FieldInvalid("A tag is given twice.", field=field)
    return tags


def check_notes(notes: str) -> str:
    """`notes`. Raises FieldInvalid when they are too long or hold a NUL."""
    if len(notes) > MAX_NOTES_LENGTH or "\x00" in notes:
        raise FieldInvalid(f"Give a text of at most {MAX_NOTES_LENGTH:,} characters.", field="notes")
    return notes
