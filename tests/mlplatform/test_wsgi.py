"""What the server answers on the thread that reads requests, besides predictions; and what in a process for pages."""

import io
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings

import inference.urls
import monitoring.urls
import solutions.urls
from mlplatform import wsgi


def environ(path: str, **more: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "anything",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **more,
    }


@pytest.mark.django_db  # a thread that has a connection looks after it before each request
@pytest.mark.parametrize("path", ["/health", "/health/", "/ready", "/ready/"])
def test_who_looks_after_the_server_waits_for_no_thread(path: str) -> None:
    asked, said = environ(path), {}
    assert wsgi.is_quick(asked, b"")
    body = b"".join(wsgi.application(asked, lambda status, headers: said.update(headers)))
    assert int(said["Content-Length"]) == len(body) > 0, "else the client waits for more"


def test_all_else_waits_for_one() -> None:
    for path in ("/", "/metrics", "/healthy", "/api/v1/models", "/admin/"):
        assert not wsgi.is_quick(environ(path), b""), path
    for more in ({"REQUEST_METHOD": "HEAD"}, {"REQUEST_METHOD": "POST"}, {"CONTENT_LENGTH": "3"},
                 {"HTTP_TRANSFER_ENCODING": "chunked"}):  # fmt: skip
        assert not wsgi.is_quick(environ("/health", **more), b""), more


def test_pages_are_what_people_look_at_and_no_door_of_a_program() -> None:
    for path in ("/admin/", "/admin/dashboard", "/docs", "/docs/", "/api/schema"):
        assert wsgi.is_page(environ(path)), path
    doors = [
        f"/{pattern.pattern}"
        for room in (inference.urls, monitoring.urls, solutions.urls)
        for pattern in room.root_urlpatterns
    ]
    assert len(doors) > 5
    for path in (*doors, "/api/v1/predict/admin", "/api/v1/models", "/health", "/ready", "/", "/static/a.css"):
        assert not wsgi.is_page(environ(path)), path


@pytest.mark.parametrize("lane", ["true", "false"])
def test_a_quick_prediction_needs_no_thread_of_its_own_whoever_answers_it(lane: str) -> None:
    program = (
        "import django; django.setup()\n"
        "from mlplatform.fast_lane import FastLane\n"
        "FastLane.is_quick = lambda self, environ, body: body == b'quick'\n"
        "from mlplatform import wsgi\n"
        "print([wsgi.is_quick({'PATH_INFO': '/x', 'REQUEST_METHOD': 'POST'}, body) for body in (b'quick', b'slow')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "FAST_LANE": lane}, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[True, False]"
