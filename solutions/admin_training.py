"""Training from a solution's page: ask for one, follow it, cancel it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from registry.signed_in import person
from solutions.errors import NoSuchSolution, SolutionError
from solutions.runs import services
from solutions.runs.models import TrainingRun
from solutions.solution import Solution

_SHOWN = 5


class TrainingForm(forms.Form):
    """What a training is asked for with."""

    seed = forms.IntegerField(
        min_value=0,
        max_value=services.MAX_SEED,
        widget=UnfoldAdminTextInputWidget({"inputmode": "numeric", "autocomplete": "off"}),
        help_text="The same seed yields the same models and figures.",
    )
    activate = forms.BooleanField(
        label="Make the new versions live when they are ready", required=False, widget=UnfoldBooleanWidget
    )


def context(request: HttpRequest, solution: Solution) -> dict[str, Any]:
    """What the page shows of trainings."""
    runs = list(TrainingRun.objects.filter(solution=solution.name).select_related("by")[:_SHOWN])
    return {
        "may_train": person(request).has_perm("registry.upload_model"),
        "training_form": TrainingForm(initial={"seed": solution.seed, "activate": True}),
        "runs": runs,
        "is_training": any(run.is_unfinished for run in runs),
    }


@require_POST
def train(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for a training, and go back to the page, which shows it."""
    form = TrainingForm(request.POST)
    try:
        if form.is_valid():
            services.ask(solution=name, by=person(request), **form.cleaned_data)
        else:
            messages.error(request, f"Nothing was started: {next(iter(form.errors.values()))[0]}")
    except NoSuchSolution as error:
        raise Http404 from error
    except SolutionError as error:
        messages.error(request, error.message)
    return HttpResponseRedirect(reverse("admin-solution", args=[name]) + "#training")


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a training, and go back to its page."""
    try:
        run = services.find(pk)
    except SolutionError as error:
        raise Http404 from error
    try:
        services.cancel(run=run, by=person(request))
    except SolutionError as error:
        messages.error(request, error.message)
    return HttpResponseRedirect(reverse("admin-solution", args=[run.solution]) + "#training")
