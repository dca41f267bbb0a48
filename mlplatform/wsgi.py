"""The WSGI application that every web server runs."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
application = get_wsgi_application()
# The URL map and all it imports now: a mistake in it stops the start, and the first request isn't the slow one.
get_resolver().url_patterns  # noqa: B018 - reading it is what imports it
