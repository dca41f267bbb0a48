"""Writes docs/seeds.md from the checklists: `make seeds-page`."""

from importlib import import_module
from pathlib import Path

from tests.solutions.conformance.rows import Row

PROJECT = Path(__file__).parents[3]
PAGE = PROJECT / "docs" / "seeds.md"
_HEAD = """# The seeds

The platform and its solutions were drawn from five descriptions of earlier systems, the *seeds*. These tables list what
each of them names, and what became of it. *Met* and *met differently* are shown by the tests named beside them; a test
of the project's own makes sure that these exist and that this page is what the checklists in
`tests/solutions/conformance/` say (`make seeds-page`). Numbers that a seed reports of its own system are promises to
measure, not facts to copy: [performance.md](performance.md) has ours.
"""
_WORDS = {"met": "met", "differently": "met differently", "missing": "not met"}


def seeds() -> list[str]:
    """The modules with a checklist."""
    return sorted(file.stem for file in Path(__file__).parent.glob("seed_*.py"))


def rows_of(seed: str) -> list[Row]:
    """The lines of a seed's checklist."""
    rows: list[Row] = import_module(f"{__package__}.{seed}").ROWS
    return rows


def render() -> str:
    """The page."""
    return "\n".join([_HEAD, *(_section(seed) for seed in seeds())])


def _section(seed: str) -> str:
    module = import_module(f"{__package__}.{seed}")
    rows = rows_of(seed)
    counts = {how: sum(row.how == how for row in rows) for how in _WORDS}
    told = ", ".join(f"{count} {_WORDS[how]}" for how, count in counts.items() if count)
    lines = [f"## {module.TITLE}", "", f"{module.SUMMARY} {len(rows)} lines: {told}.", ""]
    lines += ["| topic | what the seed names | | shown by |", "|---|---|---|---|"]
    return "\n".join([*lines, *map(_line, rows), ""])


def _line(row: Row) -> str:
    state = _WORDS[row.how] + (f": {row.because}" if row.because else "")
    checks = "<br>".join(f"`{check.removeprefix('tests/')}`" for check in row.checks)
    return f"| {row.topic} | {row.what} | {state} | {checks} |"


if __name__ == "__main__":
    PAGE.write_text(render())
    print(f"Wrote {PAGE.relative_to(PROJECT)}.")  # noqa: T201
