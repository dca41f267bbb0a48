"""The dashboards in a real browser: fresh without a reload, filtered by links, taken as a file, safe and small."""

import csv
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import toys
from tests.live.browsing import Browsing, browsing
from tests.live.stack import Stack

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.django_db(databases=[])]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HOSTILE = "<img src=x onerror=alert(1)>"
# 10:30 there is 01:30 UTC.
TOKYO = {"timezone_id": "Asia/Tokyo"}


@pytest.fixture
def platform(stack: Callable[..., Stack]) -> Stack:
    running = stack(workers=2)
    status, body = running.upload("oracle", toys.oracle(1000.0), visibility="internal")
    assert status == 201, body
    status, _, body = running.call("POST", "/api/v1/models/oracle/versions/1/activate", {"note": HOSTILE})
    assert status == 200, body
    ask(running, 3)
    status, _, _ = running.call("POST", "/api/v1/predict/oracle", {"instances": [[1.0]], "subject_id": HOSTILE})
    assert status == 422
    status, _, _ = running.call(
        "POST", "/api/v1/predict/oracle", {"instances": [[1.0, 0.0]]}, **{"X-Request-ID": "img-src-x-onerror"}
    )
    assert status == 200
    return running


@pytest.fixture
def browse(platform: Stack) -> Iterator[Browsing]:
    with browsing(platform) as opened:
        yield opened


def ask(platform: Stack, times: int) -> None:
    for number in range(times):
        status, _, body = platform.call("POST", "/api/v1/predict/oracle", {"instances": [[float(number), 0.0]]})
        assert status == 200, body


def requests_shown(page: Any) -> int:
    return int(page.inner_text(".m-tiles div:first-child dd:nth-of-type(1)").replace(",", ""))


def wait_for_requests(page: Any, count: int) -> None:
    page.wait_for_function(
        "count => document.querySelector('.m-tiles dd').textContent.replaceAll(',', '') === String(count)", arg=count
    )


def pages_of(page: Any) -> list[str]:
    """Every page, that of a prediction too."""
    page.goto("/admin/predictions")
    page.wait_for_selector("#m-predictions tbody tr")
    single = page.get_attribute("#m-predictions tbody a", "href")
    return [
        "/admin/dashboard", "/admin/dashboard?window=month", "/admin/dashboard/oracle?window=day",
        "/admin/dashboard/oracle?outcome=failed", "/admin/processes", "/admin/clients", "/admin/predictions",
        "/admin/predictions?outcome=timeout", single,
    ]  # fmt: skip


def test_numbers_are_fresh_without_a_reload_and_keep_what_is_open(platform: Stack, browse: Browsing) -> None:
    page = browse.open()
    page.goto("/admin/dashboard")
    wait_for_requests(page, 5)
    page.evaluate("window.isTheSamePage = true")
    page.click("#m-traffic-numbers summary")
    ask(platform, 4)
    wait_for_requests(page, 9)
    assert page.evaluate("window.isTheSamePage")
    assert page.get_attribute("#m-traffic-numbers", "open") is not None
    assert "Refreshed every 5 seconds" in page.inner_text("[data-refresh-status]")


def test_a_hidden_page_asks_for_nothing(platform: Stack, browse: Browsing) -> None:
    page = browse.open()
    asked: list[str] = []
    page.on("request", lambda request: "fragment=1" in request.url and asked.append(request.url))
    page.goto("/admin/dashboard")
    wait_for_requests(page, 5)
    page.wait_for_timeout(5_500)
    assert asked
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.wait_for_timeout(500)
    asked.clear()
    page.wait_for_timeout(6_000)
    assert asked == []


def test_what_is_chosen_stands_in_the_address_in_the_readers_zone(platform: Stack, browse: Browsing) -> None:
    page = browse.open(**TOKYO)
    page.goto("/admin/dashboard/oracle")
    page.click("summary:has-text('Filter')")
    page.select_option("#m-outcome", "invalid")
    page.click(".m-form button")
    page.wait_for_selector(".m-chips >> text=outcome: invalid")
    assert requests_shown(page) == 1
    assert "wrong" in page.inner_text(".m-fragment") or "Input refused" in page.inner_text(".m-fragment")
    page.click(".m-chips a")
    page.wait_for_selector(".m-chips", state="detached")
    assert requests_shown(page) == 5
    page.click("summary:has-text('Filter')")
    page.fill("#m-from", "2026-01-05T10:30")
    page.fill("#m-to", "2026-01-05T12:00")
    page.click(".m-form button")
    page.wait_for_selector("text=No requests in that time")
    assert "from=2026-01-05T01%3A30%3A00.000Z" in page.url
    assert page.input_value("#m-from") == "2026-01-05T10:30"
    assert "stay as they are" in page.inner_text("[data-refresh-status]")


def test_from_the_list_to_why_and_into_a_file(platform: Stack, browse: Browsing) -> None:
    page = browse.open()
    page.goto("/admin/predictions")
    page.click("#m-predictions tbody tr:first-child a")
    page.wait_for_selector("text=Why this answer")
    assert "root@example.org, with the key tests" in page.inner_text(".p-page")
    assert "You may not read what was asked" in page.inner_text(".p-page"), "she neither owns the model nor asked"
    page.goto("/admin/predictions?outcome=ok")
    with page.expect_download() as download:
        page.click("button[value=csv]")
    with download.value.path().open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert {row["actor"] for row in rows} == {"root@example.org"}
    [(details,)] = platform.query("SELECT details FROM accounts_auditevent WHERE action = 'predictions.exported'")
    assert "csv" in str(details)


def test_the_same_works_without_scripts(platform: Stack, browse: Browsing) -> None:
    page = browse.open(java_script_enabled=False)
    page.goto("/admin/dashboard/oracle?window=day")
    assert requests_shown(page) == 5
    page.click("summary:has-text('Filter')")
    page.select_option("#m-outcome", "ok")
    page.click(".m-form button")
    page.wait_for_selector(".m-chips >> text=outcome: ok")
    assert requests_shown(page) == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_runs_nothing_hostile(platform: Stack, browse: Browsing, scheme: str) -> None:
    platform.manage(
        "shell", "-v", "0", "-c",
        "from accounts.models import ApiKey; from registry.models import RegisteredModel; "
        f"ApiKey.objects.update(name={HOSTILE!r}); RegisteredModel.objects.update(description={HOSTILE!r})",
    )  # fmt: skip
    page = browse.open(**PHONE, color_scheme=scheme)
    for address in pages_of(page):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        assert page.query_selector("img[src=x]") is None, address
        assert page.evaluate(_NAMELESS) == [], address
        assert page.evaluate(_SIDEWAYS) == [], address
    page.goto("/admin/clients")
    assert HOSTILE in page.inner_text("#m-clients")
    page.goto("/admin/dashboard/oracle")
    assert page.inner_text(".p-page").count(HOSTILE) >= 2


# Tables in view that one has to push aside to read them.
_SIDEWAYS = """
[...document.querySelectorAll(".p-scroll")].filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth)
  .map(one => one.getAttribute("aria-label"))
"""
# Pictures without a name, and fields that a screen reader could not tell apart.
_NAMELESS = """
[..."input:not([type=hidden]) select button svg[role=img]".split(" ")]
  .flatMap(kind => [...document.querySelectorAll(`.p-page ${kind}`)])
  .filter(field => !field.labels?.length && !field.getAttribute("aria-label") && !field.getAttribute("aria-labelledby")
    && !field.textContent.trim())
  .map(field => field.outerHTML.slice(0, 200))
"""
