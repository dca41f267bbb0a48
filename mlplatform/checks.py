"""Numbered checks of the settings, run at start and by `manage.py check`.

E001 a secret is missing, short, a placeholder or equal to another (production) · E002 DEBUG in production ·
E003 any host is served in production · E004 unknown SPOOL_WHEN_FULL · E005 VAR_DIR or MODEL_PATH can't be written ·
E020 unknown TORCH_DEVICE · E021 SENTRY_DSN without the extra `sentry` · E022 a value that can't be read ·
E023 a password of the database or of Redis is a placeholder (production) · W001 SQLite in production ·
W002 this kernel lacks layers of the sandbox. E006 to E014, W003 and W004 are in `hardening_checks`, E024, E025 and W005
in `storage_checks`.
"""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from inference.validation import sandbox
from mlplatform import env, sentry

SECRETS = ("SECRET_KEY", "JWT_SIGNING_KEY", "API_KEY_PEPPER", "ARTIFACT_SEAL_KEY")
MIN_SECRET_LENGTH = 32
_MIN_DISTINCT = 10
_PLACEHOLDERS = (
    "change-me",
    "changeme",
    "change_me",
    "placeholder",
    "insecure",
    "example",
    "your-secret",
    "xxxx",
)
SPOOL_POLICIES = ("drop", "refuse")
TORCH_DEVICES = ("auto", "cpu", "cuda")

Apps = Sequence[AppConfig] | None


@register(Tags.security)
def check_secrets(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E001"""
    if not settings.PRODUCTION:
        return []
    found: list[CheckMessage] = []
    for name in SECRETS:
        if reason := _weakness(_secret(name)):
            found.append(
                Error(f"{name} {reason}.", hint="Set it to 32 or more random characters.", id="mlplatform.E001")
            )
    values = [secret for secret in map(_secret, SECRETS) if secret]
    if len(set(values)) != len(values):
        found.append(Error(f"{', '.join(SECRETS)} must all be different.", id="mlplatform.E001"))
    return found


def _secret(name: str) -> str:
    if name == "SECRET_KEY" and not settings.HAS_SECRET_KEY:
        return ""
    try:
        return str(getattr(settings, name))
    except ImproperlyConfigured:
        # Django refuses to tell an empty SECRET_KEY.
        return ""


def _weakness(secret: str) -> str:
    """What is wrong with a secret, as the end of a sentence; empty when nothing is."""
    if not secret:
        return "is not set"
    if len(secret) < MIN_SECRET_LENGTH:
        return f"has fewer than {MIN_SECRET_LENGTH} characters"
    if len(set(secret)) < _MIN_DISTINCT or _is_placeholder(secret):
        return "looks like a placeholder"
    return ""


def _is_placeholder(secret: str) -> bool:
    return any(word in secret.lower() for word in _PLACEHOLDERS)


@register()
def check_environment(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E022"""
    return [Error(fault, id="mlplatform.E022") for fault in env.FAULTS]


@register(Tags.security)
def check_passwords(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E023"""
    if not settings.PRODUCTION:
        return []
    passwords = {"DATABASE_URL": str(settings.DATABASES["default"].get("PASSWORD") or "")}
    for name in ("REDIS_URL", "CACHE_REDIS_URL", "RATE_LIMIT_REDIS_URL"):
        passwords[name] = unquote(urlsplit(getattr(settings, name)).password or "")
    hint = "Give it a password of its own."
    return [
        Error(f"The password in {name} looks like a placeholder.", hint=hint, id="mlplatform.E023")
        for name, password in passwords.items()
        if _is_placeholder(password)
    ]


@register(Tags.security)
def check_debug(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E002"""
    if settings.PRODUCTION and settings.DEBUG:
        return [Error("DEBUG is on in production.", hint="Unset DEBUG.", id="mlplatform.E002")]
    return []


@register(Tags.security)
def check_hosts(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E003"""
    if settings.PRODUCTION and any("*" in host for host in settings.ALLOWED_HOSTS):
        return [Error("ALLOWED_HOSTS admits any host name.", hint="Name the hosts.", id="mlplatform.E003")]
    return []


@register()
def check_spool_policy(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E004"""
    if settings.SPOOL_WHEN_FULL in SPOOL_POLICIES:
        return []
    return [
        Error(
            f"SPOOL_WHEN_FULL is {settings.SPOOL_WHEN_FULL!r}.",
            hint="Use drop or refuse.",
            id="mlplatform.E004",
        )
    ]


@register()
def check_torch_device(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E020"""
    if settings.TORCH_DEVICE in TORCH_DEVICES:
        return []
    return [Error(f"TORCH_DEVICE is {settings.TORCH_DEVICE!r}.", hint="Use cpu, cuda or auto.", id="mlplatform.E020")]


@register()
def check_sentry(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E021"""
    if not settings.SENTRY_DSN or sentry.is_available():
        return []
    return [
        Error(
            "SENTRY_DSN is set, but its library is missing.", hint="Install mlplatform[sentry].", id="mlplatform.E021"
        )
    ]


@register()
def check_var_dir(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """E005"""
    places = {"VAR_DIR": settings.VAR_DIR, "MODEL_PATH": settings.MODELS_DIR}
    return [
        Error(f"{name} ({place}) can't be written.", id="mlplatform.E005")
        for name, place in places.items()
        if not (os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK))
    ]


@register()
def check_database(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """W001"""
    if settings.PRODUCTION and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return [
            Warning(
                "The production database is SQLite: one host only.",
                hint="Set DATABASE_URL.",
                id="mlplatform.W001",
            )
        ]
    return []


@register(Tags.security)
def check_sandbox(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """W002"""
    missing = sorted(name for name, is_there in sandbox.layers().items() if not is_there)
    if not missing:
        return []
    return [
        Warning(
            f"This machine lacks layers of the validation sandbox: {', '.join(missing)}.",
            hint="Only ONNX models are accepted here until it has them.",
            id="mlplatform.W002",
        )
    ]
