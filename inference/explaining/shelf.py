"""Opened explainers of this process: read, checked and judged on first use, and kept while they fit."""

import threading

from cachetools import LRUCache
from django.conf import settings

from inference.explaining import files
from inference.explaining.explainers import Columns
from inference.explaining.told import CannotExplain
from inference.explaining.words import Reader
from inference.runtimes.linear_text import reader as linear_text
from registry import artifacts
from registry.resolver import Served
from registry.seals import StoredFile

Opened = Columns | Reader
LINEAR_TEXT = "linear_text"

_lock = threading.Lock()
_opened: "LRUCache[tuple[int, str], tuple[Opened, int]]" = LRUCache(
    settings.EXPLAINER_CACHE_BYTES, getsizeof=lambda held: held[1]
)


def open_for(served: Served) -> Opened:
    """Raises CannotExplain when the version has no explanations; DigestMismatch when the file was changed; NotAPlan."""
    file = _file_of(served)
    key = (served.version_id, file.sha256)
    with _lock:
        held = _opened.get(key)
    if held is not None:
        return held[0]
    content = artifacts.read_verified(file)
    opened = _open(content, served)
    with _lock:
        held = (opened, 2 * len(content))  # what is made of it is about as large
        if held[1] <= _opened.maxsize:
            _opened[key] = held
    return opened


def clear() -> None:
    """Let go of every explainer."""
    with _lock:
        _opened.clear()


def _file_of(served: Served) -> StoredFile:
    if served.runtime == LINEAR_TEXT and served.explanation.get("method") == LINEAR_TEXT:
        return served.file
    if served.explainer is not None:
        return served.explainer
    told = served.explanation
    raise CannotExplain(told.get("code") or "not_prepared", told.get("message") or "")


def _open(content: bytes, served: Served) -> Opened:
    if served.runtime == LINEAR_TEXT:
        return Reader(linear_text.read(content))
    return Columns(files.read(content))
