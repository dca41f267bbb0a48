"""The page of one's own second factor: getting one, showing it after the password, new codes, removing it."""

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import audit, second_factor, second_factor_session
from accounts.errors import AccountsError, SignInLocked
from accounts.models import User

SECRET = "second_factor_secret"  # noqa: S105 - the session's name for it
_TEMPLATE = "accounts/second_factor.html"
Context = dict[str, Any]
Answer = HttpResponse


class CodeForm(forms.Form):
    """One code, of the app or a recovery code."""

    code = forms.CharField(
        max_length=32,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "autofocus": "", "spellcheck": "false"}
        ),
    )


def lead_to(request: HttpRequest) -> HttpResponseRedirect:
    """To the page, and from there to where the person wanted to go."""
    return HttpResponseRedirect(f"{reverse('admin:second_factor')}?{urlencode({'next': request.GET.get('next', '')})}")


def answer(request: HttpRequest, *, context: Context) -> Answer:
    """The page for staff who showed their password; `context` is what every page of the admin has.

    404 without the extra `otp`, unless a second factor is required: then it says what is missing.
    """
    action = request.POST.get("action", "") if request.method == "POST" else ""
    if action == "sign_out":
        return _sign_out(request)
    if not second_factor.is_available():
        if second_factor_session.is_enough(request):
            raise Http404("This platform has no second factor.")
        return render(request, _TEMPLATE, {**context, "state": "unavailable"}, status=503)
    if second_factor_session.enrolment(request) is None:
        return _enrol(request, context)
    if not second_factor_session.has_shown(request):
        return _show(request, context)
    return _manage(request, context, action)


def _enrol(request: HttpRequest, context: Context) -> Answer:
    user = _person(request)
    secret = request.session.setdefault(SECRET, second_factor.new_secret())
    facts = {
        "state": "enrol",
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "uri": second_factor.uri_of(user, secret),
    }
    form, codes = _with_code(request, lambda code: second_factor.enrol(by=user, secret=secret, code=code))
    if codes is None:
        return _page(request, context, form, **facts)
    del request.session[SECRET]
    second_factor_session.mark(request, second_factor.enrolment_of(user))
    return _page(request, context, None, state="codes", codes=codes, next=_next(request))


def _show(request: HttpRequest, context: Context) -> Answer:
    user = _person(request)
    form, shown = _with_code(request, lambda code: second_factor.verify(by=user, code=code))
    if shown is None:
        return _page(request, context, form, state="show")
    second_factor_session.mark(request, shown)
    return HttpResponseRedirect(_next(request))


def _manage(request: HttpRequest, context: Context, action: str) -> Answer:
    user = _person(request)
    if action == "remove":
        form, removed = _with_code(request, lambda code: second_factor.remove_own(by=user, code=code))
        if removed:
            return HttpResponseRedirect(reverse("admin:index"))
    else:
        form, codes = _with_code(request, lambda code: second_factor.renew_recovery_codes(by=user, code=code))
        if codes is not None:
            return _page(request, context, None, state="codes", codes=codes, next=_next(request))
    return _page(request, context, form, state="manage", codes_left=second_factor.recovery_codes_left(user))


def _with_code(request: HttpRequest, take: Callable[[str], Any]) -> tuple[CodeForm, Any]:
    """The form, and what `take` made of the code in it; None when there is none or it was refused."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return form, take(form.cleaned_data["code"])
        except AccountsError as error:
            form.add_error("code", forms.ValidationError(error.message, code=error.code))
            if isinstance(error, SignInLocked):
                form.retry_after_seconds = error.details["retry_after_seconds"]  # type: ignore[attr-defined]
    return form, None


def _page(request: HttpRequest, context: Context, form: CodeForm | None, **facts: Any) -> Answer:
    may_enter = second_factor_session.is_enough(request)
    page = render(request, _TEMPLATE, {**context, "form": form, "may_enter": may_enter, **facts})
    if wait := getattr(form, "retry_after_seconds", None):
        page.status_code = 429
        page.headers["Retry-After"] = str(wait)
    return page


def _next(request: HttpRequest) -> str:
    """Where the person wanted to go, when that is on this site."""
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if wanted and is_ours else reverse("admin:index")


def _sign_out(request: HttpRequest) -> Answer:
    user = User.objects.get(pk=_person(request).pk)
    logout(request)
    audit.record("account.signed_out", by=user, target=user)
    return HttpResponseRedirect(reverse("admin:login"))


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)
