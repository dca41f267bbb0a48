"""Reads settings from the environment and remembers each one, so that the docs can list them all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ

_env = environ.Env()


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable the platform reads: its name, default and meaning."""

    name: str
    default: Any
    help: str


DECLARED: dict[str, Setting] = {}


def _declare(name: str, default: Any, help: str) -> None:
    DECLARED[name] = Setting(name, default, help)


def text(name: str, default: str, help: str) -> str:
    """A string setting."""
    _declare(name, default, help)
    return _env.str(name, default=default)


def integer(name: str, default: int, help: str) -> int:
    """An integer setting; raises ImproperlyConfigured-like ValueError when it is not a number."""
    _declare(name, default, help)
    return _env.int(name, default=default)


def number(name: str, default: float, help: str) -> float:
    """A float setting."""
    _declare(name, default, help)
    return _env.float(name, default=default)


def flag(name: str, default: bool, help: str) -> bool:
    """A boolean setting: true/false, 1/0, yes/no, on/off."""
    _declare(name, default, help)
    return _env.bool(name, default=default)


def names(name: str, default: list[str], help: str) -> list[str]:
    """A comma-separated list."""
    _declare(name, default, help)
    return _env.list(name, default=default)


def path(name: str, default: Path, help: str) -> Path:
    """A directory; relative paths are taken from the working directory."""
    _declare(name, f"{default.name}/", help)
    return Path(_env.str(name, default=str(default))).expanduser().resolve()


def mail(name: str, help: str) -> dict[str, Any]:
    """A mail server's URL as Django's EMAIL_ settings; none of them when it is empty."""
    _declare(name, "", help)
    found = _env.email_url(name, default="") if _env.str(name, default="") else {}
    return {key: value for key, value in found.items() if key.startswith("EMAIL_")}


def database(name: str, default: str, help: str) -> dict[str, Any]:
    """A database URL as a Django DATABASES entry."""
    _declare(name, "SQLite below VAR_DIR", help)
    return _env.db_url(name, default=default)
