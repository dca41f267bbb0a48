"""The model card: what a person wrote about a solution's model, and what its training measured.

The hand-written part is the folder's `card.md` (Mitchell et al., Model Cards for Model Reporting, 2019, has the
headings); the card is kept as the notes of the version, and is the same for the same seed and libraries.
"""

from collections.abc import Iterable
from typing import Any

from solutions import catalogue
from solutions.figures import Figure
from solutions.trained import TrainedModel

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def of(solution: str, trained: TrainedModel, *, seed: int) -> str:
    """The card of one trained model, as Markdown."""
    written = (catalogue.folder(solution) / "card.md").read_text().strip()
    return f"{written}\n\n## Figures of {trained.name}\n\n{figures(trained, seed=seed)}\n"


def figures(trained: TrainedModel, *, seed: int) -> str:
    """The measured part: a table of figures, and the tables in `facts`."""
    parts = [f"Seed {seed}. {trained.description}".strip()]
    if trained.figures:
        parts.append(_table(trained.figures))
    parts += [_facts(title, told) for title, told in trained.facts.items()]
    return "\n\n".join(parts)


def page(text: str, told: str) -> str:
    """`text` with what stands between the two marks replaced by `told`. Raises ValueError without marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page has no place for figures: put {BEGIN} and {END} into it.")
    return f"{before}{BEGIN}\n\n{told}\n\n{END}{after}"


def _table(told: Iterable[Figure]) -> str:
    lines = ["| figure | rows | value | 95 % range | baseline |", "|---|---|---|---|---|"]
    for figure in told:
        baseline = "" if figure.baseline is None else f"{figure.baseline:.4f} ({figure.baseline_name or 'trivial'})"
        span = f"{figure.low:.4f} to {figure.high:.4f}"
        lines.append(f"| {figure.name} | {figure.dataset} | {figure.value:.4f} | {span} | {baseline} |")
    return "\n".join(lines)


def _facts(title: str, told: Any) -> str:
    """A fact as a sentence; a list of equal objects as a table."""
    if isinstance(told, list) and told and all(isinstance(row, dict) for row in told):
        names = list(told[0])
        lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
        lines += [f"| {' | '.join(_cell(row.get(name)) for name in names)} |" for row in told]
        return f"{title}:\n\n" + "\n".join(lines)
    return f"{title}: {told}"


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
