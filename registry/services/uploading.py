"""An uploaded file becomes the next version of a model."""

import hashlib
import logging
from collections.abc import Callable
from typing import Any, BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from accounts import audit
from accounts.models import User
from registry import artifacts, names, seals
from registry.errors import Conflict, FieldInvalid, Forbidden, NameTaken
from registry.metrics import normal as normal_metrics
from registry.models import DATA_FORMATS, ModelVersion, RegisteredModel, Task, Visibility
from registry.services.describing import check_notes, check_tags
from registry.services.rights import may_change
from registry.services.validating import mark_trusted

log = logging.getLogger(__name__)

MAX_SAMPLE_ROWS = 1000


def upload_version(
    *,
    by: User,
    name: str,
    file: BinaryIO,
    filename: str = "",
    task: str = "",
    handler: str = "",
    description: str = "",
    visibility: str = "",
    sample: list[Any] | None = None,
    expected: list[Any] | None = None,
    metrics: Any = None,
    tags: list[str] | None = None,
    version_tags: list[str] | None = None,
    notes: str = "",
    sha256: str = "",
    trusted: bool = False,
    then: Callable[[ModelVersion], None] = lambda version: None,
) -> ModelVersion:
    """Store `file` as the next version of the model `name`, which is created when it doesn't exist.

    `tags` are the model's, `version_tags` and `notes` the version's. The version is `pending`: a job validates it.
    What is served doesn't change. `then` is called with the version in the transaction that writes it: what it raises
    undoes the upload. Call this outside of transactions, because bringing a file to a shared store may take long.
    Raises Forbidden, NameTaken, FieldInvalid (details say which field), ArtifactInvalid, ArtifactTooLarge,
    StorageUnavailable; nothing is stored when it raises.
    """
    _check_may_upload(by, trusted)
    _check_model_fields(name=name, task=task, visibility=visibility, tags=tags)
    facts = _version_facts(sample=sample, expected=expected, metrics=metrics, tags=version_tags, notes=notes)
    staged = artifacts.stage(file, sha256=sha256)
    try:
        _check_format_enabled(staged.format)
        staged.share()
        with transaction.atomic():
            model = _model_for_upload(by=by, name=name, task=task, handler=handler, visibility=visibility)
            number = _next_number(model)
            _describe(model, description=description, tags=tags)
            version = ModelVersion(
                model=model, number=number, created_by=by, original_name=_printable(filename), **facts
            )
            _describe_file(version, staged)
            if trusted:
                mark_trusted(version, by)
            version.save()
            audit.record(
                "version.uploaded", by=by, target=version, details={"trusted": trusted, "sha256": staged.sha256}
            )
            then(version)
            # The last step: what fails before it leaves no file behind.
            staged.place(version.artifact)
    finally:
        staged.discard()
    log.info("version uploaded: %s by user %s", version, by.pk)
    return version


def known_version(*, by: User, name: str, file: BinaryIO) -> ModelVersion | None:
    """The newest version of the model `name` that has exactly this file, if `by` may see one. Reads the file."""
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    visible = RegisteredModel.objects.visible_to(by).filter(name=name)
    same = ModelVersion.objects.filter(model__in=visible, sha256=digest.hexdigest())
    return same.select_related("model").order_by("-number").first()


def _describe_file(version: ModelVersion, staged: artifacts.StagedArtifact) -> None:
    """Note on the version what the file is, and where it will lie."""
    version.format = staged.format
    version.artifact = staged.place_for(version.model.owner_id, version.model.name, version.number)
    version.sha256, version.size_bytes = staged.sha256, staged.size_bytes
    version.artifact_seal = seals.make(
        model_id=version.model.pk, number=version.number, form=seals.ORIGINAL, sha256=staged.sha256
    )


def _check_may_upload(by: User, trusted: bool) -> None:
    if not by.has_perm("registry.upload_model"):
        raise Forbidden("You may not upload models: ask for the permission `upload_model`.")
    if trusted and not by.has_perm("registry.upload_trusted_model"):
        raise Forbidden(
            "You may not mark versions as trusted: ask for the permission `upload_trusted_model`.",
            field="trusted",
        )


def _check_model_fields(*, name: str, task: str, visibility: str, tags: Any) -> None:
    try:
        names.validate_name(name)
    except ValidationError as error:
        raise FieldInvalid(error.messages[0], code="invalid_name", field="name") from error
    if task and task not in Task.values:
        raise FieldInvalid(f"Use one of: {', '.join(Task.values)}.", field="task")
    if visibility and visibility not in Visibility.values:
        raise FieldInvalid(f"Use one of: {', '.join(Visibility.values)}.", field="visibility")
    if tags is not None:
        check_tags(tags)


def _version_facts(*, sample: Any, expected: Any, metrics: Any, tags: Any, notes: str) -> dict[str, Any]:
    """The checked columns of a version that the uploader gives."""
    if sample is not None and not (isinstance(sample, list) and 0 < len(sample) <= MAX_SAMPLE_ROWS):
        raise FieldInvalid(f"Give a list of at least one row and at most {MAX_SAMPLE_ROWS:,}.", field="sample")
    if expected is not None and not (isinstance(expected, list) and sample and len(expected) == len(sample)):
        raise FieldInvalid("Give one expected prediction for each row of the sample.", field="expected")
    check_tags(tags or [], field="version_tags")
    check_notes(notes)
    return {
        "sample": sample,
        "expected": expected,
        "metrics": normal_metrics(metrics),
        "tags": tags or [],
        "notes": notes,
    }


def _check_format_enabled(format: str) -> None:
    if format not in DATA_FORMATS and not settings.CODE_FORMATS_ENABLED:
        raise Forbidden(
            "Formats that can carry code are switched off on this platform: upload ONNX.",
            code="format_disabled",
            field="file",
        )


def _model_for_upload(*, by: User, name: str, task: str, handler: str, visibility: str) -> RegisteredModel:
    """The model to add a version to; created on first use, owned by who uploads first."""
    facts = {"owner": by, "task": task, "handler": handler, "visibility": visibility or Visibility.PRIVATE}
    model, created = RegisteredModel.objects.get_or_create(name=name, defaults=facts)
    if created:
        return model
    if not RegisteredModel.objects.visible_to(by).filter(pk=model.pk).exists():
        raise NameTaken("This name is taken: choose another.", field="name")
    if not may_change(by, model):
        raise Forbidden("This model belongs to somebody else: upload under a name of your own.", field="name")
    if model.archived_at:
        raise Conflict("This model is archived: restore it first, or upload under another name.", field="name")
    if task and model.task and task != model.task:
        raise FieldInvalid(f"The model's task is {model.task}; upload under another name.", field="task")
    return model


def _next_number(model: RegisteredModel) -> int:
    """The next version number. The update locks the model's row, so parallel uploads queue up here."""
    RegisteredModel.objects.filter(pk=model.pk).update(versions_count=F("versions_count") + 1)
    return RegisteredModel.objects.values_list("versions_count", flat=True).get(pk=model.pk)


def _describe(model: RegisteredModel, **given: Any) -> None:
    """What the uploader says about the model; what is left out stays as it is."""
    changed = {name: value for name, value in given.items() if value}
    if changed:
        RegisteredModel.objects.filter(pk=model.pk).update(**changed)


def _printable(filename: str) -> str:
    return "".join(character for character in filename if character.isprintable())[-255:]
