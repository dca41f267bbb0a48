"""Moments in templates; every template has these without loading them."""

from datetime import datetime

from django import template
from django.utils.safestring import SafeString

from accounts import moments

register = template.Library()


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """To the minute; a dash for no moment."""
    return moments.shown(at) or "–"


@register.filter
def exact_moment(at: datetime | None) -> SafeString | str:
    """To the second; a dash for no moment."""
    return moments.shown(at, is_exact=True) or "–"
