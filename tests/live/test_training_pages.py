"""Trainings from the admin, in a real browser: asked for, followed, cancelled, ended, proposed and never made live."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.live.browsing import Browsing, browsing
from tests.live.stack import Stack

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.django_db(databases=[])]

SOON, LATER = 60_000, 300_000  # bounds for machines that are busy


@pytest.fixture
def platform(stack: Callable[..., Stack]) -> Stack:
    return stack(workers=1)


@pytest.fixture
def browse(platform: Stack) -> Iterator[Browsing]:
    with browsing(platform) as opened:
        yield opened


def state(page: Any, text: str, within: int = LATER) -> None:
    page.wait_for_selector(f"#training tbody tr:first-child td:has-text('{text}')", timeout=within)


def live_versions(platform: Stack) -> list[Any]:
    return platform.query("SELECT version_id FROM registry_deployment WHERE closed_at IS NULL ORDER BY version_id")


def test_a_training_is_asked_for_followed_and_cancelled_and_another_ends(platform: Stack, browse: Browsing) -> None:
    page = browse.open()
    page.goto("/admin/solution/notifications/")
    page.click("#training button:has-text('Train')")
    state(page, "Running")
    page.wait_for_selector("#training meter")
    assert page.query_selector("#training button:has-text('Train')") is None
    page.click("#training button:has-text('Cancel')")
    state(page, "Cancelled")
    assert platform.query("SELECT COUNT(*) FROM registry_modelversion") == [(0,)]

    page.uncheck("#training input[name=activate]")
    page.click("#training button:has-text('Train')")
    state(page, "Done")
    page.click("#training a:has-text('notifications')")
    page.wait_for_selector("text=Ready")
    assert live_versions(platform) == []


def test_a_retraining_is_followed_to_a_proposal_that_a_person_makes_live(platform: Stack, browse: Browsing) -> None:
    platform.manage("stockpropositions", "--owner", "root@example.org")
    platform.manage(
        "shell", "-v", "0", "-c",
        "from accounts.models import User; User.objects.filter(email='nora@example.org').update(is_superuser=True)",
    )  # fmt: skip
    page = browse.open()
    page.goto("/admin/solution/propositions/")
    page.select_option("#retrain-kind", "gradient_boosting")
    page.click("button:has-text('Retrain')")
    page.wait_for_selector("#training[data-training] progress", timeout=SOON)
    page.wait_for_selector("#training:not([data-training])", state="attached", timeout=LATER)
    page.wait_for_selector("h2:has-text('On the last part of the time')", timeout=SOON)
    assert live_versions(platform) == []

    page.click("button:has-text('Make version 1 live')")
    page.wait_for_selector(".p-badge:has-text('Activated')", timeout=LATER)
    assert len(live_versions(platform)) == 1
