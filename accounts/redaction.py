"""Takes secrets and control characters out of text that people and other programs will read: logs, error groups.

What is found: this platform's keys and tokens, credentials in headers and addresses, values given to names that tell of
a secret, private keys, and the very values of the secret settings. A secret of another shape, without a name before it,
can't be told from text.
"""

import re
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

REMOVED = "[removed]"
CREDENTIAL = re.compile(r"mlp_[A-Za-z0-9]{12}_[A-Za-z0-9]{20,}|eyJ[\w-]{10,}\.[\w-]+(\.[\w-]*)?", re.ASCII)
_NAMES = (
    "password|passwd|passphrase|secret|token|authorization|cookie|credential|pepper|api[_-]?key|signing[_-]?key"
    "|seal[_-]?key|private[_-]?key|access[_-]?key|sessionid|session[_-]?key|csrf|dsn|otp"
)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), REMOVED),
    (CREDENTIAL, REMOVED),
    (re.compile(r"\b(bearer|basic|api-key|token)(\s+)[\w.~+/=:-]{8,}", re.IGNORECASE), rf"\1\2{REMOVED}"),
    (re.compile(r"(\w+://[^\s/:@]*):[^\s/@]+@"), rf"\1:{REMOVED}@"),
    (
        re.compile(rf"([\w-]*(?:{_NAMES})[\w-]*[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s\"',;&)}}\]]+)", re.IGNORECASE),
        rf"\1{REMOVED}",
    ),
)
_SECRET_SETTINGS = (
    "SECRET_KEY",
    "JWT_SIGNING_KEY",
    "JWT_SIGNING_KEY_FALLBACK",
    "API_KEY_PEPPER",
    "ARTIFACT_SEAL_KEY",
    "ARTIFACT_SEAL_KEY_FALLBACK",
    "ARTIFACT_S3_SECRET_KEY",
    "EMAIL_HOST_PASSWORD",
    "SENTRY_DSN",
)
_ADDRESSES = ("REDIS_URL", "RATE_LIMIT_REDIS_URL", "CACHE_REDIS_URL")
_SHORTEST = 6


def is_secret_name(name: str) -> bool:
    """Whether a value under this name is to be kept out, whatever it is."""
    return _SECRET_NAME.search(name) is not None


def without_secrets(text: str) -> str:
    """The text with `[removed]` in place of each secret."""
    for value in _known_values():
        text = text.replace(value, REMOVED)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def without_controls(text: str) -> str:
    """The text with what moves a cursor, ends a line or turns the direction written out: `\\n`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


@cache
def _known_values() -> tuple[str, ...]:
    """The secrets of this process's settings, the longest first."""
    found: set[Any] = {getattr(settings, name, "") for name in _SECRET_SETTINGS}
    found |= {unquote(urlsplit(getattr(settings, name, "") or "").password or "") for name in _ADDRESSES}
    found |= {database.get("PASSWORD", "") for database in settings.DATABASES.values()}
    return tuple(sorted((str(one) for one in found if one and len(str(one)) >= _SHORTEST), key=len, reverse=True))
