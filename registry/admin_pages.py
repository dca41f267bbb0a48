"""What the pages of a model and of a version show, read with a constant number of queries."""

from typing import Any

from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from accounts.models import User
from registry import admin_actions, advice, client_code, findings, markdown, presentation, selectors, services, timeline
from registry.models import ModelVersion, RegisteredModel, Status
from registry.services.rights import is_servable

_SHOWN_VERSIONS = 50
_SHOWN_ENTRIES = 50


def model_context(model: RegisteredModel, *, user: User) -> dict[str, Any]:
    """The model's versions, its history, and what may be done."""
    live = model.open_deployment()
    versions = selectors.versions_with_live(model)
    actions = admin_actions.for_model(model, user=user, live=live)
    return {
        "model": model,
        "live": live,
        "versions": [_listed(version) for version in versions[:_SHOWN_VERSIONS]],
        "more_versions": max(0, model.versions_count - _SHOWN_VERSIONS),
        "timeline": timeline.of_model(model, limit=_SHOWN_ENTRIES),
        "may_activate": admin_actions.may_activate(user, model),
        "may_upload": _may_upload(user, model),
        "may_see_dashboard": user.has_perm("monitoring.view_predictionlog"),
        "roll_back": actions[0],
        "actions": actions,
    }


def live_at_context(model: RegisteredModel, query: QueryDict) -> dict[str, Any]:
    """What was live at the moment that is asked for; nothing when none is."""
    asked = query.get("moment") or query.get("at") or ""
    try:
        at = parse_datetime(asked)
    except ValueError:
        at = None
    if at is None:
        return {"asked_at": None, "is_asked_in_vain": bool(asked)}
    at = make_aware(at) if is_naive(at) else at
    return {"asked_at": at, "was_live": timeline.live_at(model, at)}


def _may_upload(user: User, model: RegisteredModel) -> bool:
    return services.may_change(user, model) and user.has_perm("registry.upload_model") and not model.archived_at


def _listed(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version,
        "tone": presentation.TONES[Status(version.status)],
        "can_serve": is_servable(version),
        "reason": (version.failure or {}).get("message", ""),
    }


def version_context(version: ModelVersion, *, user: User, origin: str) -> dict[str, Any]:
    """The version, what surrounds it, and the next thing to do."""
    model = version.model
    live = model.open_deployment()
    is_live = live is not None and live.version_id == version.pk
    can_serve = is_servable(version)
    actions = admin_actions.for_version(version, user=user, live=live)
    return {
        "version": version,
        "notes": markdown.as_html(version.notes),
        "model": model,
        "live": live,
        "is_live": is_live,
        "can_activate": not actions[0].why_not,
        "can_serve": can_serve and not model.archived_at,
        "actions": actions,
        "roll_back": actions[1] if is_live else None,
        "can_trust": _can_trust(version, user),
        "is_curable": _is_curable(version),
        "advice": advice.on((version.failure or {}).get("code", "")),
        "may_describe": services.may_change(user, model),
        "may_upload": _may_upload(user, model),
        "curl": _curl(version, is_live=is_live, origin=origin) if can_serve else "",
        "timeline": timeline.of_version(version, limit=_SHOWN_ENTRIES),
        **_neighbours(version),
        **_shown(version),
    }


def _curl(version: ModelVersion, *, is_live: bool, origin: str) -> str:
    reference = client_code.reference_to(version.model, version, is_live=is_live)
    return client_code.curl(reference, client_code.example_call(version), origin=origin)


def _shown(version: ModelVersion) -> dict[str, Any]:
    """The version's findings as texts."""
    signature = version.signature or {}
    return {
        "tone": presentation.TONES[Status(version.status)],
        "progress": presentation.progress(version),
        "format_label": findings.format_label(version),
        "lineage": findings.lineage(version),
        "costs": findings.costs(version),
        "explanation": findings.explanation(version),
        "inputs": findings.signature_rows(version.signature),
        "golden": findings.golden(version),
        "classes": signature.get("classes"),
        "signature": signature,
        "parity": findings.proof(version.parity),
        "tolerance_used": findings.tolerance_used(version.parity),
        "documents": [
            (title, presentation.pretty(document))
            for title, document in (
                ("Signature", version.signature),
                ("Parity", version.parity),
                ("Validation report", version.report),
                ("Golden answers", version.golden),
                ("Sample rows", version.sample),
                ("Expected predictions", version.expected),
            )
            if document
        ],
    }


def _is_curable(version: ModelVersion) -> bool:
    failure = version.failure or {}
    return (
        version.status == Status.FAILED and failure.get("code") in presentation.CURED_BY_TRUST and not version.trusted
    )


def _can_trust(version: ModelVersion, user: User) -> bool:
    return _is_curable(version) and user.has_perm("registry.upload_trusted_model")


def _neighbours(version: ModelVersion) -> dict[str, ModelVersion | None]:
    siblings = ModelVersion.objects.filter(model=version.model_id).only("pk", "number", "model_id")
    return {
        "previous": siblings.filter(number__lt=version.number).order_by("-number").first(),
        "next": siblings.filter(number__gt=version.number).order_by("number").first(),
    }
