"""How pages show a moment: in words for who has no script, and for the page's script, which turns it into the reader's
own zone and language.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from unfold.decorators import display


def shown(at: datetime | None, *, is_exact: bool = False) -> SafeString | None:
    """To the minute, or to the second; None for no moment."""
    if not at:
        return None
    local = localtime(at)
    return format_html(
        '<time class="p-nowrap" datetime="{}" data-to="{}">{}</time>',
        local.isoformat(timespec="milliseconds"),
        "second" if is_exact else "minute",
        local.strftime("%Y-%m-%d %H:%M:%S %Z" if is_exact else "%Y-%m-%d %H:%M %Z"),
    )


def column(name: str, description: str, *, is_exact: bool = False) -> Callable[[Any, Any], SafeString | None]:
    """A column of an admin's list, a method of it, that shows the field `name`."""

    @display(description=description, ordering=name)
    def cell(_admin: Any, row: Any) -> SafeString | None:
        return shown(getattr(row, name), is_exact=is_exact)

    return cell
