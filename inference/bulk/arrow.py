"""Everything that Arrow does: Parquet, and CSV at its full speed. The extra `parquet`; CSV does without it."""

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from inference.bulk.cell_columns import FALSE, GAPS, TRUE, CellColumn, from_cells, kind_of
from inference.bulk.files import FileUnreadable, Part, Plan
from inference.signature import Column, Signature


class NotPlain(Exception):
    """The CSV holds something that Arrow would read otherwise than the careful parser: that one has to look."""


@cache
def is_there() -> bool:
    """Whether pyarrow is installed."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True


def require() -> None:
    """Raises FileUnreadable (`extra_missing`) without pyarrow."""
    if not is_there():
        raise FileUnreadable(
            "extra_missing", "Parquet needs the extra `parquet`: pip install 'mlplatform[parquet]'. CSV does without."
        )


# -- CSV ----------------------------------------------------------------------------------------------


def csv_columns(content: bytes, plan: Plan, rows: int, signature: Signature) -> list[CellColumn]:
    """The model's columns of one part. Raises NotPlain for whatever is not plainly a table of such values."""
    import pyarrow as pa
    from pyarrow import csv

    if any(letter in content and b"0" + letter in content for letter in (b"x", b"X")):
        raise NotPlain  # Arrow reads hexadecimal integers. To look for one letter first costs a tenth.
    names = [f"c{at}" for at in range(plan.width)]
    types = {names[pick]: _type_of(kind_of(column)) for pick, column in zip(plan.picks, signature.inputs, strict=True)}
    try:
        table = csv.read_csv(
            pa.BufferReader(content),
            csv.ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=names),
            csv.ParseOptions(delimiter=plan.delimiter, newlines_in_values=b'"' in content),
            csv.ConvertOptions(
                include_columns=list(types),
                column_types=types,
                null_values=list(GAPS),
                true_values=list(TRUE),
                false_values=list(FALSE),
                strings_can_be_null=False,
                quoted_strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise NotPlain from error
    if table.num_rows != rows:
        raise NotPlain
    return [
        _plain_column(table.column(names[pick]), column)
        for pick, column in zip(plan.picks, signature.inputs, strict=True)
    ]


def _plain_column(array: Any, column: Column) -> CellColumn:
    kind = kind_of(column)
    if array.null_count and kind != "f":
        raise NotPlain
    values = _bare(array, kind)
    if kind == "f" and np.count_nonzero(~np.isfinite(values)) != array.null_count:
        raise NotPlain  # a word for infinity, or one more for NaN
    return CellColumn(values, {})


def _bare(column: Any, kind: str) -> Any:
    """A column as an array, gaps as NaN. Numbers go by DLPack: `to_numpy` imports pandas, with its time and memory."""
    if kind in "bO" or column.null_count:
        return column.to_numpy()
    return np.from_dlpack(column.chunk(0) if column.num_chunks == 1 else column.combine_chunks())


@cache
def _type_of(kind: str) -> Any:
    import pyarrow as pa

    return {"f": pa.float64, "i": pa.int64, "b": pa.bool_, "O": pa.string}[kind]()


# -- Parquet ------------------------------------------------------------------------------------------


def parquet_facts(path: Path) -> tuple[list[str], list[int]]:
    """(the columns' names, the rows of each group). Raises FileUnreadable (`parquet`, `extra_missing`)."""
    require()
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            groups = [file.metadata.row_group(at).num_rows for at in range(file.metadata.num_row_groups)]
            return list(file.schema_arrow.names), groups
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(error) from error


def parquet_contents(path: Path, plan: Plan, wanted: Sequence[Part]) -> Iterator[tuple[Part, bytes]]:
    """The rows of each wanted part, in order, as an Arrow stream of the model's columns alone.

    A row group is read through from its beginning, a bite at a time: Parquet has no other way into its middle.
    """
    import pyarrow as pa
    from pyarrow import parquet

    by_group: dict[int, list[Part]] = {}
    for part in wanted:
        by_group.setdefault(part.offset, []).append(part)
    try:
        with parquet.ParquetFile(path, memory_map=True) as file:
            names = [file.schema_arrow.names[pick] for pick in plan.picks]
            for group, parts in by_group.items():
                yield from _of_group(file, group, parts, names)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(error) from error


def _of_group(file: Any, group: int, parts: list[Part], names: list[str]) -> Iterator[tuple[Part, bytes]]:
    import pyarrow as pa

    at, waiting, held = 0, iter(parts), []
    part = next(waiting, None)
    for batch in file.iter_batches(batch_size=8192, row_groups=[group], columns=names, use_threads=False):
        begin, at = at, at + batch.num_rows
        while part is not None and part.length < at:
            first = max(part.length - begin, 0)
            last = min(part.length + part.rows - begin, batch.num_rows)
            held.append(batch.slice(first, last - first))
            if part.length + part.rows > at:
                break  # the rest is in the next batch
            table = pa.Table.from_batches(held).select(names)
            yield part, _as_stream(table)
            held, part = [], next(waiting, None)
        if part is None:
            return
    if part is not None:
        raise FileUnreadable("parquet", f"Row group {group} holds fewer rows than the file says.")


def _as_stream(table: Any) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def stream_columns(content: bytes, signature: Signature) -> list[CellColumn]:
    """The columns of `parquet_contents`."""
    table = _opened(content)
    return [_any_column(table.column(at), column) for at, column in enumerate(signature.inputs)]


def stream_rows(content: bytes, signature: Signature) -> list[dict[str, Any]]:
    """The same as objects, for models that take tensors."""
    table = _opened(content)
    columns = [table.column(at).to_pylist() for at in range(table.num_columns)]
    return [dict(zip(signature.names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _opened(content: bytes) -> Any:
    import pyarrow as pa

    return pa.ipc.open_stream(content).read_all()


def _any_column(array: Any, column: Column) -> CellColumn:
    import pyarrow as pa
    from pyarrow import types

    kind, held = kind_of(column), array.type
    if types.is_dictionary(held):
        array = array.cast(held.value_type)
        held = array.type
    try:
        if kind == "f" and (types.is_floating(held) or types.is_integer(held) or types.is_decimal(held)):
            return _finite_or_odd(_bare(array.cast(pa.float64()), kind), array)
        if array.null_count == 0:
            if kind == "i" and types.is_integer(held):
                return CellColumn(_bare(array.cast(pa.int64()), kind), {})
            if kind == "b" and types.is_boolean(held):
                return CellColumn(_bare(array, kind), {})
            if kind == "O" and (types.is_string(held) or types.is_large_string(held)):
                return CellColumn(_bare(array, kind), {})
    except pa.ArrowInvalid:
        pass  # a number too large for its column, which the handler will say of its row
    return from_cells([_plain(cell) for cell in array.to_pylist()], column)


def _finite_or_odd(values: Any, array: Any) -> CellColumn:
    infinite = np.flatnonzero(np.isinf(values))
    odd = {int(row): array[int(row)].as_py() for row in infinite}
    return CellColumn(values, odd)


def _plain(cell: Any) -> Any:
    """A value as JSON would have it, where it has a word for it."""
    if isinstance(cell, float) and cell != cell:
        return None
    return float(cell) if type(cell).__name__ == "Decimal" else cell


def _unreadable(error: Exception) -> FileUnreadable:
    return FileUnreadable("parquet", f"The file can't be read as Parquet: {str(error)[:300]}")


# -- Writing ------------------------------------------------------------------------------------------


def table_bytes(columns: dict[str, Any], types: dict[str, str]) -> bytes:
    """Arrays or lists as a Parquet file of one row group. types: an Arrow type's name for each column."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in types.items()])
    arrays = [_typed(values, schema.field(name).type) for name, values in columns.items()]
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), sink)
    return sink.getvalue()


def _typed(values: Any, kind: Any) -> Any:
    import pyarrow as pa

    return pa.array(values, type=kind, from_pandas=True)


def join(contents: Iterable[bytes], target: Path) -> None:
    """Files of `table_bytes` as one file, a row group each."""
    from pyarrow import parquet

    writer = None
    try:
        for content in contents:
            table = parquet.read_table(io.BytesIO(content), use_threads=False)
            if writer is None:
                writer = parquet.ParquetWriter(target, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
