"""Writes the page that lists every setting, from what the settings file declared."""

from typing import Any

from mlplatform import env

_HEAD = """\
# Settings

Each is an environment variable that `mlplatform/settings.py` or `settings_beside.py` reads. Flags take `true` or
`false`, lists are separated by commas. `make settings-page` writes this page from the code, and a test compares
the two.

| name | default | meaning |
|---|---|---|
"""


def render() -> str:
    """The page, in Markdown."""
    rows = (f"| `{setting.name}` | {_default(setting.default)} | {setting.help} |" for setting in env.DECLARED.values())
    return _HEAD + "\n".join(rows) + "\n"


def _default(value: Any) -> str:
    if value in ("", []):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`{','.join(value)}`"
    return f"`{value}`" if not isinstance(value, str) or " " not in value else value
