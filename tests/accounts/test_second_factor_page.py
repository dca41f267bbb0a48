"""The admin with a second factor: who gets in, where the others are led, and that there is no way around."""

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts import second_factor
from accounts.models import AuditEvent
from tests.accounts.authenticator import App, one_clock, patience  # noqa: F401 - a fixture
from tests.matrix import routes

pytestmark = pytest.mark.django_db
PAGE, LOGIN, PASSWORD = "/admin/second-factor/", "/admin/login/", "correct horse battery"
RECOVERY_CODE = re.compile(r"<code>([a-z2-9]{5}-[a-z2-9]{5})</code>")


@pytest.fixture
def required(settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True


@pytest.fixture(autouse=True)
def no_other_limit(settings: Any) -> None:
    settings.RATE_LIMIT_REQUESTS = 0


def sign_in(client: Client, user: Any) -> Any:
    return client.post(
        f"{LOGIN}?next=/admin/accounts/user/", {"username": user.email, "password": PASSWORD}, follow=True
    )


def enrolled(user: Any) -> App:
    app = App()
    second_factor.enrol(by=user, secret=app.secret, code=app.code())
    return app


def state(page: Any) -> str:
    return str(page.context["state"])


def test_without_a_second_factor_nothing_changes_unless_it_is_required(client: Client, root: Any) -> None:
    page = sign_in(client, root)
    assert page.status_code == 200
    assert page.request["PATH_INFO"] == "/admin/accounts/user/"
    assert PAGE in page.content.decode()
    assert state(client.get(PAGE)) == "enrol"


def test_where_it_is_required_the_password_leads_to_enrolment_and_that_into_the_admin(
    client: Client, root: Any, required: None
) -> None:
    page = sign_in(client, root)
    assert page.request["PATH_INFO"] == PAGE
    assert state(page) == "enrol"
    app = App(page.context["secret"].replace(" ", ""))
    assert app.secret in page.context["uri"]
    assert state(client.post(PAGE, {"code": "000000"})) == "enrol"
    assert client.get("/admin/").status_code == 302

    page = client.post(f"{PAGE}?next=/admin/accounts/user/", {"code": app.code()})
    assert len(RECOVERY_CODE.findall(html.unescape(page.content.decode()))) == 10
    assert page.context["next"] == "/admin/accounts/user/"
    assert "no-store" in page["Cache-Control"]
    assert client.get("/admin/").status_code == 200
    again = client.get(PAGE).content.decode()
    assert RECOVERY_CODE.search(again) is None
    assert app.secret not in again.replace(" ", "")


@pytest.mark.parametrize("is_required", [False, True])
def test_who_has_one_is_asked_for_the_code_and_then_gets_where_they_wanted(
    client: Client, root: Any, settings: Any, is_required: bool
) -> None:
    settings.REQUIRE_SECOND_FACTOR = is_required
    app = enrolled(root)
    page = sign_in(client, root)
    assert state(page) == "show"
    assert "otpauth" not in page.content.decode()
    key = client.session.session_key

    wrong = client.post(PAGE, {"code": "000000"})
    assert wrong.status_code == 200
    assert wrong.context["form"].errors
    assert client.get("/admin/").status_code == 302
    patience()
    answer = client.post(f"{PAGE}?next=/admin/accounts/user/", {"code": app.code()})
    assert answer["Location"] == "/admin/accounts/user/"
    assert client.get("/admin/accounts/user/").status_code == 200
    assert client.session.session_key != key


def test_a_recovery_code_opens_the_admin_once(client: Client, root: Any) -> None:
    app = App()
    codes = second_factor.enrol(by=root, secret=app.secret, code=app.code())
    client.force_login(root)
    assert client.post(PAGE, {"code": codes[0]}).status_code == 302
    assert client.get("/admin/").status_code == 200
    other = Client()
    other.force_login(root)
    assert other.post(PAGE, {"code": codes[0]}).status_code == 200
    assert other.get("/admin/").status_code == 302


def test_a_replayed_code_is_refused(client: Client, root: Any) -> None:
    app = enrolled(root)
    code = app.code()
    client.force_login(root)
    assert client.post(PAGE, {"code": code}).status_code == 302
    other = Client()
    other.force_login(root)
    assert other.post(PAGE, {"code": code}).status_code == 200
    assert other.get("/admin/").status_code == 302


def test_too_many_codes_get_429_and_when_to_come_again(client: Client, root: Any) -> None:
    enrolled(root)
    client.force_login(root)
    client.post(PAGE, {"code": "000000"})
    answer = client.post(PAGE, {"code": "000000"})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1


@pytest.mark.parametrize("has_one", [False, True])
def test_no_page_of_the_admin_is_a_way_around(client: Client, root: Any, required: None, has_one: bool) -> None:
    if has_one:
        enrolled(root)
    client.force_login(root)
    pages = [(route, verb) for route, verb in routes.pairs() if route.startswith("/admin/")]
    pages = [(route, verb) for route, verb in pages if route not in (LOGIN, PAGE, "/admin/logout/")]
    open_pages = []
    for route, verb in pages:
        path = re.sub(r"\{app_label\}", "registry", route)
        path = re.sub(r"\{\w+\}", "1", path)
        answer = getattr(client, verb.lower())(path)
        if answer.status_code != 302 or not answer["Location"].startswith(LOGIN):
            open_pages.append((verb, route, answer.status_code))
    assert len(pages) > 50
    assert any("activate" in route for route, _ in pages)
    assert any("dashboard" in route for route, _ in pages)
    assert open_pages == []
    assert client.get(f"{LOGIN}?next=/admin/dashboard")["Location"] == f"{PAGE}?next=%2Fadmin%2Fdashboard"


def test_a_session_opened_before_the_enrolment_has_to_show_the_code(client: Client, root: Any) -> None:
    client.force_login(root)
    assert client.get("/admin/").status_code == 200
    enrolled(root)
    assert client.get("/admin/").status_code == 302


def test_sessions_end_with_a_new_enrolment(client: Client, root: Any) -> None:
    app = enrolled(root)
    client.force_login(root)
    client.post(PAGE, {"code": app.code()})
    assert client.get("/admin/").status_code == 200
    second_factor.remove(by=None, person=root)
    enrolled(root)
    assert client.get("/admin/").status_code == 302


def test_before_the_code_nothing_is_removed_or_renewed(client: Client, root: Any) -> None:
    app = enrolled(root)
    client.force_login(root)
    for action in ("remove", "renew"):
        answer = client.post(PAGE, {"action": action, "code": app.code()})
        assert answer.status_code == 302
        client.logout()
        client.force_login(root)
    assert second_factor.enrolment_of(root) is not None
    assert second_factor.recovery_codes_left(root) == 10


def test_after_the_code_one_gets_new_recovery_codes_and_removes_it(client: Client, root: Any) -> None:
    app = enrolled(root)
    client.force_login(root)
    client.post(PAGE, {"code": app.code()})
    assert state(client.get(PAGE)) == "manage"
    page = client.post(PAGE, {"action": "renew", "code": app.code()})
    assert len(RECOVERY_CODE.findall(page.content.decode())) == 10
    assert state(client.post(PAGE, {"action": "remove", "code": "000000"})) == "manage"
    patience()
    assert client.post(PAGE, {"action": "remove", "code": app.code()}).status_code == 302
    assert second_factor.enrolment_of(root) is None


def test_signing_out_works_before_the_code_too(client: Client, root: Any, required: None) -> None:
    client.force_login(root)
    assert client.post(PAGE, {"action": "sign_out"})["Location"] == LOGIN
    assert client.get(PAGE)["Location"].startswith(LOGIN)
    assert AuditEvent.objects.filter(action="account.signed_out").exists()


def test_the_way_back_leads_nowhere_else(client: Client, root: Any) -> None:
    app = enrolled(root)
    client.force_login(root)
    answer = client.post(f"{PAGE}?next=//evil.example/admin/", {"code": app.code()})
    assert answer["Location"] == "/admin/"


def test_a_form_without_its_csrf_token_is_refused(root: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    app = enrolled(root)
    client.force_login(root)
    assert client.post(PAGE, {"code": app.code()}).status_code == 403


def test_superusers_remove_the_second_factor_of_others_in_the_admin(client: Client, root: Any, ada: Any) -> None:
    enrolled(ada)
    client.force_login(root)
    body = {"action": "remove_second_factor", "_selected_action": [str(ada.pk), str(root.pk)]}
    assert client.post("/admin/accounts/user/", body).status_code == 302
    assert second_factor.enrolment_of(ada) is None


def test_other_staff_do_not(client: Client, bob: Any, ada: Any) -> None:
    enrolled(ada)
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(*Permission.objects.filter(content_type__app_label__in=["accounts", "otp_totp"]))
    client.force_login(bob)
    assert client.get("/admin/accounts/user/").status_code == 200
    client.post("/admin/accounts/user/", {"action": "remove_second_factor", "_selected_action": [str(ada.pk)]})
    assert second_factor.enrolment_of(ada) is not None
    assert client.get("/admin/otp_totp/totpdevice/").status_code == 404


def test_without_the_extra_the_page_is_missing_or_says_what_is_missing(
    client: Client, root: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_factor, "is_available", lambda: False)
    client.force_login(root)
    assert client.get(PAGE).status_code == 404
    assert client.get("/admin/").status_code == 200
    settings.REQUIRE_SECOND_FACTOR = True
    assert client.get("/admin/").status_code == 302
    assert client.get(PAGE).status_code == 503


def test_tokens_of_the_api_are_not_affected(client: Client, root: Any, required: None, bearer: Any) -> None:
    enrolled(root)
    assert client.get("/api/v1/auth/me", headers={"Authorization": bearer(root)}).status_code == 200
