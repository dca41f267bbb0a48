"""Whoever takes anything is answered as DRF would answer them; the others are left to DRF."""

from typing import Any

import pytest
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, StaticHTMLRenderer
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.negotiation import Negotiation
from accounts.strict_json import FastJSONRenderer

BOTH: list[type[BaseRenderer]] = [FastJSONRenderer, StaticHTMLRenderer]


def chosen(by: DefaultContentNegotiation, query: str, headers: dict[str, str]) -> Any:
    renderers = [kind() for kind in BOTH]
    try:
        renderer, media_type = by.select_renderer(
            Request(APIRequestFactory().get(f"/{query}", headers=headers)), renderers
        )
    except NotAcceptable:
        return "refused"
    return type(renderer), media_type


@pytest.mark.parametrize("query", ["", "?format=html", "?rows=1"])
@pytest.mark.parametrize(
    "accept",
    [
        None, "", "*/*", "application/json", "application/*", "text/html", "application/json; indent=4", "image/png",
        "text/html, */*;q=0.1", "application/json, text/html", "nonsense",
    ],
)  # fmt: skip
def test_the_renderer_is_the_one_that_drf_chooses(accept: str | None, query: str) -> None:
    headers = {} if accept is None else {"Accept": accept}
    assert chosen(Negotiation(), query, headers) == chosen(DefaultContentNegotiation(), query, headers)


def test_who_names_nothing_has_no_header_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DefaultContentNegotiation, "select_renderer", lambda *_: pytest.fail("DRF was asked"))
    assert chosen(Negotiation(), "", {}) == (FastJSONRenderer, "application/json")
