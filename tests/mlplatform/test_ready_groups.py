"""The groups that come with the platform."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.migrations.loader import MigrationLoader
from django.test import Client

from accounts import registration
from accounts.models import User

ready_groups = import_module("mlplatform.migrations.0001_ready_groups")
pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def groups(db: None) -> None:
    """The groups, also where an earlier test emptied the database."""
    ready_groups.create(apps, None)


def member(group: str, **facts: Any) -> User:
    user = User.objects.create_user("member@example.org", PASSWORD, **facts)
    user.groups.add(Group.objects.get(name=group))
    return user


RIGHTS = {
    "Data scientist": {"registry.upload_model", "monitoring.view_predictionlog", "accounts.add_apikey"},
    "Operator": {"registry.activate_model", "monitoring.view_predictionlog", "accounts.view_auditevent"},
    "Viewer": {"registry.view_registeredmodel", "monitoring.view_predictionlog"},
    "Client": set(),
}
NEVER = {"registry.upload_trusted_model", "accounts.manage_keys", "accounts.change_user", "auth.change_group"}


@pytest.mark.parametrize("group", RIGHTS)
def test_a_group_gives_its_rights_and_no_power_over_people(group: str) -> None:
    held = member(group).get_all_permissions()
    assert held >= RIGHTS[group]
    assert not held & NEVER


def test_a_viewer_only_views() -> None:
    assert all(".view_" in right for right in member("Viewer").get_all_permissions())


def test_a_client_has_no_right_at_all() -> None:
    assert member("Client").get_all_permissions() == set()


@pytest.mark.parametrize("group", RIGHTS)
def test_no_group_opens_the_admin(group: str, client: Client) -> None:
    client.force_login(member(group))
    assert client.get("/admin/").status_code == 302


def test_what_the_groups_hold_are_permissions_the_models_declare() -> None:
    for group, rights in ready_groups.GROUPS.items():
        for app_label, model, codename, title in rights:
            meta = apps.get_model(app_label, model)._meta
            declared = {f"{verb}_{model}" for verb in meta.default_permissions} | {name for name, _ in meta.permissions}
            full = f"{codename}_{model}" if codename in ("view", "add", "change") else codename
            assert full in declared, group
            assert title in {f"Can {codename} {meta.verbose_name_raw}", *(text for _, text in meta.permissions)}


def test_a_new_database_gets_the_groups_with_their_permissions() -> None:
    Permission.objects.all().delete()
    ContentType.objects.filter(app_label__in=("accounts", "registry", "monitoring")).delete()
    Group.objects.all().delete()
    ready_groups.create(apps, None)
    assert Group.objects.get(name="Operator").permissions.filter(codename="activate_model").count() == 1


def test_doing_it_again_changes_nothing_an_administrator_changed() -> None:
    Group.objects.get(name="Viewer").permissions.clear()
    ready_groups.create(apps, None)
    assert Group.objects.get(name="Viewer").permissions.count() == 0
    assert Permission.objects.filter(codename="upload_model").count() == 1


def test_who_registers_may_upload_by_default() -> None:
    user = registration.register(email="new@example.org", password=PASSWORD)
    assert User.objects.get(pk=user.pk).has_perm("registry.upload_model")


def test_the_groups_come_after_every_table_they_speak_of() -> None:
    plan = MigrationLoader(None).graph.forwards_plan(("mlplatform", "0001_ready_groups"))
    assert {app for app, _ in plan} >= {"auth", "contenttypes", "accounts", "registry", "monitoring"}
