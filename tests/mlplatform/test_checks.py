"""The numbered checks of the settings."""

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from inference.validation import sandbox
from mlplatform import checks


@pytest.fixture
def production(settings: Any) -> Any:
    """Settings of a production that is set up well."""
    settings.PRODUCTION = True
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["ml.example.org"]
    for name in checks.SECRETS:
        setattr(settings, name, secrets.token_urlsafe(48))
    return settings


def ids(check: Any) -> list[str]:
    return [message.id for message in check(None)]


def test_good_production_settings_pass(production: Any) -> None:
    assert ids(checks.check_secrets) == ids(checks.check_debug) == ids(checks.check_hosts) == []


@pytest.mark.parametrize("name", checks.SECRETS)
@pytest.mark.parametrize("value", ["", "short", "x" * 60, "change-me-" + "abcdefghijklmnopqrstuvwxyz0123456789"])
def test_a_weak_secret_stops_production(name: str, value: str, production: Any) -> None:
    setattr(production, name, value)
    messages = checks.check_secrets(None)
    assert [message.id for message in messages] == ["mlplatform.E001"]
    assert name in messages[0].msg
    assert not value or value not in messages[0].msg


def test_equal_secrets_stop_production(production: Any) -> None:
    production.JWT_SIGNING_KEY = production.SECRET_KEY
    assert ids(checks.check_secrets) == ["mlplatform.E001"]


def test_debug_stops_production(production: Any) -> None:
    production.DEBUG = True
    assert ids(checks.check_debug) == ["mlplatform.E002"]


@pytest.mark.parametrize("hosts", [["*"], ["ml.example.org", "*"]])
def test_serving_any_host_stops_production(hosts: list[str], production: Any) -> None:
    production.ALLOWED_HOSTS = hosts
    assert ids(checks.check_hosts) == ["mlplatform.E003"]


def test_a_laptop_needs_none_of_that(settings: Any) -> None:
    settings.PRODUCTION = False
    settings.ALLOWED_HOSTS = ["*"]
    settings.DEBUG = True
    settings.SECRET_KEY = settings.JWT_SIGNING_KEY = "x"
    assert ids(checks.check_secrets) == ids(checks.check_debug) == ids(checks.check_hosts) == []


def test_an_unknown_spool_policy_is_an_error(settings: Any) -> None:
    settings.SPOOL_WHEN_FULL = "shrug"
    assert ids(checks.check_spool_policy) == ["mlplatform.E004"]
    settings.SPOOL_WHEN_FULL = "refuse"
    assert ids(checks.check_spool_policy) == []


def test_an_unknown_device_for_pytorch_is_an_error(settings: Any) -> None:
    settings.TORCH_DEVICE = "gpu"
    assert ids(checks.check_torch_device) == ["mlplatform.E020"]
    settings.TORCH_DEVICE = "auto"
    assert ids(checks.check_torch_device) == []


def test_a_var_dir_that_is_not_there_is_an_error(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = settings.MODELS_DIR = tmp_path / "nowhere"
    assert ids(checks.check_var_dir) == ["mlplatform.E005"] * 2
    settings.VAR_DIR = settings.MODELS_DIR = tmp_path
    assert ids(checks.check_var_dir) == []


@pytest.mark.parametrize(("engine", "expected"), [("sqlite3", ["mlplatform.W001"]), ("postgresql", [])])
def test_sqlite_in_production_is_a_warning(
    engine: str, expected: list[str], production: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(django_settings.DATABASES["default"], "ENGINE", f"django.db.backends.{engine}")
    assert ids(checks.check_database) == expected


def test_missing_layers_of_the_sandbox_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "layers", lambda: {"landlock": False, "seccomp": True})
    messages = checks.check_sandbox(None)
    assert [message.id for message in messages] == ["mlplatform.W002"]
    assert "landlock" in messages[0].msg


def test_missing_layers_of_the_sandbox_stand_on_the_admins_first_page(
    client: Any, root: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(root)
    assert "sandbox_unavailable" not in client.get("/admin/").content.decode()
    monkeypatch.setattr(sandbox, "layers", lambda: {"landlock": False, "seccomp": True})
    page = client.get("/admin/").content.decode()
    assert ("landlock" in page, "sandbox_unavailable" in page) == (True, True)


def run_check(tmp_path: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=django_settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PRODUCTION": "true"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_production_that_is_set_up_well_checks_clean(tmp_path: Path) -> None:
    good = {name: secrets.token_urlsafe(48) for name in checks.SECRETS}
    ended = run_check(
        tmp_path,
        ALLOWED_HOSTS="ml.example.org",
        DATABASE_URL="postgres://u:p@localhost:1/x",
        REDIS_URL="redis://localhost:1/0",
        CORS_ALLOWED_ORIGINS="https://shop.example.org",
        TRUSTED_PROXIES="1",
        **good,
    )
    assert ended.returncode == 0, ended.stderr


def test_a_production_starts_neither_without_hosts_nor_with_any_host(tmp_path: Path) -> None:
    good = {name: secrets.token_urlsafe(48) for name in checks.SECRETS}
    for hosts in ({}, {"ALLOWED_HOSTS": ""}, {"ALLOWED_HOSTS": "*"}):
        ended = run_check(
            tmp_path, DATABASE_URL="postgres://u:p@localhost:1/x", REDIS_URL="redis://localhost:1/0", **good, **hosts
        )
        assert ended.returncode != 0, hosts
        errors = [line for line in ended.stderr.splitlines() if "mlplatform.E" in line]
        assert errors, ended.stderr
        assert all("ALLOWED_HOSTS" in line for line in errors), "and it is the only fault"


def test_a_production_with_nothing_set_does_not_start(tmp_path: Path) -> None:
    ended = run_check(tmp_path)
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    for name in (*checks.SECRETS, "ALLOWED_HOSTS"):
        assert name in ended.stderr, "all that is missing is told at once"


def test_production_does_not_start_on_the_values_of_the_example(tmp_path: Path) -> None:
    lines = (django_settings.BASE_DIR / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    ended = run_check(tmp_path, **given, WORKERS="two", JWT_SIGNING_KEY_FALLBACK_FILE="/nowhere/key")
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    named = [*checks.SECRETS, "ALLOWED_HOSTS", "DATABASE_URL", "WORKERS", "JWT_SIGNING_KEY_FALLBACK_FILE"]
    assert [name for name in named if name not in ended.stderr] == [], "all faults are told at once"


@pytest.mark.parametrize("name", ["REDIS_URL", "CACHE_REDIS_URL", "RATE_LIMIT_REDIS_URL"])
def test_a_placeholder_as_redis_password_stops_production(name: str, production: Any) -> None:
    setattr(production, name, "redis://:change-me@127.0.0.1:6379/0")
    messages = checks.check_passwords(None)
    assert [(message.id, name in message.msg) for message in messages] == [("mlplatform.E023", True)]


def test_no_server_runs_on_a_key_nobody_chose(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import mlplatform.wsgi"],
        cwd=django_settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PRODUCTION": "true"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode != 0
    assert "SECRET_KEY is not set" in ended.stderr
