"""Reads settings from the environment and remembers each one, so that the docs can list them all.

Each setting NAME may also be given as NAME_FILE, the path of a file that holds the value: that is how secrets are
mounted. A value that can't be read is noted in FAULTS and its default taken: the checks tell of all at once.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

T = TypeVar("T")


class _Environment(FileAwareMapping):
    """The environment, and the files that NAME_FILE names; editors end those with a line break that is not meant."""

    def __getitem__(self, key: str) -> str:
        value: str = super().__getitem__(key)
        return value.strip() if self.env.get(f"{key}_FILE") else value


_env = environ.Env()
_env.ENVIRON = _Environment()


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable the platform reads: its name, default and meaning."""

    name: str
    default: Any
    help: str


DECLARED: dict[str, Setting] = {}
FAULTS: list[str] = []
"""What is wrong with the values given, as sentences that name the setting and, for secrets' sake, not the value."""


def is_given(name: str) -> bool:
    """Whether the environment says something for it, or names a file that does."""
    return name in os.environ or f"{name}_FILE" in os.environ


def _declare(name: str, default: Any, help: str) -> None:
    DECLARED[name] = Setting(name, default, help)


def _read(name: str, kind: str, reader: Callable[..., T], default: Any) -> T:
    try:
        return reader(name, default=default)
    except OSError as error:
        FAULTS.append(f"{name}_FILE names a file that can't be read ({error.strerror}).")
    except UnicodeDecodeError:
        FAULTS.append(f"{name}_FILE names a file that is not text.")
    except (ValueError, ImproperlyConfigured):
        FAULTS.append(f"{name} is not {kind}.")
    return default


def text(name: str, default: str, help: str) -> str:
    """A string setting."""
    _declare(name, default, help)
    return _read(name, "a text", _env.str, default)


def integer(name: str, default: int, help: str) -> int:
    """An integer setting."""
    _declare(name, default, help)
    return _read(name, "a whole number", _env.int, default)


def number(name: str, default: float, help: str) -> float:
    """A float setting."""
    _declare(name, default, help)
    return _read(name, "a number", _env.float, default)


_WORDS = {
    **dict.fromkeys(("true", "1", "yes", "on", "y", "t"), True),
    **dict.fromkeys(("false", "0", "no", "off", "n", "f"), False),
}


def flag(name: str, default: bool, help: str) -> bool:
    """A boolean setting: true/false, 1/0, yes/no, on/off. Another word is a fault: `PRODUCTION=ture` must not pass."""
    _declare(name, default, help)
    word = _read(name, "a flag", _env.str, "").strip().lower()
    if word and word not in _WORDS:
        FAULTS.append(f"{name} is neither true nor false.")
    return _WORDS.get(word, default)


def names(name: str, default: list[str], help: str) -> list[str]:
    """A comma-separated list."""
    _declare(name, default, help)
    return _read(name, "a list", _env.list, default)


def path(name: str, default: Path, help: str) -> Path:
    """A directory; relative paths are taken from the working directory."""
    _declare(name, f"{default.name}/", help)
    return Path(_read(name, "a path", _env.str, str(default))).expanduser().resolve()


def mail(name: str, help: str) -> dict[str, Any]:
    """A mail server's URL as Django's EMAIL_ settings; none of them when it is empty."""
    _declare(name, "", help)
    found = _read(name, "a mail server's URL", _env.email_url, "") if _read(name, "a text", _env.str, "") else {}
    return {key: value for key, value in dict(found).items() if key.startswith("EMAIL_")}


def database(name: str, default: str, help: str) -> dict[str, Any]:
    """A database URL as a Django DATABASES entry."""
    _declare(name, "SQLite below VAR_DIR", help)
    url = _read(name, "a text", _env.str, "") or default
    if url.partition(":")[0] not in environ.Env.DB_SCHEMES:
        FAULTS.append(f"{name} is not a database's URL.")
        url = default
    return dict(environ.Env.db_url_config(url))


def redis(name: str, help: str) -> str:
    """A Redis URL, or one made of the four settings in which others give it; empty where neither is set."""
    url = text(name, "", help)
    host = text("REDIS_HOST", "", f"The same in parts, where {name} is empty: Redis' host.")
    port = integer("REDIS_PORT", 6379, "Redis' port, with REDIS_HOST.")
    password = text("REDIS_PASSWORD", "", "Redis' password, with REDIS_HOST.")
    database = integer("REDIS_DB", 0, "The number of the database in Redis, with REDIS_HOST.")
    if url or not host:
        return url
    place = f"[{host}]" if ":" in host else host
    secret = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{secret}{place}:{port}/{database}"
