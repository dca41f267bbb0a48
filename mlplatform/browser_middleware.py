"""Django's middleware for people in browsers, which calls of programs pass by.

The API knows its callers by keys and tokens and never by a cookie, so it has no use for sessions, signed-in users and
messages; they would cost it more than most predictions take. Django's own protection of forms stays where it is: its
checks look for it by name.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest

API_PREFIX = "/api/v1/"


class _ForPeople:
    get_response: Callable[..., Any]

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API_PREFIX):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class Sessions(_ForPeople, SessionMiddleware):
    """`request.session`"""


class Users(_ForPeople, AuthenticationMiddleware):
    """`request.user`"""


class Messages(_ForPeople, MessageMiddleware):
    """What the next page tells."""
