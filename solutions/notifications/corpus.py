"""The corpus: short notifications in three languages, written for this project, and how it is split.

`data/*.txt` hold templates under heads of class and writing style; `{a|b|c}` are three ways to fill a place. Rows of
one template, and everything in the style `clipped`, stay on one side of the split: what is measured are notifications
whose wording, or whose way of writing, the model has never seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

VERSION = 1
LANGUAGES = ("en", "de", "es")
UNSEEN_STYLE = "clipped"
HELD_OUT = 0.25
_FOLDER = Path(__file__).parent / "data"
_HEAD = re.compile(r"\[(\w+) (\w+)\]")
_PLACE = re.compile(r"\{([^{}|]*)\|([^{}|]*)\|([^{}|]*)\}")
_WAYS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One notification. template: which line it was made of; style: the way it is written."""

    text: str
    sender: str
    label: str
    style: str
    language: str
    template: int


@dataclass(frozen=True, slots=True)
class Split:
    """train: to learn from. held_out: other templates in the same styles. unseen_style: a style it never saw."""

    train: list[Row]
    held_out: list[Row]
    unseen_style: list[Row]


def read() -> list[Row]:
    """Every row, in the order of the files. The last way to fill a template comes without its sender."""
    rows: list[Row] = []
    for language in LANGUAGES:
        rows += _rows_of(language, first=len(rows))
    return rows


def split(rows: list[Row], *, seed: int) -> Split:
    """A quarter of the templates of each class and language is held out, drawn by the seed."""
    random = np.random.default_rng(seed)
    seen = [row for row in rows if row.style != UNSEEN_STYLE]
    templates = {row.template: (row.label, row.language) for row in seen}
    held: set[int] = set()
    for group in sorted(set(templates.values())):
        members = sorted(template for template, kind in templates.items() if kind == group)
        held.update(random.permutation(members)[: round(HELD_OUT * len(members))].tolist())
    return Split(
        train=[row for row in seen if row.template not in held],
        held_out=[row for row in seen if row.template in held],
        unseen_style=[row for row in rows if row.style == UNSEEN_STYLE],
    )


def _rows_of(language: str, *, first: int) -> Iterator[Row]:
    label = style = ""
    for at, line in enumerate((_FOLDER / f"{language}.txt").read_text(encoding="utf-8").splitlines()):
        if head := _HEAD.fullmatch(line):
            label, style = head.groups()
        elif line and not line.startswith("#"):
            sender, _, template = line.partition(": ")
            for way, text in enumerate(_filled(template)):
                yield Row(text, "" if way == _WAYS - 1 else sender, label, style, language, first + at)


def _filled(template: str) -> list[str]:
    """The template with its places filled in each of the three ways; once if it has none."""
    ways = [_PLACE.sub(rf"\{way}", template) for way in range(1, _WAYS + 1)]
    return list(dict.fromkeys(ways))
