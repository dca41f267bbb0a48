"""The solution's page in the admin."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.principal import Principal
from inference.explaining import Explanation
from inference.explaining.chart import chart_of
from solutions.anomalies import services
from solutions.anomalies.serializers import AnomalySerializer
from solutions.anomalies.transaction import CATEGORIES, CHANNELS, COUNTRIES, EUROS
from solutions.page import Page

FIELDS = (
    "amount", "currency", "merchant_category", "country", "hour", "channel", "home_country", "usual_amount",
    "transactions_last_hour", "is_new_merchant",
)  # fmt: skip


def _choices(values: Any, empty: str = "") -> list[tuple[str, str]]:
    return [*([("", empty)] if empty else []), *((value, value.replace("_", " ")) for value in sorted(values))]


def _chosen(values: Any, **options: Any) -> Any:
    empty = options.pop("empty", "")
    return forms.ChoiceField(choices=_choices(values, empty), widget=UnfoldAdminSelectWidget(), **options)


def _number(**options: Any) -> Any:
    return forms.FloatField(widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}), **options)


class TransactionForm(forms.Form):
    """What the call takes."""

    amount = _number()
    currency = _chosen(EUROS)
    merchant_category = _chosen(CATEGORIES)
    country = _chosen(COUNTRIES)
    hour = forms.IntegerField(widget=UnfoldAdminTextInputWidget({"inputmode": "numeric"}))
    channel = _chosen(CHANNELS)
    home_country = _chosen(COUNTRIES, required=False, empty="not known")
    usual_amount = _number(required=False)
    transactions_last_hour = forms.IntegerField(widget=UnfoldAdminTextInputWidget({"inputmode": "numeric"}))
    is_new_merchant = forms.BooleanField(required=False, widget=UnfoldBooleanWidget)
    detector = _chosen(services.DETECTORS)

    def clean(self) -> dict[str, Any]:
        """The call's own rules, said beside the fields."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        body = AnomalySerializer(data=body_of(cleaned))
        if not body.is_valid():
            for name, words in body.errors.get("transaction", {}).items():
                self.add_error(name, [str(word) for word in words])
        return cleaned


def body_of(fields: dict[str, Any]) -> dict[str, Any]:
    """The form's fields as the call's body; what is not known is left out."""
    told = {name: fields.get(name) for name in FIELDS}
    transaction = {name: value for name, value in told.items() if value not in (None, "")}
    return {"transaction": transaction, "detector": fields.get("detector") or "forest"}


class AnomaliesPage(Page):
    """The live "try it"."""

    form_class = TransactionForm
    answer_template = "solutions/anomalies/answer.html"
    path = "/predict/anomaly"

    def ask(self, *, fields: dict[str, Any], principal: Principal, request_id: str) -> Any:
        form = AnomalySerializer(data=body_of(fields))
        form.is_valid(raise_exception=True)
        judged = services.judge(by=principal, detector=fields["detector"], read=form.asked, request_id=request_id)
        explained = judged.answer.explanation
        chart = chart_of(explained.to_dict()) if isinstance(explained, Explanation) else None
        return {**judged.body, "chart": chart}

    def body(self, fields: dict[str, Any]) -> Any:
        return body_of(fields)

    def examples(self) -> list[dict[str, Any]]:
        usual = {
            "currency": "EUR", "country": "DE", "home_country": "DE", "usual_amount": 25.0, "channel": "contactless",
            "transactions_last_hour": 0, "detector": "forest",
        }  # fmt: skip
        far = {"merchant_category": "cash", "channel": "atm", "country": "TH", "is_new_merchant": True}
        net = {"channel": "online", "is_new_merchant": True}
        return [
            usual | {"amount": 31.4, "merchant_category": "groceries", "hour": 17},
            usual | net | {"amount": 899.0, "merchant_category": "electronics", "hour": 3},
            usual | net | {"amount": 1.05, "merchant_category": "other", "hour": 11, "transactions_last_hour": 12},
            usual | far | {"amount": 400.0, "hour": 4},
        ]


PAGE = AnomaliesPage()
