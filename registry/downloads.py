"""Giving stored files out."""

from typing import BinaryIO

from accounts import audit
from accounts.models import User
from registry import artifacts
from registry.errors import Forbidden, ModelNotFound
from registry.models import ModelVersion, RegisteredModel
from registry.seals import COMPILED, EXPLAINER, StoredFile


def may_download(by: User, model: RegisteredModel) -> bool:
    """Whether `by` may have the model's files: its owner, and staff."""
    return by.is_staff or by.is_superuser or model.owner_id == by.pk


def file_of(version: ModelVersion, *, form: str, by: User) -> StoredFile:
    """One of a version's files, by its form (`seals.FORMS`). Raises Forbidden, ModelNotFound when there is none."""
    if not may_download(by, version.model):
        raise Forbidden("Only the owner and staff may download a model's files.")
    if form == COMPILED and not version.compiled:
        raise ModelNotFound(f"{version} has no compiled form.")
    if form == EXPLAINER and not version.explainer:
        raise ModelNotFound(f"{version} has no file to explain its answers with.")
    return version.stored_file(form)


def open_file(version: ModelVersion, file: StoredFile, *, by: User) -> BinaryIO:
    """The file, open at its beginning, verified. That it was given out is audited. Raises DigestMismatch."""
    opened = artifacts.open_verified(file)
    audit.record("version.downloaded", by=by, target=version, details={"form": file.form, "sha256": file.sha256})
    return opened
