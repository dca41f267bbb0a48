"""The solution's page in the admin: classify a notification, and see what is done with each class."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.principal import Principal
from registry.models import RegisteredModel
from solutions.notifications import MODEL, actions, services
from solutions.notifications.models import Action, ActionRule
from solutions.notifications.serializers import MAX_SENDER, MAX_TEXT
from solutions.notifications.services import Asked, Notification
from solutions.page import Page


class NotificationForm(forms.Form):
    """What seed 000's call takes."""

    text = forms.CharField(max_length=MAX_TEXT, widget=UnfoldAdminTextareaWidget({"rows": 3}), strip=False)
    sender = forms.CharField(
        max_length=MAX_SENDER, required=False, widget=UnfoldAdminTextInputWidget({"autocomplete": "off"})
    )
    fresh = forms.BooleanField(label="Don’t answer from the cache", required=False, widget=UnfoldBooleanWidget)


class NotificationsPage(Page):
    """The live "try it" and the action map."""

    form_class = NotificationForm
    answer_template = "solutions/notifications/answer.html"
    extra_template = "solutions/notifications/actions.html"
    path = "/api/v1/ml/classify"

    def ask(self, *, fields: dict[str, Any], principal: Principal, request_id: str) -> Any:
        asked = Asked([Notification(fields["text"], fields["sender"])], use_cache=not fields["fresh"])
        judged = services.classify(by=principal, read=lambda: asked, request_id=request_id)
        told = judged.answer.predictions
        shares = zip(told.classes or [], (told.probabilities or [[]])[0], strict=False)
        ranked = sorted(((label, share) for label, share in shares if share is not None), key=lambda pair: -pair[1])
        return {**judged.results[0], "action_text": Action(judged.results[0]["action"]).label, "shares": ranked}

    def body(self, fields: dict[str, Any]) -> Any:
        body = {"text": fields.get("text", "")}
        if fields.get("sender"):
            body["sender"] = fields["sender"]
        return body | {"use_cache": not fields.get("fresh")}

    def examples(self) -> list[dict[str, Any]]:
        return [
            {"text": "URGENT: Server down!", "sender": "monitoring"},
            {"text": "Two sofas for the price of one, this weekend only", "sender": "shop"},
            {"text": "Kommst du nachher noch vorbei?", "sender": "messenger"},
            {"text": "Su código de verificación es 4471", "sender": "banco"},
            {"text": "Your package is waiting at the post office", "sender": ""},
        ]

    def extra(self, *, user: Any) -> dict[str, Any]:
        model = RegisteredModel.objects.visible_to(user).listed().filter(name=MODEL).first()
        entry = model.open_deployment() if model else None
        if entry is None:
            return {"rules": []}
        kept = dict(ActionRule.objects.filter(version=entry.version_id).values_list("label", "pk"))
        rules = [
            {
                "label": label,
                "action": Action(rule.action).label,
                "threshold": rule.threshold,
                "below": Action(rule.below).label,
                "pk": kept.get(label),
            }
            for label, rule in sorted(actions.rules_of(entry.version_id).items())
        ]
        return {"rules": rules, "may_change_rules": user.has_perm("solutions.change_actionrule")}


PAGE = NotificationsPage()
