"""The solution's page in the admin: ask for suggestions as a client does, and see the retrainings."""

from typing import Any

from django import forms
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.principal import Principal
from solutions.page import Page
from solutions.propositions import learners, suggesting
from solutions.propositions.models import ID, MOST_ID_CHARACTERS, Interaction, Proposition, Retraining, UserFeatures
from solutions.propositions.retraining import selectors as retrainings
from solutions.propositions.suggesting import MOST_SUGGESTED, Suggestion, Wanted


class SuggestForm(forms.Form):
    """One question."""

    user_id = forms.CharField(
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
        max_length=MOST_ID_CHARACTERS,
        validators=[ID],
        help_text="Any id; one that is not known is a new user.",
    )
    context = forms.CharField(
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
        max_length=MOST_ID_CHARACTERS,
        validators=[ID],
        required=False,
        help_text="Where: search, home, email or another.",
    )
    limit = forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget, min_value=1, max_value=MOST_SUGGESTED, initial=5)
    record = forms.BooleanField(
        widget=UnfoldBooleanWidget,
        required=False,
        help_text="Count them as shown to this user. Leave it off to look without a trace.",
    )


class SuggestPage(Page):
    """What the generic page asks and shows."""

    form_class = SuggestForm
    answer_template = "solutions/propositions/answer.html"
    extra_template = "solutions/propositions/extra.html"
    path = "/suggest"

    def ask(self, *, fields: dict[str, Any], principal: Principal, request_id: str) -> Suggestion:
        wanted = Wanted(fields["user_id"], fields["context"], fields["limit"], False, fields["record"])
        return suggesting.suggest(wanted=wanted, by=principal, request_id=request_id)

    def body(self, fields: dict[str, Any]) -> Any:
        return {name: value for name, value in fields.items() if value not in ("", None)}

    def examples(self) -> list[dict[str, Any]]:
        newest = Interaction.objects.order_by("-recorded_at", "-id").values_list("user_id", flat=True)[:60]
        users = list(dict.fromkeys(newest))[:3] or ["user_123"]
        asked = [{"user_id": user, "context": "search", "limit": 5, "record": False} for user in users]
        return [*asked, {"user_id": "somebody-new", "context": "home", "limit": 5, "record": False}]

    def extra(self, *, user: Any) -> dict[str, Any]:
        return {
            "propositions_count": Proposition.objects.filter(is_active=True).count(),
            "retrainings": retrainings.newest(),
            "may_see_retrainings": user.has_perm("solutions.view_retraining"),
            "kinds": list(learners.KINDS) if user.has_perm("registry.upload_model") else [],
            "lists": [
                {"text": str(model._meta.verbose_name_plural).capitalize(), "address": _list(model)}
                for model in (Proposition, Interaction, UserFeatures, Retraining)
                if user.has_perm(f"solutions.view_{model._meta.model_name}")
            ],
        }


def _list(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


PAGE = SuggestPage()
