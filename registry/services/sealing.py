"""Renewing the seals of stored files after the key was changed."""

from django.db import transaction

from accounts import audit
from accounts.models import User
from registry import generation, seals
from registry.models import ModelVersion

_BITE = 500


def renew_seals(*, by: User | None = None) -> tuple[int, list[str]]:
    """Seal every stored file with the present key whose seal holds; returns how many versions were changed, and the
    names of those whose seals hold with neither key, which stay as they are."""
    changed, broken = 0, list[str]()
    last = 0
    while bite := list(_versions(last)):
        for version in bite:
            last = version.pk
            if not all(file.holds() for file in version.stored_files()):
                broken.append(str(version))
                continue
            changed += _renewed(version)
    if changed:
        with transaction.atomic():
            generation.bump()
            audit.record("registry.resealed", by=by, details={"versions": changed, "broken": len(broken)})
    return changed, broken


def _versions(after: int) -> "list[ModelVersion]":
    rows = ModelVersion.objects.filter(pk__gt=after).select_related("model").order_by("pk")
    return list(rows.defer("golden", "report", "sample", "expected", "signature")[:_BITE])


def _renewed(version: ModelVersion) -> bool:
    columns = {
        seals.ORIGINAL: "artifact_seal",
        seals.COMPILED: "compiled_seal",
        seals.EXPLAINER: "explainer_seal",
    }
    fresh = {
        columns[file.form]: seals.make(model_id=file.model_id, number=file.number, form=file.form, sha256=file.sha256)
        for file in version.stored_files()
    }
    if all(getattr(version, name) == seal for name, seal in fresh.items()):
        return False
    same = ModelVersion.objects.filter(
        pk=version.pk,
        sha256=version.sha256,
        compiled_sha256=version.compiled_sha256,
        explainer_sha256=version.explainer_sha256,
    )
    return bool(same.update(**fresh))
