"""manage.py listmodels"""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from registry import services

pytestmark = pytest.mark.django_db


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("listmodels", *arguments, stdout=out)
    return out.getvalue()


def test_without_models_it_says_how_to_begin() -> None:
    assert "uploadmodel" in printed()


def test_each_model_is_a_line_with_what_is_live(ada: Any, served_version: Any) -> None:
    services.activate(version=served_version(), by=ada)
    served_version("other")
    lines = [line.split() for line in printed().splitlines()]
    assert lines[0] == ["NAME", "LIVE", "VERSIONS", "TASK", "VISIBILITY", "OWNER"]
    assert lines[1] == ["oracle", "1", "1", "regression", "private", "ada@example.org"]
    assert lines[2][:3] == ["other", "-", "1"]


def test_programs_get_json(ada: Any, served_version: Any) -> None:
    services.activate(version=served_version(), by=ada)
    assert json.loads(printed("--json")) == [
        {
            "name": "oracle",
            "live": 1,
            "versions": 1,
            "task": "regression",
            "visibility": "private",
            "owner": "ada@example.org",
        }
    ]


def test_it_shows_what_a_person_may_see(bob: Any, served_version: Any) -> None:
    served_version()
    assert json.loads(printed("--json", "--as", "bob@example.org")) == []
    assert len(json.loads(printed("--json", "--as", "ADA@example.org"))) == 1
    with pytest.raises(CommandError, match="no active user"):
        printed("--as", "nobody@example.org")


def test_archived_models_are_left_out_unless_asked_for(ada: Any, served_version: Any) -> None:
    services.archive_model(model=served_version().model, by=ada)
    assert json.loads(printed("--json")) == []
    assert len(json.loads(printed("--json", "--archived"))) == 1


def test_the_versions_of_a_model_are_listed_and_models_found_by_tag_or_text(ada: Any, served_version: Any) -> None:
    version = served_version()
    services.activate(version=version, by=ada)
    services.change_model(model=version.model, by=ada, tags=["t"], description="tells the future")
    services.describe_version(version=served_version(offset=2.0), by=ada, tags=["candidate"])
    rows = json.loads(printed("oracle", "--json"))
    assert [(row["version"], row["live"], row["status"], row["tags"]) for row in rows] == [
        (2, False, "ready", ["candidate"]),
        (1, True, "ready", []),
    ]
    assert [row["name"] for row in json.loads(printed("--tag", "t", "--search", "future", "--json"))] == ["oracle"]
    assert printed("--tag", "u") == "Nothing matches.\n"
    assert "candidate" in printed("oracle", "--tag", "candidate")
