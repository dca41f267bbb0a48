"""Stored files and their seals.

A digest says that a file is the one that was recorded; who can write to the database can write another digest. A seal
is a keyed signature over the digest and the place it belongs to (model, version, form), made when the
file is placed, with a key that is not in the database. A file is used only when its digest and its seal hold.
"""

import hashlib
import hmac
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

ORIGINAL, COMPILED, EXPLAINER = "original", "compiled", "explainer"
FORMS = (ORIGINAL, COMPILED, EXPLAINER)
_PURPOSE = "mlplatform stored file"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the model store and what was recorded of it. `path` is relative to MODELS_DIR."""

    path: str
    sha256: str
    seal: str
    model_id: int
    number: int
    form: str

    def holds(self) -> bool:
        """Whether the seal was made here for this digest in this place, with the present key or the one before."""
        keys = (settings.ARTIFACT_SEAL_KEY, settings.ARTIFACT_SEAL_KEY_FALLBACK)
        return any(hmac.compare_digest(self._made_with(key), self.seal) for key in keys if key)

    def _made_with(self, key: str) -> str:
        return _mac(key, self.model_id, self.number, self.form, self.sha256)


def make(*, model_id: int, number: int, form: str, sha256: str) -> str:
    """The seal of a file that is being placed. Raises ImproperlyConfigured without a key."""
    if not settings.ARTIFACT_SEAL_KEY:
        raise ImproperlyConfigured("ARTIFACT_SEAL_KEY is not set: stored files can't be sealed.")
    return _mac(settings.ARTIFACT_SEAL_KEY, model_id, number, form, sha256)


def _mac(key: str, model_id: int, number: int, form: str, sha256: str) -> str:
    # None of the parts can hold the separator.
    message = "\n".join((_PURPOSE, str(model_id), str(number), form, sha256))
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()
