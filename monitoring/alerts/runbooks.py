"""The runbooks as a page of the admin: docs/runbooks.md, read when it is asked for."""

import re
from collections.abc import Iterator
from functools import cache

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from monitoring.alerts import kinds

_PAGE = settings.BASE_DIR / "docs" / "runbooks.md"
_PIECES = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*|\*(.+?)\*|\[([^]]+)\]\(([^)]+)\)")


def link(kind: str) -> str:
    """Where a reader of the admin finds what to do about a rule of this kind: RUNBOOKS_URL, else the page here."""
    return (settings.RUNBOOKS_URL or reverse("runbooks")) + kinds.runbook_section(kind)


def page(request: HttpRequest) -> HttpResponse:
    """All sections, each with the anchor that alerts lead to."""
    context = {**admin.site.each_context(request), "title": "Runbooks", "content_title": "Runbooks", **_read()}
    return TemplateResponse(request, "monitoring/runbooks.html", context)


@cache
def _read() -> dict[str, object]:
    """`preface`, and `sections`: anchor, heading and text of each."""
    preface, *sections = re.split(r"^## ", _PAGE.read_text(), flags=re.MULTILINE)
    parts = [one.partition("\n") for one in sections]
    return {
        "preface": as_html(preface.partition("\n")[2]),
        "sections": [(anchor(heading), heading, as_html(text)) for heading, _, text in parts],
    }


def anchor(heading: str) -> str:
    """The anchor of a heading, as it is made where the source is read."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def as_html(text: str) -> SafeString:
    """Paragraphs and blocks of code of a text in Markdown; other blocks are not known here."""
    return mark_safe("".join(_blocks(text)))  # noqa: S308 (made of escaped pieces)


def _blocks(text: str) -> Iterator[SafeString]:
    for at, part in enumerate(re.split(r"^```\w*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)):
        if at % 2:
            yield format_html('<pre class="p-wrap">{}</pre>', part)
        else:
            yield from (format_html("<p>{}</p>", _line(one)) for one in re.split(r"\n\n+", part.strip()) if one)


def _line(text: str) -> SafeString:
    html, at = "", 0
    for piece in _PIECES.finditer(text):
        html += conditional_escape(text[at : piece.start()]) + _marked(*piece.groups())
        at = piece.end()
    return mark_safe(html + conditional_escape(text[at:]))  # noqa: S308 (made of escaped pieces)


def _marked(code: str | None, strong: str | None, slanted: str | None, label: str | None, target: str) -> SafeString:
    if code:
        return format_html("<code>{}</code>", code)
    if strong:
        return format_html("<strong>{}</strong>", strong)
    if slanted:
        return format_html("<em>{}</em>", slanted)
    if target.startswith("#"):
        return format_html('<a href="{}">{}</a>', target, label)
    # The other pages are not shown here.
    return format_html("{} (<code>docs/{}</code>)", label, target)
