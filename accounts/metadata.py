"""What OPTIONS answers: which methods there are stands in the Allow header, the rest in the OpenAPI schema."""

from typing import Any

from rest_framework.metadata import BaseMetadata
from rest_framework.request import Request


class PlainMetadata(BaseMetadata):
    """The call's name and description. Unlike DRF's own, it tries no other method to find out about it."""

    def determine_metadata(self, request: Request, view: Any) -> dict[str, str]:
        return {"name": view.get_view_name(), "description": view.get_view_description()}
