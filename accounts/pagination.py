"""Pages of a list: `?page=&page_size=` gives `{count, next, previous, results}`."""

import re
from typing import Any

from rest_framework.exceptions import NotFound, ParseError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

_POSITIVE = re.compile(r"0*[1-9][0-9]{0,8}", re.ASCII)


class Pages(PageNumberPagination):
    """Numbered pages. A value that is no number is refused, a page beyond the last is not found."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    last_page_strings = ()
    invalid_page_message = "There is no such page."

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        page = request.query_params.get(self.page_query_param, "1")
        if not _POSITIVE.fullmatch(page):
            raise ParseError("page takes a number from 1 on.", code="invalid_page")
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound as error:
            raise NotFound(self.invalid_page_message, code="page_not_found") from error

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        if not _POSITIVE.fullmatch(text) or int(text) > self.max_page_size:
            raise ParseError(f"page_size takes a number from 1 to {self.max_page_size}.", code="invalid_page_size")
        return int(text)
