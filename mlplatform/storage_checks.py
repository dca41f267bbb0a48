"""Numbered checks of where model files are kept.

E024 the settings of the store don't fit together · E025 the store can't be used · W005 the store is asked without TLS
in production. The last two are looked at by `check --deploy` only, which asks the store.
"""

from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from mlplatform.checks import Apps
from registry import shared_store
from registry.errors import StorageUnavailable


@register()
def check_store_settings(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E024"""
    return [Error(f"{fault}.", hint=hint, id="mlplatform.E024") for fault, hint in _faults()]


@register(Tags.security, deploy=True)
def check_store_answers(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E025, W005"""
    if not shared_store.is_used() or _faults():
        return []
    found: list[CheckMessage] = []
    if settings.PRODUCTION and settings.ARTIFACT_S3_ENDPOINT.startswith("http:"):
        found.append(
            Warning("ARTIFACT_S3_ENDPOINT is asked without TLS.", hint="Give https://….", id="mlplatform.W005")
        )
    try:
        shared_store.probe()
    except StorageUnavailable as error:
        hint = "Look at ARTIFACT_S3_BUCKET, the endpoint and the credentials."
        found.append(Error(error.message, hint=hint, id="mlplatform.E025"))
    return found


def _faults() -> list[tuple[str, str]]:
    """What is wrong with the settings, and what to do."""
    storage = settings.ARTIFACT_STORAGE
    if storage == shared_store.LOCAL:
        return []
    if storage != shared_store.S3:
        return [(f"ARTIFACT_STORAGE is {storage!r}", "Use local or s3.")]
    found = []
    if find_spec("storages") is None or find_spec("boto3") is None:
        found.append(("ARTIFACT_STORAGE is s3, but its library is missing", "Install mlplatform[s3]."))
    if not settings.ARTIFACT_S3_BUCKET:
        found.append(("ARTIFACT_STORAGE is s3, but ARTIFACT_S3_BUCKET is empty", "Name the bucket."))
    if bool(settings.ARTIFACT_S3_ACCESS_KEY) != bool(settings.ARTIFACT_S3_SECRET_KEY):
        found.append(("Of ARTIFACT_S3_ACCESS_KEY and ARTIFACT_S3_SECRET_KEY only one is set", "Give both, or neither."))
    if settings.ARTIFACT_CACHE_BYTES < 1:
        found.append(("ARTIFACT_CACHE_BYTES takes at least 1", "Give the disk that copies may take."))
    return found
