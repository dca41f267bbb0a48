"""The admin's sidebar: what a person may open, in the order in which they work."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from accounts import second_factor
from accounts.models import ApiKey, AuditEvent, User
from monitoring.models import Alert, AlertChannel, AlertEvent, AlertRule, ErrorGroup, Feedback, PredictionLog
from registry.models import ModelVersion, RegisteredModel

_Link = tuple[bool, str, str, str]  # is it allowed, its text, its icon, where it leads


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """What the menu of one's own account offers."""
    links = [{"title": "Change password", "link": reverse("admin:password_change")}]
    if second_factor.is_available():
        links.append({"title": "Second factor", "link": reverse("admin:second_factor")})
    return links


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of links for this person; one without links is left out."""
    groups = _groups(request)
    active = _active(request.path, [link for _, links in groups for *_, link in links])
    return [
        {
            "title": title,
            "separator": bool(title),
            "items": [_item(link, active) for link in links if link[0]],
        }
        for title, links in groups
        if any(is_allowed for is_allowed, *_ in links)
    ]


def _groups(request: HttpRequest) -> list[tuple[str, list[_Link]]]:
    """Every group there is, by its title, with every link, allowed or not."""
    may_upload = request.user.has_perm("registry.upload_model")
    sees_records = request.user.has_perm("monitoring.view_predictionlog")
    sees_alerts = admin.site.get_model_admin(Alert).has_view_permission(request)
    return [
        (
            "",
            [
                (True, "Overview", "home", reverse("admin:index")),
                (sees_records, "Dashboard", "monitoring", reverse("dashboard")),
            ],
        ),
        (
            "Models",
            [
                (may_upload, "Upload a model", "upload", reverse("admin:registry_modelversion_add")),
                _list(request, RegisteredModel, "Models", "deployed_code"),
                _list(request, ModelVersion, "Versions", "history"),
                (True, "Solutions", "apps", reverse("admin-solutions")),
                (True, "Bulk scoring", "table_rows", reverse("admin-batch")),
            ],
        ),
        (
            "Records",
            [
                (sees_records, "Predictions", "list_alt", reverse("predictions")),
                _list(request, PredictionLog, "Stored records", "database"),
                _list(request, Feedback, "Feedback", "fact_check"),
                _list(request, ErrorGroup, "Errors", "bug_report"),
            ],
        ),
        (
            "Alerts",
            [
                _list(request, Alert, "Alerts", "notifications_active"),
                _list(request, AlertEvent, "History of alerts", "history_toggle_off"),
                _list(request, AlertRule, "Rules", "rule"),
                _list(request, AlertChannel, "Channels", "campaign"),
                (sees_alerts, "Runbooks", "menu_book", reverse("runbooks")),
            ],
        ),
        (
            "Access",
            [
                _list(request, ApiKey, "API keys", "key"),
                _list(request, User, "Users", "group"),
                _list(request, AuditEvent, "Audit trail", "policy"),
            ],
        ),
    ]


def _list(request: HttpRequest, model: type[Model], text: str, icon: str) -> _Link:
    """The list of a model's rows, for those whom its admin lets in."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return admin.site.get_model_admin(model).has_view_permission(request), text, icon, address


def _item(link: _Link, active: str) -> dict[str, Any]:
    _, text, icon, address = link
    return {"title": text, "icon": icon, "link": address, "active": address == active}


def _active(path: str, links: list[str]) -> str:
    """The link the page belongs to: the longest one its path begins with; the overview only for itself."""
    index = reverse("admin:index")
    candidates = [link for link in links if path.startswith(link) and (link != index or path == index)]
    return max(candidates, key=len, default="")
