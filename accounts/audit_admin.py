"""The audit trail in the admin: reading it, and writing into it what is done there to people and groups."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts import audit, moments, tokens
from accounts.credential_cache import forget_all
from accounts.models import AuditEvent, User

_PASSWORD_PAGE = "auth_user_password_change"  # noqa: S105


@admin.register(AuditEvent)
class AuditEventAdmin(ModelAdmin):
    """Every event, newest first, for those who may view them. Nobody adds, changes or deletes one."""

    list_display = ("number", "shown_time", "action", "actor", "target_name", "address")
    shown_time = moments.column("at", "Time", is_exact=True)
    list_filter = ("action", "at", "target_type")
    search_fields = ("actor", "target_name", "target_id", "request_id", "address", "key")
    search_help_text = "Actor, target, address, API key or request id"
    ordering = ("-number",)
    show_full_result_count = False
    list_per_page = 50
    fieldsets = (
        (None, {"fields": ("number", "at", "action")}),
        ("Who", {"fields": ("actor", "actor_id", "key", "address", "request_id")}),
        ("What", {"fields": ("target_type", "target_id", "target_name", "details")}),
        ("Chain", {"fields": ("previous_hash", "hash")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False


class AuditedAdmin(ModelAdmin):
    """What is done to people and groups is written down, with the rights they gained and lost.

    `audited_as` is the first word of the actions. It hangs on the admin's own log, which every page that changes
    something calls inside the transaction of the change.
    """

    audited_as = ""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            request.powers_before = powers_of(type(obj).objects.get(pk=obj.pk))  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        audit.record(f"{self.audited_as}.created", by=_staff(request), target=obj, details={"gained": powers_of(obj)})
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        match = request.resolver_match
        if match is not None and match.url_name == _PASSWORD_PAGE:
            audit.record("account.password_changed", by=_staff(request), target=obj)
            tokens.end_all(obj)
        else:
            self._record_change(request, obj, message)
        # Rights may have gone: this process looks again at once, the others within CREDENTIAL_CACHE_SECONDS.
        transaction.on_commit(forget_all)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for row in queryset:
            audit.record(f"{self.audited_as}.deleted", by=_staff(request), target=row)
        transaction.on_commit(forget_all)
        return super().log_deletions(request, queryset)

    def _record_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        before: frozenset[str] = getattr(request, "powers_before", frozenset())
        after = powers_of(type(obj).objects.get(pk=obj.pk))
        details = {"fields": _fields_in(message), "gained": after - before, "lost": before - after}
        audit.record(f"{self.audited_as}.changed", by=_staff(request), target=obj, details=details)
        if isinstance(obj, User) and not obj.is_active:
            tokens.end_all(obj)


def powers_of(holder: Model) -> frozenset[str]:
    """What a person or a group has been given, in words; what a person has through groups is the group's."""
    if isinstance(holder, Group):
        return _names_of(holder.permissions)
    user = cast(User, holder)
    flags = {name for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)}
    groups = {f"group {name}" for name in user.groups.values_list("name", flat=True)}
    return frozenset(flags | groups) | _names_of(user.user_permissions)


def _names_of(permissions: Any) -> frozenset[str]:
    pairs = permissions.values_list("content_type__app_label", "codename")
    return frozenset(f"{app_label}.{codename}" for app_label, codename in pairs)


def _fields_in(message: Any) -> list[str]:
    """The names of changed fields in the admin's own note of a change."""
    if not isinstance(message, list):
        return []
    return [str(name) for item in message for name in item.get("changed", {}).get("fields", [])]


def _staff(request: HttpRequest) -> User:
    return cast(User, request.user)
