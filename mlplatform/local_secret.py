"""Secrets for a laptop: made once, kept below VAR_DIR, readable by their owner only."""

import contextlib
import os
import secrets
from pathlib import Path


def read(var_dir: Path, name: str) -> str:
    """The secret `name`, made on first use. Processes that race all get the same value."""
    path = var_dir / name
    if not path.exists():
        draft = var_dir / f".{name}.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text()
