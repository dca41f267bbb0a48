"""Pages of long lists."""

import pytest

from accounts import bounded_paginator
from accounts.bounded_paginator import BoundedPaginator
from accounts.models import User

pytestmark = pytest.mark.django_db


def test_rows_are_counted_only_as_far_as_anyone_pages(monkeypatch, django_assert_num_queries):
    for number in range(4):
        User.objects.create_user(f"u{number}@example.org", "correct horse battery")
    assert BoundedPaginator(User.objects.order_by("pk"), 2).count == 4
    monkeypatch.setattr(bounded_paginator, "MOST_COUNTED", 3)
    with django_assert_num_queries(1) as asked:
        assert BoundedPaginator(User.objects.order_by("pk"), 2).count == 3
    assert "LIMIT 3" in asked[0]["sql"]
