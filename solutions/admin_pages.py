"""The solutions in the admin: a page that lists them, and one for each with its live "try it"."""

import logging
import time
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.module_loading import import_string
from django.views.decorators.http import require_http_methods

from accounts.principal import principal_for
from registry.signed_in import person
from solutions import admin_training, catalogue, selectors
from solutions.errors import NoSuchSolution
from solutions.page import Page
from solutions.solution import Solution

log = logging.getLogger(__name__)


@require_http_methods(["GET", "HEAD"])
def index(request: HttpRequest) -> HttpResponse:
    """Every solution, with what is live of it."""
    told = [(solution, selectors.models_of(solution, user=request.user)) for solution in catalogue.every()]
    return _page(request, "solutions/index.html", title="Solutions", solutions=told)


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One solution; a POST asks it and shows its answer beside the form."""
    solution = _solution(name)
    page: Page = catalogue.room(name, "page").PAGE
    examples = page.examples()
    chosen = _chosen(request, len(examples))
    initial = examples[chosen] if examples else {}
    is_asked = request.method == "POST"
    form = page.form_class(request.POST, request.FILES) if is_asked else page.form_class(initial=initial)
    started = time.perf_counter()
    answer = _asked(request, page, form) if is_asked else None
    fields = form.cleaned_data if form.is_bound and form.is_valid() else initial
    return _page(
        request,
        "solutions/solution.html",
        title=solution.title,
        solution=solution,
        models=selectors.models_of(solution, user=request.user),
        card=(catalogue.folder(name) / "card.md").read_text(),
        form=form,
        answer=answer,
        total_ms=(time.perf_counter() - started) * 1000,
        answer_template=page.answer_template,
        extra_template=page.extra_template,
        examples=range(len(examples)),
        chosen=chosen,
        path=page.path,
        curl=page.curl(fields, origin=f"{request.scheme}://{request.get_host()}"),
        **admin_training.context(request, solution),
        **page.extra(user=request.user),
    )


def _asked(request: HttpRequest, page: Page, form: Any) -> Any:
    """The solution's answer, or None with the reasons in the form."""
    if not form.is_valid():
        return None
    request_id = request.request_id  # type: ignore[attr-defined]
    try:
        return page.ask(fields=form.cleaned_data, principal=principal_for(person(request)), request_id=request_id)
    except Exception as error:
        _refuse(form, error, request_id)
        return None


def _refuse(form: Any, error: Exception, request_id: str) -> None:
    """Show what the API would say, beside the field it is about where there is one."""
    told = import_string(settings.ANSWER_TO_ERROR)(error)
    message = str(told.message)
    if told.status >= 500:
        log.error("a trial failed (request %s)", request_id, exc_info=error)
        message = f"{message} The log tells more under the request {request_id}."
    field = told.details.get("field") or told.details.get("path")
    form.add_error(field if field in form.fields else None, message)


def _solution(name: str) -> Solution:
    try:
        return catalogue.get(name)
    except NoSuchSolution as error:
        raise Http404 from error


def _chosen(request: HttpRequest, count: int) -> int:
    asked = request.GET.get("example", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 and int(asked) < count else 0


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})
