"""Reading the environment: values, files of values, and what can't be read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from mlplatform import env


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests declare and get wrong stays theirs."""
    monkeypatch.setattr(env, "DECLARED", {})
    monkeypatch.setattr(env, "FAULTS", [])
    monkeypatch.setattr(env._env, "ENVIRON", env._Environment())


def test_a_value_may_come_from_a_file_and_its_last_line_break_is_not_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("from the file\n")
    monkeypatch.setenv("SOME_KEY", "from the environment")
    monkeypatch.setenv("SOME_KEY_FILE", str(tmp_path / "key"))
    assert env.text("SOME_KEY", "", "A key.") == "from the file"
    assert env.FAULTS == []
    assert os.environ["SOME_KEY"] == "from the environment", "what a file holds is not told to child processes"


@pytest.mark.parametrize(
    ("name", "value", "read", "default"),
    [
        ("A_NUMBER", "many", lambda: env.integer("A_NUMBER", 3, "."), 3),
        ("A_SHARE", "half", lambda: env.number("A_SHARE", 0.5, "."), 0.5),
        ("A_FLAG", "ture", lambda: env.flag("A_FLAG", False, "."), False),
        ("A_MAIL", "carrier-pigeon", lambda: env.mail("A_MAIL", "."), {}),
        ("A_TEXT_FILE", "/nowhere/at/all", lambda: env.text("A_TEXT", "kept", "."), "kept"),
    ],
)
def test_what_cannot_be_read_is_noted_by_its_name_without_its_value(
    name: str, value: str, read: object, default: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert read() == default  # type: ignore[operator]
    assert len(env.FAULTS) == 1
    assert name in env.FAULTS[0]
    assert value not in env.FAULTS[0]


def test_an_address_of_no_database_is_not_taken_for_sqlite_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_DATABASE", "postgers://u:p@h/n")
    env.database("A_DATABASE", "sqlite:///x", ".")
    assert env.FAULTS == ["A_DATABASE is not a database's URL."]


def test_redis_may_be_given_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOST": "cache", "PORT": "6380", "PASSWORD": "p@ss/word", "DB": "2"}.items():
        monkeypatch.setenv(f"REDIS_{name}", value)
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert env.redis("REDIS_URL", ".") == "redis://:p%40ss%2Fword@cache:6380/2"
    monkeypatch.setenv("REDIS_URL", "redis://other:1/0")
    assert env.redis("REDIS_URL", ".") == "redis://other:1/0"


def test_model_files_lie_where_model_path_says(tmp_path: Path) -> None:
    asked = "from django.conf import settings; print(settings.MODELS_DIR, settings.STAGING_DIR.stat().st_dev >= 0)"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=settings.BASE_DIR,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "mlplatform.settings",
            "VAR_DIR": str(tmp_path / "var"),
            "MODEL_PATH": str(tmp_path / "elsewhere"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(tmp_path / "elsewhere"), "True"]
