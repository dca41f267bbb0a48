"""A real browser for the tests: signs in, and notes whatever a page should not do."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.stack import Stack

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
EMAIL, PASSWORD = "nora@example.org", "correct horse battery"
# A violation of the content policy is logged by the browser as well; this names the directive.
_WATCH_POLICY = (
    "document.addEventListener('securitypolicyviolation', e => console.error(`policy: ${e.violatedDirective}`))"
)
_NEWCOMER = (
    "from accounts.models import User; from django.contrib.auth.models import Group; "
    f"u = User.objects.create_user({EMAIL!r}, {PASSWORD!r}); u.is_staff = True; u.save(); "
    "u.groups.add(Group.objects.get(name='Data scientist'))"
)


class Browsing:
    """Opens pages as a newcomer. `problems` are console errors, script errors, dialogs and foreign requests."""

    def __init__(self, browser: Any, platform: Stack) -> None:
        self._browser, self._host = browser, f"http://127.0.0.1:{platform.port}/"
        self.problems: list[str] = []

    def open(self, **options: Any) -> Any:
        """A page of a new session, signed in."""
        context = self._browser.new_context(base_url=self._host, **options)
        context.set_default_timeout(30_000)
        context.on("console", lambda line: line.type == "error" and self.problems.append(line.text))
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("request", self._note)
        if options.get("java_script_enabled", True):
            context.add_init_script(_WATCH_POLICY)
        page = context.new_page()
        page.on("dialog", self._dismiss)
        page.goto("/admin/login/")
        page.fill("input[name=username]", EMAIL)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(self._host + "admin/")
        return page

    def _note(self, request: Any) -> None:
        if not request.url.startswith((self._host, "data:", "blob:")):
            self.problems.append(f"request to {request.url}")

    def _dismiss(self, dialog: Any) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextlib.contextmanager
def browsing(platform: Stack) -> Iterator[Browsing]:
    """A browser for one platform. Fails at the end when a page did what it should not."""
    api = pytest.importorskip("playwright.sync_api", reason="the extra `browser` isn't installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no Chromium at {CHROMIUM}")
    platform.manage("shell", "-v", "0", "-c", _NEWCOMER)
    with api.sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        opened = Browsing(browser, platform)
        yield opened
        browser.close()
    assert opened.problems == [], opened.problems
