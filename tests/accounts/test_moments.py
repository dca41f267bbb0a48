"""Moments on pages: for who has no script, and for the page's script."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.template import engines

from accounts import moments

pytestmark = pytest.mark.django_db(databases=[])
AT = datetime(2026, 1, 31, 23, 30, 15, tzinfo=UTC)


def test_a_moment_is_told_in_the_platforms_zone_and_carried_with_its_own(settings: object) -> None:
    settings.TIME_ZONE = "Europe/Berlin"  # type: ignore[attr-defined]
    assert moments.shown(AT) == (
        '<time class="p-nowrap" datetime="2026-02-01T00:30:15.000+01:00" data-to="minute">2026-02-01 00:30 CET</time>'
    )
    assert 'data-to="second">2026-02-01 00:30:15 CET<' in str(moments.shown(AT, is_exact=True))
    assert moments.shown(None) is None


def test_every_template_knows_moments() -> None:
    text = "{{ at|moment }} {{ at|exact_moment }} {{ never|moment }}"
    told = engines["django"].from_string(text).render({"at": AT, "never": None})
    assert told == f"{moments.shown(AT)} {moments.shown(AT, is_exact=True)} –"


def test_a_column_shows_a_field_and_is_sorted_by_it() -> None:
    column = moments.column("seen_at", "Seen", is_exact=True)
    assert column(None, SimpleNamespace(seen_at=AT)) == moments.shown(AT, is_exact=True)
    assert column(None, SimpleNamespace(seen_at=None)) is None
    assert (column.admin_order_field, column.short_description) == ("seen_at", "Seen")  # type: ignore[attr-defined]
