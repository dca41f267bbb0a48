"""A newcomer's walk through the admin in a real browser: upload, watch, try, activate, compare, roll back."""

import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import joblib
import pandas
import pytest
from sklearn.linear_model import LogisticRegression

from tests import toys
from tests.live.browsing import EMAIL, Browsing, browsing
from tests.live.stack import Stack, wait_until

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.django_db(databases=[])]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HOSTILE = "<img src=x onerror=alert(1)>"
VERSION, MODEL = "registry/modelversion/1", "registry/registeredmodel/1"
PAGES = [
    "",
    "registry/registeredmodel/",
    "registry/modelversion/",
    "registry/modelversion/add/",
    "dashboard/",
    "processes/",
    "clients/",
    "predictions/",
    f"{MODEL}/change/",
    f"{VERSION}/change/",
    f"{VERSION}/deprecate/",
    f"{MODEL}/archive/",
    "versions/1/activate/",
    "versions/1/try/",
    "versions/1/try/?as=json",
    "versions/1/batch/",
    "batch/",
    "models/1/compare/?first=1&second=2",
]


@pytest.fixture
def platform(stack: Callable[..., Stack]) -> Stack:
    return stack(workers=2)


@pytest.fixture
def browse(platform: Stack) -> Iterator[Browsing]:
    with browsing(platform) as opened:
        yield opened


def choose(page: Any, content: bytes, name: str = "The Oracle.onnx") -> None:
    page.set_input_files("#id_file", {"name": name, "mimeType": "application/octet-stream", "buffer": content})


def agree(page: Any, link: str) -> None:
    """Follow the link to the question, say why, and press its button."""
    page.click(f"a:visible:has-text('{link}')")
    page.wait_for_selector("#activation-form")
    page.fill("#id_note", f"Because: {link}")
    page.click("#activation-form button[type=submit]")


def answer(platform: Stack) -> Any:
    status, _, body = platform.call("POST", "/api/v1/predict/oracle", {"instances": [[1.0, 0.0]]})
    return body["predictions"][0] if status == 200 else body["error"]["code"]


def try_it(page: Any, x: str) -> str:
    """Open the try-it page of the version that is shown, ask for `x`, and read the answer."""
    page.click("a:visible:has-text('Try it')")
    page.wait_for_selector("#try-form")
    page.fill("#id_cell_0", x)
    page.click("#try-form button[type=submit]")
    page.wait_for_selector("[data-answer]")
    return str(page.inner_text("[data-answer]"))


def walk(page: Any, platform: Stack) -> None:
    """From nothing to a rollback, pressing only what the pages offer."""
    page.click(".p-actions a:has-text('Upload a model')")
    choose(page, toys.oracle(1000.0))
    assert page.input_value("#id_name") == "the-oracle"
    page.fill("#id_name", "oracle")
    page.click("text=Upload and validate")
    page.wait_for_selector("#upload-verdict >> text=Ready to go live")
    assert answer(platform) == "no_active_version"
    assert float(try_it(page, "1")) == 1001.0
    page.fill("input[name=cell_0]", "one")
    page.click("#try-form button[type=submit]")
    page.wait_for_selector("text=Expected a number, got 'one'")
    page.click(".p-head >> text=Version 1")
    agree(page, "Activate version 1")
    page.wait_for_selector("text=Live since")
    assert answer(platform) == 1001.0
    page.click("summary:has-text('More')")
    page.wait_for_selector("text=It is live already.")
    page.keyboard.press("Escape")
    page.wait_for_selector(".p-menu ul", state="hidden")

    page.click("text=Upload a new version")
    choose(page, toys.oracle(2000.0))
    assert page.input_value("#id_name") == "oracle"
    page.click("text=Upload and validate")
    page.wait_for_selector("#upload-verdict >> text=Ready to go live")
    agree(page, "Activate version 2")
    page.wait_for_selector("text=Live since")
    wait_until(lambda: answer(platform) == 2001.0, 1.0)
    page.click("a:visible:has-text('Compare')")
    page.click("text=Ask both the golden rows")
    page.wait_for_selector("text=golden rows differently")
    page.goto(f"/admin/{MODEL}/change/")
    agree(page, "Roll back to version 1")
    page.wait_for_selector("text=oracle:1 is live again.")
    wait_until(lambda: answer(platform) == 1001.0, 1.0)
    history = page.inner_text(".p-timeline")
    assert history.index("Because: Roll back to version 1") < history.index("Because: Activate version 2")
    assert EMAIL in history


def test_a_newcomer_uploads_tries_activates_and_rolls_back(platform: Stack, browse: Browsing) -> None:
    walk(browse.open(), platform)


def test_the_same_works_on_a_phone_in_the_dark(platform: Stack, browse: Browsing) -> None:
    walk(browse.open(**PHONE, color_scheme="dark"), platform)


def test_the_same_works_without_scripts(platform: Stack, browse: Browsing) -> None:
    page = browse.open(java_script_enabled=False)
    page.click(".p-actions a:has-text('Upload a model')")
    choose(page, toys.oracle(1000.0))
    page.fill("#id_name", "oracle")
    page.click("text=Upload and validate")
    page.wait_for_selector("text=Reload this page")
    deadline = time.monotonic() + 60
    while not page.query_selector("text=Ready to go live"):
        assert time.monotonic() < deadline, platform.log("jobs")
        time.sleep(0.5)
        page.reload()
    assert float(try_it(page, "1")) == 1001.0
    page.click(".p-head >> text=Version 1")
    agree(page, "Activate version 1")
    page.wait_for_selector("text=Live since")
    assert answer(platform) == 1001.0


