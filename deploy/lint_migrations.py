"""Finds migrations that can't run while the release before them serves: `-m deploy.lint_migrations DATABASE_URL`.

It reads the SQL that PostgreSQL would be given, so it takes a PostgreSQL, which it only asks; without one it says so
and ends well, unless CI=true. deploy/migrations_waived.toml names the migrations that may break a rule, and why.
"""

import logging
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from deploy.services import database_problem

APPS = ("accounts", "registry", "monitoring", "inference", "solutions", "mlplatform")
WAIVED = Path(__file__).with_name("migrations_waived.toml")
# How a data migration is written is no question of serving.
_NOT_ABOUT_SERVING = ("RUNPYTHON_",)


def findings() -> dict[str, list[str]]:
    """What is wrong with each migration (`app.name`), as sentences; those with nothing wrong are left out."""
    from django_migration_linter.migration_linter import MigrationLinter
    from django_migration_linter.sql_analyser import analyse_sql_statements

    logging.getLogger("django_migration_linter").setLevel(logging.WARNING)
    linter = MigrationLinter(include_apps=APPS, no_cache=True, no_output=True)
    found: dict[str, list[str]] = {}
    for (app, name), migration in sorted(linter.migration_loader.disk_migrations.items()):
        if app not in APPS:
            continue
        # The index of a partitioned table alone is made in no time: its partitions have the content.
        sql = [line for line in linter.get_sql(app, name) if " ON ONLY " not in line]
        errors, _, warnings = analyse_sql_statements(linter.sql_analyser_class, sql)
        data_errors, _, data_warnings = linter.analyse_data_migration(migration)
        issues = [*errors, *warnings, *data_errors, *data_warnings]
        wrong = sorted({issue.message for issue in issues if not issue.code.startswith(_NOT_ABOUT_SERVING)})
        if wrong:
            found[f"{app}.{name}"] = wrong
    return found


def complaints(found: Mapping[str, Iterable[str]], waived: Mapping[str, str]) -> list[str]:
    """What is wrong and not waived, and waivers that nothing needs."""
    unsafe = [f"{name}: {'; '.join(wrong)}" for name, wrong in found.items() if name not in waived]
    idle = [f"{name} is waived in {WAIVED.name}, and nothing is wrong with it" for name in sorted({*waived} - {*found})]
    return unsafe + idle


def main(database_url: str) -> int:
    problem = database_problem(database_url)
    if problem:
        sys.stdout.write(f"Migrations are not linted: PostgreSQL does not answer ({problem}).\n")
        return int(os.environ.get("CI") == "true")
    os.environ |= {"DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "mlplatform.settings"}
    import django

    django.setup()
    found = complaints(findings(), tomllib.loads(WAIVED.read_text()))
    for line in found:
        sys.stdout.write(f"{line}\n")
    rule = "CONTRIBUTING.md tells how to write them for a platform that goes on serving"
    sys.stdout.write(f"{len(found)} migrations to mend: {rule}.\n" if found else "Migrations are safe while serving.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
