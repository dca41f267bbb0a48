"""The checklists of the seeds: each line says how it is met, and is shown by a test that exists."""

import ast
from functools import cache

import pytest

from tests.solutions.conformance import page
from tests.solutions.conformance.rows import Row

ROWS = [(seed, row) for seed in page.seeds() for row in page.rows_of(seed)]


@cache
def named_in(path: str) -> frozenset[str]:
    """The names of the test functions in a file."""
    tree = ast.parse((page.PROJECT / path).read_text(encoding="utf-8"))
    found = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in found if name.startswith("test_"))


def label(value: object) -> str:
    return f"{value.topic}: {value.what}"[:80] if isinstance(value, Row) else str(value)


@pytest.mark.parametrize(("seed", "row"), ROWS, ids=label)
def test_a_line_is_shown_by_tests_that_exist_or_says_why_not(seed: str, row: Row) -> None:
    assert row.how in ("met", "differently", "missing")
    assert row.checks or row.how != "met"
    assert bool(row.because) == (row.how != "met")
    for check in row.checks:
        path, _, name = check.partition("::")
        assert (page.PROJECT / path).exists(), check
        assert name in named_in(path), check


@pytest.mark.parametrize("seed", page.seeds())
def test_nothing_is_listed_twice(seed: str) -> None:
    named = [(row.topic, row.what) for row in page.rows_of(seed)]

    assert len(set(named)) == len(named) > 0


def test_the_page_says_what_the_checklists_say() -> None:
    assert page.PAGE.read_text() == page.render(), "run `make seeds-page`"
