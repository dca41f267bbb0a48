"""The docs name everything that can be set, run or called, and every link in them leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from drf_spectacular.generators import SchemaGenerator

from mlplatform import env, metrics_page, settings_page
from tests.mlplatform.headings import anchors

DOCS = settings.BASE_DIR / "docs"
OUR_APPS = ("accounts", "registry", "monitoring", "inference", "solutions", "mlplatform")
METHODS = {"get", "post", "put", "patch", "delete"}
PAGES = sorted([*settings.BASE_DIR.glob("*.md"), *DOCS.rglob("*.md")])


def all_text() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def without_names(path: str) -> str:
    """Placeholders by place, not by name: {ref} and {id} are the same."""
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/")


def documented_calls() -> set[tuple[str, str]]:
    rows = re.findall(r"^\| (GET|POST|PUT|PATCH|DELETE) \| `([^`]+)` \|", (DOCS / "api.md").read_text(), re.MULTILINE)
    return {(method.lower(), without_names(path)) for method, path in rows}


def offered_calls() -> Iterator[tuple[str, str]]:
    for path, operations in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        yield from ((method, without_names(path)) for method in operations if method in METHODS)


def test_every_setting_is_on_the_settings_page_as_the_code_declares_it() -> None:
    assert (DOCS / "settings.md").read_text() == settings_page.render(), "run `make settings-page`"


def test_the_example_of_an_environment_lists_every_setting_once() -> None:
    example = (settings.BASE_DIR / ".env.example").read_text()

    assert example == settings_page.example(), "run `make settings-page`"
    assert sorted(re.findall(r"^(?:# )?([A-Z_0-9]+)=", example, re.MULTILINE)) == sorted(env.DECLARED)


def test_every_metric_is_on_the_metrics_page_as_the_sheet_declares_it() -> None:
    assert (DOCS / "metrics.md").read_text() == metrics_page.render(), "run `make metrics-page`"


@pytest.mark.parametrize("setting", env.DECLARED.values(), ids=lambda setting: setting.name)
def test_a_setting_says_what_it_does(setting: env.Setting) -> None:
    assert setting.help.endswith(".")
    assert "|" not in setting.help


def test_every_command_is_documented() -> None:
    ours = [name for name, app in get_commands().items() if app in OUR_APPS]
    text = all_text()

    assert len(ours) >= 5
    assert [name for name in ours if f"manage.py {name}" not in text] == []


def test_no_command_is_documented_that_does_not_exist() -> None:
    named = re.findall(r"^\| `manage.py ([a-z]+)` \|", (DOCS / "commands.md").read_text(), re.MULTILINE)

    assert [name for name in named if name not in get_commands()] == []


def test_every_call_of_the_api_is_documented() -> None:
    offered = set(offered_calls())

    assert ("post", "/api/v1/predict/{}") in offered
    assert sorted(offered - documented_calls()) == []


def test_no_call_is_documented_that_the_api_does_not_have() -> None:
    documented = {(method, path) for method, path in documented_calls() if path.startswith("/api/v1")}

    assert sorted(documented - set(offered_calls())) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(settings.BASE_DIR)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]

    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(settings.BASE_DIR)))
def test_every_link_to_a_section_leads_to_one(page: Path) -> None:
    targets = re.findall(r"\]\(((?![a-z]+:)[^)#\s]*)#([^)\s]+)\)", page.read_text())
    lost = [(file, anchor) for file, anchor in targets if anchor not in anchors(page.parent / file if file else page)]

    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(settings.BASE_DIR)))
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+(?:\.py)?)", page.read_text())

    assert [path for path in named if not (settings.BASE_DIR / path).exists()] == []


def test_every_make_target_the_readme_names_exists() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)(?=[`\n])", (settings.BASE_DIR / "README.md").read_text()))
    offered = set(re.findall(r"^([a-z-]+):", (settings.BASE_DIR / "Makefile").read_text(), re.MULTILINE))

    assert {"run", "test"} <= named
    assert named <= offered
