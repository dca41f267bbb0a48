"""The first person to sign in and their API key, and the file in which a laptop keeps both for scripts."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from accounts import credentials, limits, services
from accounts.errors import CredentialInvalid
from accounts.models import Scope, User

EMAIL = "admin@example.com"
KEY_NAME = "demo"
SCOPES = [Scope.PREDICT, Scope.READ, Scope.UPLOAD, Scope.ACTIVATE]
_FIELDS = {"url": "URL", "email": "ADMIN_EMAIL", "password": "ADMIN_PASSWORD", "api_key": "API_KEY"}


@dataclass(frozen=True, slots=True)
class DemoAccess:
    """What one needs to use the platform on this machine. Kept out of logs and of `repr`."""

    url: str
    email: str
    password: str
    api_key: str

    def __repr__(self) -> str:
        return f"DemoAccess(url={self.url!r}, email={self.email!r})"


def prepare(*, file: Path, url: str) -> DemoAccess:
    """Make sure that an administrator and an API key exist and that `file` (mode 0600) tells them.

    What the file says and the database confirms is kept. A user that is missing gets the password of the
    file; a key that is missing or revoked is made anew. Without the file an administrator who exists gets a
    new password.
    """
    known = _read(file)
    email = known.get("ADMIN_EMAIL") or EMAIL
    password = known.get("ADMIN_PASSWORD") or secrets.token_urlsafe(12)
    admin = User.objects.filter(email__iexact=email).first()
    if admin is None:
        admin = User.objects.create_superuser(email, password)
    elif "ADMIN_PASSWORD" not in known:
        admin.set_password(password)
        admin.save(update_fields=["password"])
    key = known.get("API_KEY", "")
    if not _works(key):
        key = services.create_key(
            by=admin,
            owner=admin,
            name=KEY_NAME,
            scopes=[str(scope) for scope in SCOPES],
            rate_limit=limits.NO_LIMIT,
        )[1]
    access = DemoAccess(url=url, email=email, password=password, api_key=key)
    _write(file, access)
    return access


def _works(key: str) -> bool:
    try:
        return bool(key) and credentials.authenticate(api_key=key) is not None
    except CredentialInvalid:
        return False


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    pairs = (line.partition("=") for line in file.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _write(file: Path, access: DemoAccess) -> None:
    """Whole or not at all, and never readable by others."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        for attribute, name in _FIELDS.items():
            opened.write(f"{name}={getattr(access, attribute)}\n")
    os.replace(draft, file)
