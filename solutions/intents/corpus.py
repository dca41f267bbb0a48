"""The corpus: one file for each intent in `data`, written for this project. A line is an utterance; a line in brackets
names the writer of those below it: language and manner."""

import re
from dataclasses import dataclass
from pathlib import Path

VERSION = 2
OTHER = "out_of_scope"
UNSEEN_WRITERS = ("en_chatty", "de_locker")
"""Two whose manner the model never sees in training: one in each language, both talking as among friends."""
_FOLDER = Path(__file__).parent / "data"
_WRITER = re.compile(r"\[((?:de|en)_[a-z]+)\]")


@dataclass(frozen=True, slots=True)
class Row:
    """One utterance."""

    text: str
    intent: str
    writer: str

    @property
    def language(self) -> str:
        return self.writer[:2]


@dataclass(frozen=True, slots=True)
class Split:
    train: list[Row]
    held_out: list[Row]


def read() -> list[Row]:
    """The whole corpus, by intent. Raises ValueError for a line that no writer's name stands above."""
    return [row for file in sorted(_FOLDER.glob("*.txt")) for row in _rows(file)]


def _rows(file: Path) -> list[Row]:
    writer, rows = "", []
    for line in filter(None, map(str.strip, file.read_text(encoding="utf-8").splitlines())):
        named = _WRITER.fullmatch(line)
        if named:
            writer = named.group(1)
        elif not writer:
            raise ValueError(f"{file.name}: {line!r} has no writer.")
        else:
            rows.append(Row(line, file.stem, writer))
    return rows


def split(rows: list[Row]) -> Split:
    """Held out by writer, so that no manner of writing is on both sides."""
    held_out = [row for row in rows if row.writer in UNSEEN_WRITERS]
    return Split([row for row in rows if row.writer not in UNSEEN_WRITERS], held_out)