def test_a_failure_says_what_to_do_and_keeps_what_was_typed(platform: Stack, browse: Browsing) -> None:
    page = browse.open()
    page.goto("/admin/registry/modelversion/add/")
    choose(page, b"this is no model")
    page.fill("#id_name", "oracle")
    page.click("text=Upload and validate")
    page.wait_for_selector("[data-errors=file]:not([hidden])")
    # The browser itself logs that the form was refused.
    assert [problem for problem in browse.problems if "422" not in problem] == []
    browse.problems.clear()
    choose(page, toys.oracle(1.0))
    page.click("summary:has-text('Prove it')")
    page.fill("#id_sample", "[[1, 2]]")
    page.fill("#id_expected", "[17]")
    page.click("text=Upload and validate")
    page.wait_for_selector("#upload-verdict >> text=What to do")
    assert "17" in page.inner_text("#upload-verdict")
    page.click("text=Correct it and upload again")
    assert page.input_value("#id_expected") == "[17]"
    page.fill("#id_expected", "[2]")
    page.click("text=Upload and validate")
    page.wait_for_selector("#upload-verdict >> text=Ready to go live")


def test_hostile_names_are_shown_and_never_run(platform: Stack, browse: Browsing) -> None:
    frame = pandas.DataFrame({HOSTILE: [0.0, 1.0, 2.0, 3.0], "</script><b>": [1.0, 0.0, 3.0, 2.0]})
    buffer = io.BytesIO()
    joblib.dump(LogisticRegression().fit(frame, [HOSTILE, "'\"><svg onload=alert(2)>"] * 2), buffer)
    page = browse.open()
    page.goto("/admin/registry/modelversion/add/")
    choose(page, buffer.getvalue(), name=f"{HOSTILE}.joblib")
    page.fill("#id_name", "hostile")
    page.fill("#id_description", HOSTILE)
    page.click("summary:has-text('Prove it')")
    page.fill("#id_notes", HOSTILE)
    page.fill("#id_version_tags", HOSTILE)
    page.fill("#id_metrics", f"{HOSTILE.replace('=', ':')} = 1")
    page.click("text=Upload and validate")
    page.wait_for_selector("#upload-verdict >> text=Ready to go live")
    assert HOSTILE in page.inner_text("#upload-verdict")
    platform.upload("hostile", toys.oracle(1.0))
    agree(page, "Activate version 1")
    page.wait_for_selector("text=Live since")
    for address in PAGES:
        page.goto(f"/admin/{address}")
        page.wait_for_load_state("networkidle")
        assert page.query_selector("img[src=x], svg[onload]") is None, address
    page.goto("/admin/versions/1/try/")
    page.click("#try-form button[type=submit]")
    page.wait_for_selector("[data-answer]")
    page.goto(f"/admin/{VERSION}/change/")
    assert page.inner_text(".p-page").count(HOSTILE) >= 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_names_its_fields(platform: Stack, browse: Browsing, scheme: str) -> None:
    for number in (1, 2):
        status, body = platform.upload("oracle", toys.oracle(1000.0 * number), visibility="internal")
        assert status == 201, body
    page = browse.open(**PHONE, color_scheme=scheme)
    for address in PAGES:
        page.goto(f"/admin/{address}")
        page.wait_for_load_state("load")
        page.evaluate("document.querySelectorAll('.p-scroll table').forEach(one => one.style.minWidth = '60rem')")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, f"{address}, however wide its tables are"
        assert page.evaluate(_NAMELESS) == [], address


def test_a_metric_with_a_long_name_keeps_its_value_on_one_line(platform: Stack, browse: Browsing) -> None:
    page = browse.open()
    page.goto("/admin/registry/modelversion/add/")
    choose(page, toys.oracle(1000.0))
    page.click("text=Prove it with rows of your own, and more")
    page.fill("#id_metrics", "share of honest payments that are flagged, on rows that were held out = 0.0013")
    page.click("text=Upload and validate")
    page.wait_for_selector("#upload-verdict >> text=Ready to go live")
    page.goto(f"/admin/{VERSION}/change/")
    value = page.locator("dd:text-is('0.0013')").bounding_box()
    assert value is not None
    assert value["width"] > value["height"]


def test_bulk_scoring_is_followed_on_a_phone_whatever_the_file_is_called(platform: Stack, browse: Browsing) -> None:
    assert platform.upload("oracle", toys.oracle(1000.0))[0] == 201
    page = browse.open(**PHONE, color_scheme="dark")
    page.goto("/admin/versions/1/batch/")
    rows = b"feature_0,feature_1\n1,2\nabc,2\n"
    page.set_input_files("#id_file", {"name": f"{'long-' * 20}.csv", "mimeType": "text/csv", "buffer": rows})
    page.click("text=Send and score")
    page.wait_for_selector("text=Download the results", timeout=60_000)
    assert "2 of 2" in page.inner_text(".p-facts")
    page.goto("/admin/batch/")
    for cell in page.query_selector_all(".p-jobs td:nth-child(2) .p-badge, .p-jobs td:nth-child(3)"):
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= PHONE["viewport"]["width"], "state and rows are seen without scrolling"


# Fields of our own pages that a screen reader could not name.
_NAMELESS = """
[...document.querySelectorAll(".p-page input:not([type=hidden]), .p-page textarea, .p-page select, .p-page button")]
  .filter(field => !field.labels?.length && !field.getAttribute("aria-label") && !field.textContent.trim())
  .map(field => field.outerHTML)
"""
