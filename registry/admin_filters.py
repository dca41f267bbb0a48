"""Filters of the admin's lists."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from registry.models import ModelVersion


class MineFilter(SimpleListFilter):
    """Models one owns, or versions one uploaded."""

    title = "whose"
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "Mine"), ("others", "Of others")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        mine = {"created_by" if queryset.model is ModelVersion else "owner": request.user}
        if self.value() == "mine":
            return queryset.filter(**mine)
        return queryset.exclude(**mine) if self.value() == "others" else queryset


class LiveFilter(SimpleListFilter):
    """Models with a live version, or versions that are live; the queryset carries `is_live`."""

    title = "live"
    parameter_name = "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Live"), ("no", "Not live")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(is_live=self.value() == "yes") if self.value() in ("yes", "no") else queryset


class ArchivedFilter(SimpleListFilter):
    """Hides archived models unless asked."""

    title = "archived"
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Archived"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield (
                {**choice, "display": "In use"}
                if choice["display"] == "All" and "all" not in choice["query_string"]
                else choice
            )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(archived_at__isnull=self.value() != "yes")
