"""Numbered checks of this app's settings.

accounts.E001 ML_API_KEYS or ML_API_KEY_SCOPES is malformed · accounts.E002 JWT_SIGNING_KEY_FALLBACK is short or the
same as the present key · accounts.E003 a number that has to be positive is not · accounts.E004 a second factor is
required and the extra `otp` is not installed.
"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from accounts import environment_keys, second_factor

MIN_KEY_LENGTH = 32
_POSITIVE = ("SIGN_IN_ATTEMPTS", "SIGN_IN_LOCK_SECONDS", "SIGN_IN_LOCK_MAX_SECONDS")
Apps = Sequence[AppConfig] | None


@register(Tags.security)
def check_environment_keys(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """accounts.E001"""
    hint = "Write name:sha256,… with the SHA-256 of each key in hex."
    return [Error(f"{problem}.", hint=hint, id="accounts.E001") for problem in environment_keys.problems()]


@register(Tags.security)
def check_fallback_key(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """accounts.E002"""
    fallback = settings.JWT_SIGNING_KEY_FALLBACK
    if not fallback:
        return []
    if len(fallback) < MIN_KEY_LENGTH:
        return [Error("JWT_SIGNING_KEY_FALLBACK has fewer than 32 characters.", id="accounts.E002")]
    if fallback == settings.JWT_SIGNING_KEY:
        return [Error("JWT_SIGNING_KEY_FALLBACK is the present key, not the one before.", id="accounts.E002")]
    return []


@register()
def check_sign_in_numbers(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """accounts.E003"""
    return [
        Error(f"{name} must be more than 0.", id="accounts.E003") for name in _POSITIVE if getattr(settings, name) <= 0
    ]


@register(Tags.security)
def check_second_factor(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """accounts.E004"""
    if not settings.REQUIRE_SECOND_FACTOR or second_factor.is_available():
        return []
    return [
        Error(
            "REQUIRE_SECOND_FACTOR is on, and the extra `otp` is not installed: nobody can enter the admin.",
            hint="Install mlplatform[otp] and migrate.",
            id="accounts.E004",
        )
    ]
