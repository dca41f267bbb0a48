"""Writes the page that lists every setting, and the example of a file with them, from what the settings declare."""

import textwrap
from typing import Any

from mlplatform import env
from mlplatform.checks import SECRETS

_HEAD = """\
# Settings

Each is an environment variable that `mlplatform/settings.py` or a `settings_*.py` beside it reads. Flags take `true` or
`false`, lists are separated by commas. Each may also be given as `NAME_FILE`, the path of a file that holds the value,
which is how secrets are mounted; where both are given, the file counts. A value that can't be read stops the start,
with the names of all that can't. `make settings-page` writes this page and `.env.example` from the code, and a test
compares them.

| name | default | meaning |
|---|---|---|
"""


def render() -> str:
    """The page, in Markdown."""
    rows = (f"| `{setting.name}` | {_default(setting.default)} | {setting.help} |" for setting in env.DECLARED.values())
    return _HEAD + "\n".join(rows) + "\n"


_EXAMPLE_HEAD = """\
# Settings of the platform: copy this to .env and say what differs. docs/deployment.md tells who reads it.
# Written by `make settings-page`; docs/settings.md is the same as a page. Keep .env out of version control.

# -- Production demands these; it starts with none of the values written here ---------------------------

PRODUCTION=true
ALLOWED_HOSTS=*
DATABASE_URL=postgres://mlplatform:change-me@127.0.0.1:5432/mlplatform
# Four different ones, each by: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'
SECRET_KEY=change-me
JWT_SIGNING_KEY=change-me
API_KEY_PEPPER=change-me
ARTIFACT_SEAL_KEY=change-me

# -- The rest, with their defaults ---------------------------------------------------------------------
"""
IN_HEAD = ("PRODUCTION", "ALLOWED_HOSTS", "DATABASE_URL", *SECRETS)


def example() -> str:
    """The text of .env.example: what production demands, and every other setting commented out."""
    parts = [_EXAMPLE_HEAD]
    for setting in env.DECLARED.values():
        if setting.name not in IN_HEAD:
            meaning = textwrap.fill(setting.help, 110, initial_indent="# ", subsequent_indent="# ")
            parts.append(f"{meaning}\n# {setting.name}={_written(setting.default)}\n")
    return "\n".join(parts)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else str(value)


def _default(value: Any) -> str:
    if value in ("", []):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`{','.join(value)}`"
    return f"`{value}`" if not isinstance(value, str) or " " not in value else value
