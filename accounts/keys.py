"""API key texts: make, split, hash, verify. Pure: knows no settings and no database.

A key reads `mlp_<prefix>_<secret>`. The prefix is public and finds the row; the secret carries 256 bits and
is stored only as HMAC-SHA256 under a pepper that is not in the database.
"""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass

BRAND = "mlp"
PREFIX_LENGTH = 12
# 43 characters of an alphabet of 62 carry 256.03 bits.
SECRET_LENGTH = 43
_ALPHABET = string.ascii_letters + string.digits
_SHAPE = re.compile(rf"{BRAND}_([A-Za-z0-9]{{{PREFIX_LENGTH}}})_([A-Za-z0-9]{{{SECRET_LENGTH}}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyText:
    """The two parts of a key. The secret is kept out of `repr`."""

    prefix: str
    secret: str

    def __str__(self) -> str:
        return f"{BRAND}_{self.prefix}_{self.secret}"

    def __repr__(self) -> str:
        return f"KeyText(prefix={self.prefix!r})"


def make() -> KeyText:
    """A new random key."""
    return KeyText(prefix=_random(PREFIX_LENGTH), secret=_random(SECRET_LENGTH))


def split(text: str) -> KeyText | None:
    """The parts of a key text, or None when it can't be one."""
    match = _SHAPE.fullmatch(text)
    return KeyText(match[1], match[2]) if match else None


def hash(secret: str, *, pepper: str) -> str:
    """HMAC-SHA256 of a secret under the pepper, in hex."""
    return hmac.new(pepper.encode(), secret.encode(), hashlib.sha256).hexdigest()


def verify(secret: str, secret_hash: str, *, pepper: str) -> bool:
    """Whether `secret_hash` was made from this secret, in constant time."""
    return hmac.compare_digest(hash(secret, pepper=pepper).encode(), secret_hash.encode())


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
