"""Fields of the solutions' bodies that take a value as it is meant, and convert nothing."""

from typing import Any

from rest_framework import serializers


class Text(serializers.CharField):
    """A JSON string. A number or a truth value is refused, not made into text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))
