"""The solution's page in the admin."""

import base64
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from solutions.images import ADVICE, parameters
from solutions.images.page import PAGE, logos

pytestmark = pytest.mark.django_db
URL = "/admin/solution/images/"
DEFAULTS = {one.name: one.default for one in parameters.PARAMETERS}


@pytest.fixture
def admin(client: Any, root: Any) -> Any:
    client.force_login(root)
    return client


def test_a_dropped_picture_is_judged_and_shown(admin: Any, live: Any, make_live: Any, logo: bytes) -> None:
    make_live(ADVICE)

    page = admin.post(URL, {**DEFAULTS, "image": SimpleUploadedFile("a.png", logo)}).content.decode()

    assert "data-answer>SSIM 0." in page
    assert "data:image/png;base64," in page
    assert "Kind of logo" in page
    assert "Parameters that would suit it" in page


def test_a_drawn_logo_may_be_chosen_instead(admin: Any, live: Any) -> None:
    page = admin.post(URL, {**DEFAULTS, "logo": "text 1"}).content.decode()

    assert "data-answer>SSIM 0." in page
    assert "<dd>text (" in page


def test_before_the_training_it_says_what_is_missing_and_how_to_make_it(admin: Any) -> None:
    page = admin.get(URL).content.decode()
    asked = admin.post(URL, {**DEFAULTS, "logo": "text 1"}).content.decode()

    assert "manage.py train images --activate" in page
    assert "Rule of thumb: no_active_version" in asked
    assert "<code>logo_classifier</code> is not live" in asked


def test_what_is_no_picture_is_told_at_its_field(admin: Any, live: Any) -> None:
    page = admin.post(URL, {**DEFAULTS, "image": SimpleUploadedFile("a.png", b"hello")}).content.decode()

    assert "this is not a PNG, JPEG, WebP or GIF picture" in page
    assert "data-answer" not in page


def test_nothing_chosen_and_numbers_out_of_bounds_are_told(admin: Any, live: Any) -> None:
    assert "Choose a picture" in admin.post(URL, DEFAULTS).content.decode()
    page = admin.post(URL, {**DEFAULTS, "logo": "text 1", "color_precision": 77}).content.decode()
    assert "color_precision takes a whole number from 1 to 8." in page


def test_the_call_from_outside_is_shown(admin: Any) -> None:
    page = admin.get(URL).content.decode()

    assert "/api/v1/images/quality" in page
    assert "-F image=@logo.png" in page


def test_there_is_a_shipped_logo_of_each_family_twice() -> None:
    assert list(logos())[:4] == ["simple 1", "gradient 1", "text 1", "complex 1"]
    assert len(logos()) == len(PAGE.examples()) == 8
    assert all(base64.b64decode(image).startswith(b"\x89PNG") for image in logos().values())
