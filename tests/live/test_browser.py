"""A newcomer's walk through the admin in a real browser: upload, watch, activate, roll back."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import toys
from tests.live.stack import Stack, wait_until

playwright_api = pytest.importorskip("playwright.sync_api", reason="the extra `browser` isn't installed")

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.django_db(databases=[]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium"),
]


@pytest.fixture
def platform(stack: Callable[..., Stack]) -> Stack:
    return stack(workers=2)


@pytest.fixture
def browse(platform: Stack) -> Iterator[Callable[..., Any]]:
    """Opens a signed-in page; the test fails when a page logs an error or asks another host."""
    problems: list[str] = []
    host = f"http://127.0.0.1:{platform.port}/"

    def note(request: Any) -> None:
        if not request.url.startswith((host, "data:", "blob:")):
            problems.append(request.url)

    with playwright_api.sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)

        def open_page(**options: Any) -> Any:
            context = browser.new_context(base_url=host, **options)
            context.set_default_timeout(30_000)
            context.on("console", lambda line: line.type == "error" and problems.append(line.text))
            context.on("weberror", lambda error: problems.append(str(error.error)))
            context.on("request", note)
            page = context.new_page()
            page.goto("/admin/login/")
            page.fill("input[name=username]", "root@example.org")
            page.fill("input[name=password]", "correct horse battery")
            page.press("input[name=password]", "Enter")
            page.wait_for_url(host + "admin/")
            return page

        yield open_page
        browser.close()
    assert problems == []


def choose(page: Any, content: bytes) -> None:
    page.set_input_files(
        "#id_file",
        {"name": "The Oracle.onnx", "mimeType": "application/octet-stream", "buffer": content},
    )


def agree(page: Any, link: str) -> None:
    """Follow the link to the question and press its button."""
    page.click(f"a:has-text('{link}')")
    page.wait_for_selector("#activation-form")
    page.click("#activation-form button[type=submit]")


def answer(platform: Stack) -> Any:
    status, _, body = platform.call("POST", "/api/v1/predict/oracle", {"instances": [[1.0, 0.0]]})
    return body["predictions"][0] if status == 200 else body["error"]["code"]


def test_a_newcomer_uploads_activates_and_rolls_back(platform: Stack, browse: Callable[..., Any]) -> None:
    page = browse()
    page.click("#nav-sidebar-inner >> text=Upload a model")
    choose(page, toys.oracle(1000.0))
    assert page.input_value("#id_name") == "the-oracle"
    page.fill("#id_name", "oracle")
    page.click("text=Upload and validate")
    page.wait_for_selector("text=Ready to go live")
    assert answer(platform) == "no_active_version"
    agree(page, "Activate version 1")
    page.wait_for_selector("text=Live since")
    assert answer(platform) == 1001.0

    page.click("text=Upload a new version")
    choose(page, toys.oracle(2000.0))
    assert page.input_value("#id_name") == "oracle"
    page.click("text=Upload and validate")
    agree(page, "Activate version 2")
    page.wait_for_selector("text=Live since")
    wait_until(lambda: answer(platform) == 2001.0, 1.0)
    agree(page, "Roll back to version 1")
    page.wait_for_selector("text=oracle:1 is live again.")
    wait_until(lambda: answer(platform) == 1001.0, 1.0)


def test_the_same_works_without_scripts(platform: Stack, browse: Callable[..., Any]) -> None:
    page = browse(java_script_enabled=False)
    page.click("text=Upload a model >> nth=0")
    choose(page, toys.oracle(1000.0))
    page.fill("#id_name", "oracle")
    page.click("text=Upload and validate")
    page.wait_for_selector("text=Reload this page")
    deadline = time.monotonic() + 60
    while not page.query_selector("text=Ready to go live"):
        assert time.monotonic() < deadline, platform.log("jobs")
        time.sleep(0.5)
        page.reload()
    agree(page, "Activate version 1")
    page.wait_for_selector("text=Live since")
    assert answer(platform) == 1001.0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone(platform: Stack, browse: Callable[..., Any], scheme: str) -> None:
    status, body = platform.upload("oracle", toys.oracle(1000.0))
    assert status == 201, body
    page = browse(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    lists = [
        "",
        "registry/registeredmodel/",
        "registry/modelversion/",
        "registry/modelversion/add/",
        "dashboard/",
    ]
    for address in [
        *lists,
        "registry/registeredmodel/1/change/",
        "registry/modelversion/1/change/",
        "versions/1/activate/",
    ]:
        page.goto(f"/admin/{address}")
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
