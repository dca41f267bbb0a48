"""The runbooks as a page of the admin: docs/runbooks.md, read when it is asked for."""

import re
from functools import cache

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from monitoring.alerts import kinds
from registry import markdown

_PAGE = settings.BASE_DIR / "docs" / "runbooks.md"
_OTHER_PAGES = re.compile(r"\[([^]]+)\]\(([\w/]+\.md)[^)]*\)")


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
        "preface": _as_html(preface.partition("\n")[2]),
        "sections": [(anchor(heading), heading, _as_html(text)) for heading, _, text in parts],
    }


def anchor(heading: str) -> str:
    """The anchor of a heading, as it is made where the source is read."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _as_html(text: str) -> SafeString:
    """Of the other pages, which are not shown here, it tells the names."""
    return markdown.as_html(_OTHER_PAGES.sub(r"\1 (`docs/\2`)", text))
