"""People and API keys in the admin. A key's secret is shown once, when it is made, and nowhere else."""

from typing import Any, cast

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import ForeignKey, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm

from accounts import environment_keys, moments, second_factor, services
from accounts.audit_admin import AuditedAdmin
from accounts.errors import Forbidden, KeyFromEnvironment
from accounts.forms import ApiKeyForm, PersonCreationForm
from accounts.models import ApiKey, User

_RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(AuditedAdmin, DjangoUserAdmin, ModelAdmin):
    """People. Only superusers hand out rights, and only they touch other superusers."""

    audited_as = "account"
    form = UserChangeForm
    add_form = PersonCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "username", "is_active", "is_staff", "is_superuser", "shown_login")
    shown_login = moments.column("last_login", "Last signed in")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    search_fields = ("email", "username", "first_name", "last_name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "username", "password", "is_active")}),
        ("Name", {"fields": ("first_name", "last_name")}),
        ("Rights", {"fields": _RIGHTS}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "password1", "password2")}),)
    actions = ("remove_second_factor",)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *_RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def has_second_factor_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser and second_factor.is_available()

    @admin.action(description="Remove the second factor of the selected users", permissions=["second_factor"])
    def remove_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        count = 0
        for person in users:
            try:
                count += second_factor.remove(by=_staff(request), person=person)
            except Forbidden as error:
                self.message_user(request, f"{person}: {error.message}", messages.ERROR)
        self.message_user(request, f"Second factors removed: {count}.")


def _staff(request: HttpRequest) -> User:
    """Who is signed in; the admin lets nobody else in."""
    return cast(User, request.user)


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or request.user.is_superuser or not user.is_superuser


admin.site.unregister(Group)
if second_factor.is_available():
    # Their pages would show the secrets of people's authenticators, and change them without a trace.
    admin.site.unregister([apps.get_model("otp_totp", "TOTPDevice"), apps.get_model("otp_static", "StaticDevice")])


@admin.register(Group)
class GroupAdmin(AuditedAdmin, DjangoGroupAdmin, ModelAdmin):
    """Groups of rights, in the look of the rest."""

    audited_as = "group"


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    """Keys are made and revoked, never changed or deleted: records point at what they did."""

    form = ApiKeyForm
    list_display = ("name", "shown_prefix", "owner", "shown_scopes", "state", "shown_use", "shown_end")
    shown_use = moments.column("last_used_at", "Last used")
    shown_end = moments.column("expires_at", "Expires")
    list_filter = ("revoked_at", "owner")
    list_select_related = ("owner",)
    search_fields = ("name", "prefix", "owner__email")
    ordering = ("-created_at",)
    add_fieldsets = ((None, {"fields": ("name", "owner", "scopes", "models", "rate_limit", "expires_at")}),)
    fieldsets = (
        (None, {"fields": ("name", "shown_prefix", "owner", "state")}),
        ("May do", {"fields": ("shown_scopes", "shown_models", "rate_limit")}),
        ("Dates", {"fields": ("created_at", "last_used_at", "expires_at", "revoked_at")}),
    )
    actions = ("revoke_selected",)

    @display(description="Key")
    def shown_prefix(self, key: ApiKey) -> str:
        return key.prefix if key.is_from_environment else f"mlp_{key.prefix}_…"

    @display(description="Scopes")
    def shown_scopes(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @display(description="Models")
    def shown_models(self, key: ApiKey) -> str:
        return ", ".join(key.model_names) or "all"

    @display(description="State", label={"live": "success", "revoked": "danger", "expired": "warning"})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        return "expired" if key.expires_at and key.expires_at <= timezone.now() else "live"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        environment_keys.sync()
        keys = super().get_queryset(request)
        return keys if request.user.has_perm(services.MANAGE_KEYS) else keys.filter(owner=request.user.pk)

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return self.fieldsets if obj else self.add_fieldsets

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(services.MANAGE_KEYS) or request.user.has_perm("accounts.change_apikey")

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        if db_field.name == "owner" and not request.user.has_perm(services.MANAGE_KEYS):
            kwargs["queryset"] = User.objects.filter(pk=_staff(request).pk)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"owner": request.user.pk, **super().get_changeform_initial_data(request)}

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, **kwargs: Any) -> Any:
        # A class of this request's own.
        form = super().get_form(request, obj, **kwargs)
        form.by = _staff(request)
        return form

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        key, text = services.create_key(**form.asked())
        obj.pk = key.pk
        obj.refresh_from_db()
        note = "The key, shown this once: {}"
        self.message_user(request, format_html(note, format_html("<code>{}</code>", text)), messages.WARNING)

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        for key in keys.select_related("owner"):
            try:
                services.revoke_key(by=_staff(request), key=key)
            except KeyFromEnvironment as error:
                self.message_user(request, f"{key}: {error.message}", messages.ERROR)
                continue
            self.log_change(request, key, "Revoked.")
        self.message_user(request, "The selected keys no longer work.")
