"""How every process logs: one line for each event, JSON for machines or plain for people.

All loggers of the standard library come through here, so rooms go on writing `logging.getLogger(__name__)`. A line
tells when, how grave, who says it, what, and where it comes from: the request, its caller, the model, the job. No line
holds an input, a secret or a control character; see `accounts.redaction` for what counts as a secret.
"""

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import structlog
from django.core.exceptions import ImproperlyConfigured

from accounts import origin
from accounts.redaction import REMOVED, is_secret_name, without_controls, without_secrets
from mlplatform.tracebacks import text_of

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATS = ("auto", "json", "console")
# What `extra=` may add to a line. Anything else that libraries attach (whole requests among it) stays out.
FIELDS = (
    "request_id", "model", "version", "code", "actor", "key", "job", "method", "path", "status", "ms", "bytes", "cache",
)  # fmt: skip
MOST_TEXT = 4_000
MOST_TRACEBACK = 16_000
_MOST_ITEMS = 50
_MOST_DEPTH = 4
Event: TypeAlias = MutableMapping[str, Any]


def configuration(*, level: str, form: str, is_production: bool) -> dict[str, Any]:
    """Django's LOGGING; the web servers take it too. Raises ImproperlyConfigured for an unknown level or format."""
    if level.upper() not in LEVELS:
        raise ImproperlyConfigured(f"LOG_LEVEL is {level!r}: it is one of {', '.join(LEVELS)}.")
    if form not in FORMATS:
        raise ImproperlyConfigured(f"LOG_FORMAT is {form!r}: it is one of {', '.join(FORMATS)}.")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": "mlplatform.logs.formatter", "form": resolved(form, is_production)},
            "sample": {"()": "mlplatform.logs.formatter", "form": "json"},
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "line"},
            "errors": {"class": "monitoring.error_groups.capture.Capture", "level": "ERROR", "formatter": "sample"},
        },
        "root": {"handlers": ["console", "errors"], "level": level.upper()},
        "loggers": {
            # A line for each refused request would be any caller's to write; LOG_REQUESTS asks for them. What is
            # our fault `mlplatform.errors` has logged already, under the request's id.
            "django.request": {"level": "CRITICAL"},
            # The web servers say through these how they are; they would have handlers of their own.
            **{
                name: {"handlers": ["console"], "level": level.upper(), "propagate": False}
                for name in ("gunicorn.error", "gunicorn.access")
            },
        },
    }


def resolved(form: str, is_production: bool) -> str:
    """`auto` is for people on a terminal and while developing, else for machines."""
    if form != "auto":
        return form
    return "console" if sys.stderr.isatty() or not is_production else "json"


def formatter(form: str) -> logging.Formatter:
    """What turns a record into its line."""
    renderer: Any
    if form == "json":
        last: list[Any] = [structlog.processors.EventRenamer("message"), _json]
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        )
        last = [renderer]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(allow=FIELDS),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_origin,
            _with_traceback,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _clean, *last],
    )


def _with_origin(logger: Any, method: str, event: Event) -> Event:
    """Where it comes from, unless the line says so itself."""
    here = origin.current()
    request = getattr(event.get("_record"), "request", None)  # Django logs after the request's own time
    if request_id := getattr(request, "request_id", ""):
        event.setdefault("request_id", request_id)
    for name, value in (("request_id", here.request_id), ("actor", here.actor), ("key", here.key), ("job", here.job)):
        if value:
            event.setdefault(name, value)
    event["process"], event["pid"] = _PROCESS, os.getpid()
    return event


def _with_traceback(logger: Any, method: str, event: Event) -> Event:
    found = event.pop("exc_info", None)
    if found:
        error = found[1] if isinstance(found, tuple) else found if isinstance(found, BaseException) else None
        if error is not None:
            event["error"] = f"{type(error).__module__}.{type(error).__qualname__}"
            event["exception"] = text_of(error)
    event.pop("stack_info", None)
    return event


def _clean(logger: Any, method: str, event: Event) -> Event:
    traceback = event.pop("exception", "")
    cleaned: Event = {name: clean(value, name) for name, value in event.items()}
    if traceback:
        cleaned["exception"] = clean_traceback(traceback)
    return cleaned


def clean(value: Any, name: str = "", depth: int = 0) -> Any:
    """A value as it may stand in a log: plain, bounded, without secrets and control characters."""
    if is_secret_name(name):
        return REMOVED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth < _MOST_DEPTH:
        return {str(key): clean(item, str(key), depth + 1) for key, item in list(value.items())[:_MOST_ITEMS]}
    if isinstance(value, list | tuple | set | frozenset) and depth < _MOST_DEPTH:
        return [clean(item, "", depth + 1) for item in list(value)[:_MOST_ITEMS]]
    text = str(value)
    if len(text) > MOST_TEXT:
        text = f"{text[:MOST_TEXT]} … cut, {len(text)} characters in all"
    return without_controls(without_secrets(text))


def clean_traceback(text: str) -> str:
    """A traceback without secrets; its lines stay lines. Of a long one, the begin and the end."""
    if len(text) > MOST_TRACEBACK:
        text = f"{text[: MOST_TRACEBACK // 4]}\n… cut …\n{text[-MOST_TRACEBACK * 3 // 4 :]}"
    return "\n".join(without_controls(line) for line in without_secrets(text).split("\n"))


def _json(logger: Any, method: str, event: Event) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _process_name() -> str:
    """serve, runjobs or whatever command this is."""
    program = Path(sys.argv[0])
    if program.name == "manage.py" and len(sys.argv) > 1:
        return sys.argv[1]
    return "serve" if program.parent.name == "server" or "gunicorn" in str(program) else program.stem


_PROCESS = _process_name()


def fields_of(record: logging.LogRecord) -> Event:
    """The fields of the JSON line that this record becomes."""
    found: Event = orjson.loads(_sample_formatter().format(record))
    return found


@cache
def _sample_formatter() -> logging.Formatter:
    return formatter("json")
