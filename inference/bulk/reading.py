"""The bytes of parts."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from inference.bulk import arrow
from inference.bulk.files import FileUnreadable, Part, Plan


def contents(path: Path, plan: Plan, wanted: Sequence[Part]) -> Iterator[tuple[Part, bytes]]:
    """Each wanted part with what it holds, in order, one at a time. Raises FileUnreadable."""
    if plan.kind == "parquet":
        yield from arrow.parquet_contents(path, plan, wanted)
        return
    with path.open("rb") as file:
        for part in wanted:
            file.seek(part.offset)
            content = file.read(part.length)
            if len(content) != part.length:
                raise FileUnreadable("file_changed", "The file is shorter than when it was first read.")
            yield part, content
