"""What the lint of migrations complains of."""

import tomllib

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from deploy import lint_migrations


def test_what_is_wrong_and_not_waived_is_told_and_so_is_a_waiver_that_nothing_needs() -> None:
    found = {"registry.0100_rename": ["RENAMING tables"], "registry.0002_life": ["NOT NULL constraint on columns"]}
    waived = {"registry.0002_life": "nobody served yet", "registry.0003_gone": "nobody served yet"}
    told = lint_migrations.complaints(found, waived)
    assert [line.split(":")[0].split(" ")[0] for line in told] == ["registry.0100_rename", "registry.0003_gone"]


def test_every_waiver_names_a_migration_that_is_there_and_says_why() -> None:
    waived = tomllib.loads(lint_migrations.WAIVED.read_text())
    there = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    assert sorted(set(waived) - there) == []
    assert all(len(why) > 20 for why in waived.values())


def test_without_a_database_it_says_so_and_only_ci_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    nobody = "postgres://nobody@127.0.0.1:1/nothing"
    assert lint_migrations.main(nobody) == 0
    monkeypatch.setenv("CI", "true")
    assert lint_migrations.main(nobody) == 1
    assert capsys.readouterr().out.count("PostgreSQL does not answer") == 2


@pytest.mark.django_db
def test_a_migration_that_would_stop_the_release_before_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("the lint reads what PostgreSQL would be given")
    pytest.importorskip("django_migration_linter")
    monkeypatch.setattr(lint_migrations, "APPS", ("registry",))
    found = lint_migrations.findings()
    assert found["registry.0007_serving_settings_and_quarantine"] == ["NOT NULL constraint on columns"]
    assert "CREATE INDEX locks table" in found["registry.0010_history_index"]
    assert "registry.0002_life" not in found
