"""The action map in the admin: a list that is edited in place, version by version."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from registry.signed_in import person
from solutions.errors import SolutionError
from solutions.notifications import actions
from solutions.notifications.models import ActionRule


@admin.register(ActionRule)
class ActionRuleAdmin(ModelAdmin):
    """Rows come with a version; people change what is done, not which classes there are."""

    list_display = ("label", "version", "action", "threshold", "below")
    list_editable = ("action", "threshold", "below")
    list_filter = ("version",)
    list_select_related = ("version__model",)
    search_fields = ("label",)
    fields = ("version", "label", "action", "threshold", "below")
    readonly_fields = ("version", "label")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ActionRule, form: Any, change: bool) -> None:
        """Through the service, so that every process follows and the audit trail tells of it."""
        try:
            actions.change(rule=obj, by=person(request), action=obj.action, threshold=obj.threshold, below=obj.below)
        except SolutionError as error:
            self.message_user(request, error.message, messages.ERROR)
