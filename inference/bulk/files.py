"""What a file to score is: its form, its columns, and the parts it is cut into."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

Kind = Literal["csv", "jsonl", "parquet"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
_BY_ENDING: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
PARQUET_MAGIC = b"PAR1"


class FileUnreadable(Exception):
    """The file as a whole can't be read. `line` (from 1) and `column` say where, as far as that is known."""

    def __init__(self, code: str, message: str, *, line: int | None = None, column: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.line, self.column = code, message, line, column


@dataclass(frozen=True, slots=True)
class Part:
    """A run of whole rows. `offset` and `length` are bytes; in Parquet a row group and its first row in that.

    `first_row` counts the file's rows from 0, `first_line` its lines from 1.
    """

    number: int
    offset: int
    length: int
    first_row: int
    rows: int
    first_line: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is read. The same file gives the same plan, so work that was stopped goes on where it was.

    picks: for each column of the model its place among the file's, empty where rows bring their own names.
    width: columns of the file. is_odd: quotes stand where the standard has none, so that only the careful parser is
    asked. ignored: columns that the model does not have.
    """

    kind: Kind
    rows: int
    parts: tuple[Part, ...]
    delimiter: str = ","
    picks: tuple[int, ...] = ()
    width: int = 0
    is_odd: bool = False
    ignored: tuple[str, ...] = ()

    def without_parts(self) -> "Plan":
        """What the parsing of a part needs of it."""
        return Plan(self.kind, self.rows, (), self.delimiter, self.picks, self.width, self.is_odd)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        told = asdict(self)
        return told | {"parts": [[getattr(part, name) for name in Part.__slots__] for part in self.parts]}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "Plan":
        """Back from `to_dict`."""
        return cls(
            **told
            | {
                "parts": tuple(Part(*facts) for facts in told["parts"]),
                "picks": tuple(told["picks"]),
                "ignored": tuple(told["ignored"]),
            }
        )


def by_ending(name: str) -> Kind | None:
    """The form that a file's name says, if it says one."""
    return _BY_ENDING.get(Path(name).suffix.lower())


def recognise(path: Path, name: str = "") -> Kind:
    """The form of a file: by its content where that is sure, else by the ending of `name`, else CSV or JSON lines."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    named = by_ending(name)
    if named in ("csv", "jsonl"):
        return named
    return "jsonl" if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "csv"
