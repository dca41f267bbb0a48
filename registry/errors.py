"""What can go wrong in the registry. The project package maps each to an HTTP status; nothing here knows HTTP."""

from typing import Any


class RegistryError(Exception):
    """Base: a stable `code`, a `message` for people, and `details` (JSON-safe)."""

    code = "registry_error"

    def __init__(self, message: str, *, code: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = details


class ModelNotFound(RegistryError):
    """No such model or version, or it is somebody else's private one."""

    code = "not_found"


class NoActiveVersion(RegistryError):
    """The model exists, but nothing is live."""

    code = "no_active_version"


class VersionNotReady(RegistryError):
    """The version can't be served in its present status."""

    code = "version_not_ready"


class VersionQuarantined(VersionNotReady):
    """The platform took the version out of service, because it kept crashing or overrunning its deadline."""

    code = "version_quarantined"


class Conflict(RegistryError):
    """The present state forbids it."""

    code = "conflict"


class NameTaken(Conflict):
    """Another owner's model has this name."""

    code = "name_taken"


class Forbidden(RegistryError):
    """The person may not do this."""

    code = "forbidden"


class FieldInvalid(RegistryError):
    """A value given with an upload is wrong; `details["field"]` names it."""

    code = "invalid"


class ArtifactInvalid(RegistryError):
    """The file can't be a model; `details["field"]` is `file`."""

    code = "unknown_format"


class ArtifactTooLarge(RegistryError):
    """The file is over MAX_ARTIFACT_BYTES."""

    code = "artifact_too_large"


class DigestMismatch(RegistryError):
    """The stored file isn't the one that was uploaded or compiled."""

    code = "digest_mismatch"


class ArtifactMissing(DigestMismatch):
    """The stored file is gone."""

    code = "artifact_missing"


class SealBroken(DigestMismatch):
    """The file is the one whose digest is recorded, but this platform did not record that digest for this version."""

    code = "seal_broken"


class StorageUnavailable(RegistryError):
    """The store that hosts share can't be asked now; `details["reason"]`: unreachable, denied, no_bucket or
    misconfigured."""

    code = "storage_unavailable"


class BundleInvalid(RegistryError):
    """The file is no bundle, or it was damaged or changed."""

    code = "bundle_invalid"
