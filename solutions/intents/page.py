"""The solution's page in the admin."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.principal import Principal
from inference.explaining import Explanation
from inference.explaining.chart import chart_of
from solutions.intents import services
from solutions.intents.serializers import MAX_QUERY
from solutions.page import Page


class QueryForm(forms.Form):
    """What the call takes."""

    query = forms.CharField(max_length=MAX_QUERY, widget=UnfoldAdminTextareaWidget({"rows": 3}), strip=False)


class IntentsPage(Page):
    """The live "try it"."""

    form_class = QueryForm
    answer_template = "solutions/intents/answer.html"
    path = "/predict/intent"

    def ask(self, *, fields: dict[str, Any], principal: Principal, request_id: str) -> Any:
        asked = services.Asked(fields["query"])
        understood = services.understand(by=principal, read=lambda: asked, request_id=request_id)
        explained = understood.answer.explanation
        chart = chart_of(explained.to_dict()) if isinstance(explained, Explanation) else None
        return {**understood.body, "shares": services.ranked(understood.answer)[:5], "chart": chart}

    def examples(self) -> list[dict[str, Any]]:
        return [
            {"query": "What's my balance?"},
            {"query": "Somebody stole my wallet, please stop all cards"},
            {"query": "Die Abbuchung vom Dienstag war ich nicht"},
            {"query": "Will it rain tomorrow?"},
        ]


PAGE = IntentsPage()
