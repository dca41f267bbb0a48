"""Notices errors in the log and counts them in memory, by what they have in common.

Nothing here touches the database: an error is noticed in the middle of anything, also while the database is away.
Counts wait until a heartbeat writes them (`writing.write`). At most MOST_WAITING groups wait; what is beyond is counted
together under one group.
"""

import hashlib
import json
import logging
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

MOST_WAITING = 200
# A sample is made no more often than this; a storm of errors costs a count each.
SAMPLE_SECONDS = 1.0
_HERE = Path(__file__).resolve().parents[2]
_OVERFLOW = "overflow"
_MOST_LINKS = 8


@dataclass(slots=True)
class Waiting:
    """What one group has gathered since it was last written. `sample` holds the fields of a log line."""

    kind: str
    place: str
    count: int = 0
    first_at: float = field(default_factory=time.time)
    last_at: float = 0.0
    sampled_at: float = 0.0
    sample: dict[str, Any] = field(default_factory=dict)


class Capture(logging.Handler):
    """A handler for events that are errors or worse; its formatter writes JSON lines, cleaned of secrets and inputs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Count it. Never raises and never asks anything outside of this process."""
        if getattr(_writing, "is_now", False):
            return
        try:
            self._count(record)
        except Exception:
            self.handleError(record)

    def _count(self, record: logging.LogRecord) -> None:
        kind, place, fingerprint = identity(record)
        now = time.time()
        with _lock:
            group = _waiting.get(fingerprint)
            if group is None and len(_waiting) >= MOST_WAITING:
                kind, place, fingerprint = "", "", _OVERFLOW
                group = _waiting.get(fingerprint)
            if group is None:
                group = _waiting[fingerprint] = Waiting(kind, place)
            group.count += 1
            group.last_at = now
            if now - group.sampled_at < SAMPLE_SECONDS:
                return
            group.sampled_at = now
        sample = json.loads(self.format(record))
        with _lock:
            group.sample = sample


def identity(record: logging.LogRecord) -> tuple[str, str, str]:
    """(kind of error, where it arose, fingerprint): what two events of one group have in common.

    The kind is the first error's in its chain, the place its innermost function of ours; neither line numbers nor
    words, which hold ids and values. An event without an error is known by its logger and its message's template.
    """
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        kind, place = record.levelname.lower(), record.name
        text = f"{place}\n{record.msg if isinstance(record.msg, str) else type(record.msg).__name__}"
    else:
        cause = _first(error)
        kind = f"{type(cause).__module__}.{type(cause).__qualname__}"
        place = _place(cause.__traceback__ or error.__traceback__)
        text = f"{kind}\n{place}\n{type(error).__qualname__}"
    return kind[:200], place[:200], hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _first(error: BaseException) -> BaseException:
    for _ in range(_MOST_LINKS):
        before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if before is None:
            break
        error = before
    return error


def _place(trace: TracebackType | None) -> str:
    """`inference/predictor.py: predict`, of the innermost frame that is ours, else of the innermost."""
    ours = innermost = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        path = Path(code.co_filename)
        innermost = f"{path.name}: {code.co_name}"
        if path.is_relative_to(_HERE) and "site-packages" not in path.parts:
            ours = f"{path.relative_to(_HERE)}: {code.co_name}"
        trace = trace.tb_next
    return ours or innermost


class writing_now:  # noqa: N801 (reads as what it says)
    """What is logged inside, in this thread, is not captured: an error of writing errors down must not breed."""

    def __enter__(self) -> None:
        _writing.is_now = True

    def __exit__(self, *_: object) -> None:
        _writing.is_now = False


def take() -> dict[str, Waiting]:
    """All that waits, by fingerprint; it waits no more."""
    global _waiting
    with _lock:
        taken, _waiting = _waiting, {}
    return taken


def give_back(taken: dict[str, Waiting]) -> None:
    """What could not be written waits again."""
    with _lock:
        for fingerprint, group in taken.items():
            newer = _waiting.get(fingerprint)
            if newer is None:
                if len(_waiting) <= MOST_WAITING:
                    _waiting[fingerprint] = group
                continue
            newer.count += group.count
            newer.first_at = min(newer.first_at, group.first_at)
            newer.sample = newer.sample or group.sample


def _forget() -> None:
    """In a fork: the errors are the parent's to write, and its lock may have been held."""
    global _lock, _waiting
    _lock, _waiting = threading.Lock(), {}


_lock = threading.Lock()
_waiting: dict[str, Waiting] = {}
_writing = threading.local()
os.register_at_fork(after_in_child=_forget)
