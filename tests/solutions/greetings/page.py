from django import forms

from solutions.page import Page
from tests.solutions.greetings import services


class GreetingForm(forms.Form):
    text = forms.CharField()


class GreetingPage(Page):
    form_class, answer_template, path = GreetingForm, "solutions/plain_answer.html", "/predict/greeting"

    def ask(self, *, fields, principal, request_id):
        return services.judge(text=fields["text"], by=principal, request_id=request_id)


PAGE = GreetingPage()
