"""Sends errors to Sentry when SENTRY_DSN says where: what the errors page shows, cleaned in the same way.

The library's own hooks into Django stay off: they would cost every request, and collect bodies, cookies and headers. It
listens to the log alone. Without the setting it is not imported.
"""

import logging
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from django.conf import settings

from mlplatform import logs

_TAGS = ("request_id", "model", "code", "job")
# The words of an exception may hold an input; the cleaned traceback of ours is sent in their place.
_DROPPED = ("request", "user", "server_name", "modules", "breadcrumbs")


def is_available() -> bool:
    """Whether the extra `sentry` is installed."""
    return find_spec("sentry_sdk") is not None


def start() -> None:
    """Have errors of this process, and of those forked from it, sent. Does nothing without SENTRY_DSN or the extra."""
    if not settings.SENTRY_DSN or not is_available():
        return
    import sentry_sdk
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=settings.SENTRY_ENVIRONMENT,
        release=_release(),
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        before_send=_cleaned,
    )


def _cleaned(event: Any, hint: Any) -> Any:
    """The event without what it must not tell, tagged with what the log line tells."""
    record = hint.get("log_record")
    for name in _DROPPED:
        event.pop(name, None)
    line = logs.fields_of(record) if record is not None else {}
    event["tags"] = {name: str(line[name]) for name in _TAGS if line.get(name)}
    event["extra"] = {name: line[name] for name in ("actor", "key", "process", "pid", "exception") if name in line}
    event["logentry"] = {"message": line.get("message", "")}
    for link in (event.get("exception") or {}).get("values", []):
        link["value"] = "see extra.exception"
        for frame in (link.get("stacktrace") or {}).get("frames", []):
            frame.pop("vars", None)
    return event


def _release() -> str | None:
    try:
        return f"mlplatform@{version('mlplatform')}"
    except PackageNotFoundError:
        return None
