"""From a prediction to its truth, with real processes and in a real browser: quality, review by keys, drift, export."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.live.browsing import EMAIL, Browsing, browsing
from tests.live.stack import Client, Stack, upload_form, wait_until

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.django_db(databases=[])]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
PATHS = ["dashboard/weather/quality", "dashboard/weather/drift", "dashboard/weather/review", "monitoring/feedback/"]


@pytest.fixture
def platform(stack: Callable[..., Stack]) -> Stack:
    return stack(workers=2)


@pytest.fixture
def browse(platform: Stack) -> Iterator[Browsing]:
    with browsing(platform) as opened:
        yield opened


def model() -> bytes:
    draw = np.random.default_rng(1).normal(size=(200, 2))
    file = io.BytesIO()
    joblib.dump(LogisticRegression().fit(draw, np.where(draw[:, 0] > 0, "sun", "<b>rain</b>")), file)
    return file.getvalue()


def key_of(platform: Stack) -> str:
    scopes = [word for scope in ("predict", "read", "upload", "activate") for word in ("--scope", scope)]
    return platform.manage("createapikey", EMAIL, "--name", "k", *scopes).strip()


def ask(client: Client, x: float) -> str:
    status, _, answer = client.call("POST", "/api/v1/predict/weather", {"instances": [[x, 0.0]]})
    assert status == 200, answer
    return str(answer["prediction_id"])


def state_of(client: Client, query: str) -> int:
    return int(client.call("GET", f"/api/v1/feedback?{query}")[2]["count"])


def open_items(client: Client) -> int:
    return int(client.call("GET", "/api/v1/models/weather/watch")[2]["open"])


@pytest.fixture
def client(platform: Stack, browse: Browsing) -> Iterator[Client]:
    """The newcomer's own key."""
    connected = Client(platform.port, key_of(platform))
    yield connected
    connected.close()


def test_what_came_true_is_told_judged_measured_and_taken_out(client: Client, browse: Browsing) -> None:
    sample = json.dumps(np.random.default_rng(2).normal(size=(120, 2)).tolist())
    body, kind = upload_form(model(), name="weather", sample=sample)
    uploaded = client.call("POST", "/api/v1/models/upload?wait=60", body, **{"Content-Type": kind})
    assert uploaded[0] == 201, uploaded
    assert client.call("POST", "/api/v1/models/weather/versions/1/activate", {})[0] == 200
    client.call("PATCH", "/api/v1/models/weather/watch", {"review_below": 0.6})
    unsure = [ask(client, x) for x in (0.01, -0.01, 0.02)]

    # Told right after the answer, whether its record is in the database yet or not.
    told = [(ask(client, x), label) for x, label in ((2.0, "sun"), (-2.0, "<b>rain</b>"), (2.5, "<b>rain</b>"))]
    for prediction, label in told:
        path = f"/api/v1/predictions/{prediction}/feedback"
        assert client.call("POST", path, {"label": label, "source": "station"})[0] == 202
    wait_until(lambda: state_of(client, "state=counted") == 3, seconds=30)
    wait_until(lambda: open_items(client) == 3, seconds=30)
    assert client.call("POST", "/api/v1/models/weather/versions/1/drift")[0] == 202

    page = browse.open()
    page.goto("/admin/dashboard/weather/review")
    assert "&lt;b&gt;rain" in page.content()
    with page.expect_navigation():
        page.keyboard.press("1")
    with page.expect_navigation():
        page.keyboard.press("2")
    with page.expect_navigation():
        page.keyboard.press("s")
    assert "Nothing waits to be judged" in page.inner_text(".p-page")
    assert {state_of(client, f"source=review&prediction_id={pk}") for pk in unsure} == {0, 1}
    wait_until(lambda: client.call("GET", "/api/v1/models/weather/quality")[2]["labels"] == 5, seconds=30)

    page.goto("/admin/dashboard/weather/quality")
    assert "What was said for what was true" in page.inner_text(".p-page")
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.evaluate(_PUSHED) == []
    with page.expect_download() as download:
        page.click("text=Labelled rows as CSV")
    assert len(Path(download.value.path()).read_text().splitlines()) == 6
    page.goto(f"/admin/predictions/{told[2][0]}")
    page.select_option("#o-label", "sun")
    page.click("button:has-text('Take it')")
    assert "sun: taken" in page.content()
    wait_until(lambda: state_of(client, "source=admin&state=counted") == 1, seconds=30)
    wait_until(lambda: bool(client.call("GET", "/api/v1/models/weather/drift")[2]["history"]), seconds=30)
    page.goto("/admin/dashboard/weather/drift")
    assert "Too few rows to tell" in page.inner_text(".p-page")


def test_the_pages_fit_a_phone_and_say_what_to_do_when_empty(client: Client, browse: Browsing) -> None:
    body, kind = upload_form(model(), name="weather")
    assert client.call("POST", "/api/v1/models/upload?wait=60", body, **{"Content-Type": kind})[0] == 201

    page = browse.open(**PHONE)
    for path in PATHS:
        answer = page.goto(f"/admin/{path}")
        assert answer.status == 200, path
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"], path
    page = browse.open(java_script_enabled=False)
    page.goto("/admin/dashboard/weather/drift")
    page.click("button:has-text('Take it')")
    assert "a reference takes at least" in page.content()


# Tables that are wider than their place.
_PUSHED = """
[...document.querySelectorAll(".p-scroll")].filter(one => one.scrollWidth > one.clientWidth)
  .map(one => one.getAttribute("aria-label"))
"""
