"""Secrets are not in a backup. What is in it tells whether those at hand are the ones that belong to it."""

import hashlib

from django.conf import settings

NEEDED = {
    "API_KEY_PEPPER": "no API key would work",
    "ARTIFACT_SEAL_KEY": "no model would load",
}
GOOD_TO_HAVE = {
    "SECRET_KEY": "people have to sign in again",
    "JWT_SIGNING_KEY": "tokens are no longer accepted",
}
_FALLBACKS = {"ARTIFACT_SEAL_KEY": "ARTIFACT_SEAL_KEY_FALLBACK"}


def prints() -> dict[str, str]:
    """A fingerprint of each secret, slow to make so that nobody finds a secret by trying."""
    return {name: _print(name, str(getattr(settings, name))) for name in (*NEEDED, *GOOD_TO_HAVE)}


def differing(known: dict[str, str]) -> list[str]:
    """The names of the secrets that are not those of a backup with these fingerprints."""
    return [name for name in (*NEEDED, *GOOD_TO_HAVE) if name in known and not _is(name, known[name])]


def _is(name: str, fingerprint: str) -> bool:
    settings_named = [name, *([_FALLBACKS[name]] if name in _FALLBACKS else [])]
    values = [str(getattr(settings, one)) for one in settings_named]
    return any(value and _print(name, value) == fingerprint for value in values)


def _print(name: str, value: str) -> str:
    salt = f"mlplatform backup {name}".encode()
    return hashlib.scrypt(value.encode(), salt=salt, n=1 << 14, r=8, p=1, dklen=16).hex()
