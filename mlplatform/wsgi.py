"""The WSGI application that every web server runs: the fast lane in front of Django."""

import os
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
if not settings.HAS_SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set: `manage.py check --deploy` tells what else is missing.")
application: Any = get_wsgi_application()
# The URL map and all it imports now: a mistake in it stops the start, and the first request isn't the slow one.
get_resolver().url_patterns  # noqa: B018 - reading it is what imports it

if settings.FAST_LANE:
    from mlplatform.fast_lane import FastLane  # its imports need the apps, which are there from here on

    application = FastLane(application)

if settings.LOG_REQUESTS and settings.LOG_LEVEL.upper() in ("DEBUG", "INFO"):
    from mlplatform.logs import resolved
    from mlplatform.request_log import RequestLog

    application = RequestLog(application, is_json=resolved(settings.LOG_FORMAT, settings.PRODUCTION) == "json")
