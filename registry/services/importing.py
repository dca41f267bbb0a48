"""A version of a bundle becomes the next version of a model here."""

from typing import Any, BinaryIO, cast

from django.core.exceptions import ValidationError
from django.db.models import Field

from accounts import audit
from accounts.models import User
from registry import bundles, recording, serving
from registry.errors import BundleInvalid
from registry.models import EventKind, ModelVersion, RegisteredModel, VersionEvent
from registry.services.describing import change_model
from registry.services.uploading import upload_version


def import_version(
    *, by: User, name: str, model: dict[str, Any], version: dict[str, Any], file: BinaryIO, bundle: str
) -> ModelVersion:
    """Upload a version as a bundle describes it; `bundle` is that file's SHA-256.

    It gets the next number here and is validated like any upload; it must answer its golden rows as it did. Settings of
    the model are taken over only when the model is new. Raises as `upload_version` does, and BundleInvalid.
    """
    is_new = not RegisteredModel.objects.filter(name=name).exists()
    sample, expected = _proof(version)

    def describe(row: ModelVersion) -> None:
        if settings:
            change_model(model=row.model, by=by, **settings)
        facts = {"bundle": bundle, "number": version["number"], "name": str(model["name"])}
        VersionEvent.objects.create(version=row, kind=EventKind.IMPORTED, by=by, details=facts)
        audit.record("version.imported", by=by, target=row, details=facts)

    try:
        settings = _settings(model) if is_new else {}
        return upload_version(
            by=by,
            name=name,
            file=file,
            filename=str(version.get("original_name") or ""),
            task=str(model.get("task") or ""),
            handler=str(model.get("handler") or "") if is_new else "",
            description=str(model.get("description") or "") if is_new else "",
            tags=model.get("tags") if is_new else None,
            sample=sample,
            expected=expected,
            metrics=version.get("metrics"),
            version_tags=version.get("tags"),
            notes=version.get("notes") or "",
            sha256=version["files"]["original"]["sha256"],
            then=describe,
        )
    except (TypeError, AttributeError, ValidationError) as error:
        raise BundleInvalid("A value in the bundle's manifest is not of its kind.") from error


def _proof(version: dict[str, Any]) -> tuple[Any, Any]:
    """What the uploader expected, or else the golden rows with their answers, so that they are proved here."""
    if version.get("expected"):
        return version.get("sample"), version["expected"]
    golden = version.get("golden") or {}
    rows, said = golden.get("instances"), golden.get("predictions")
    if not rows or not said or any(_has_gap(value) for value in said):
        return version.get("sample"), None
    return rows, said


def _has_gap(value: Any) -> bool:
    return value is None or (isinstance(value, list) and None in value)


def _settings(model: dict[str, Any]) -> dict[str, Any]:
    """The settings of a model that a bundle gives, each checked as its column is. Raises ValidationError."""
    if problem := serving.fallback_problem(model.get("fallback")):
        raise ValidationError(problem)
    if problem := recording.redacted_problem(model.get("record_redacted", [])):
        raise ValidationError(problem)
    columns = {name: cast("Field[Any, Any]", RegisteredModel._meta.get_field(name)) for name in bundles.SETTINGS}
    return {name: column.clean(model[name], None) for name, column in columns.items() if name in model}
