"""The WSGI application that every web server runs: the fast lane in front of Django."""

import os
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from mlplatform import env, leaving

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
if not settings.HAS_SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set: `manage.py check --deploy` tells what else is missing.")
if env.FAULTS:
    raise ImproperlyConfigured(" ".join(env.FAULTS))
application: Any = get_wsgi_application()
# The URL map and all it imports now: a mistake in it stops the start, and the first request isn't the slow one.
get_resolver().url_patterns  # noqa: B018 - reading it is what imports it

# The apps that these import are there from here on.
from mlplatform.fast_lane import FastLane  # noqa: E402
from mlplatform.request_log import QUIET  # noqa: E402

_OF_PEOPLE = ("/admin/", "/docs", "/api/schema")
# It tells quick predictions apart also where Django answers them: they are as quick to wait for then.
_lane = FastLane(application)
is_brief = _lane.is_brief
if settings.FAST_LANE:
    application = _lane


def is_quick(environ: dict[str, Any], body: bytes) -> bool:
    """Whether `application` answers this at once, without waiting for anything.

    Who looks after the server asks for /health and /ready, and must not hear from a long queue that it is dead.
    """
    return _lane.is_quick(environ, body) or _is_of_health(environ)


def is_page(environ: dict[str, Any]) -> bool:
    """Whether it is for people, who look at few pages that take long, and not for programs."""
    path: str = environ["PATH_INFO"]
    return path.startswith(_OF_PEOPLE)


def _is_of_health(environ: dict[str, Any]) -> bool:
    is_bare = not environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in environ
    return environ["PATH_INFO"] in QUIET and environ["REQUEST_METHOD"] == "GET" and is_bare


if settings.LOG_REQUESTS and settings.LOG_LEVEL.upper() in ("DEBUG", "INFO"):
    from mlplatform.logs import resolved
    from mlplatform.request_log import RequestLog

    application = RequestLog(application, is_json=resolved(settings.LOG_FORMAT, settings.PRODUCTION) == "json")

application = leaving.Farewell(application)
