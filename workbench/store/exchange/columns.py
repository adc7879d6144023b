"""What the columns of a table hold: for Parquet and `datasets`, which want types, and for CSV, which has only text.

A type is written as the value looks: str, float, bool, [str], {"role": str, "content": str}, and so on with each other.
JSON stands for what has no fixed type; in a table it is JSON as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import paths
from ...errors import WorkbenchError
from ..rows import to_json
from .strict_json import parse

Columns = Mapping[str, Any]

JSON = "json"
MESSAGE = {"role": str, "content": str}
MESSAGES = [MESSAGE]


def need_arrow() -> None:
    """Raises WorkbenchError where Parquet and Arrow cannot be read or written."""
    if not paths.borrow("pyarrow"):
        raise WorkbenchError(
            "Parquet and Arrow need the compute engine, and none is installed.",
            "Add one under Settings, Compute, or use CSV or JSONL.",
        )


def arrow_schema(columns: Columns) -> Any:
    """The columns as pyarrow knows them. Raises WorkbenchError where there is no pyarrow."""
    need_arrow()
    import pyarrow as pa

    return pa.schema([(name, _arrow_type(type_)) for name, type_ in columns.items()])


def _arrow_type(type_: Any) -> Any:
    import pyarrow as pa

    if isinstance(type_, list):
        return pa.list_(_arrow_type(type_[0]))
    if isinstance(type_, dict):
        return pa.struct([(name, _arrow_type(part)) for name, part in type_.items()])
    return {str: pa.string(), JSON: pa.string(), float: pa.float64(), bool: pa.bool_()}[type_]


def flattened(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """The row with every column, for a table: what has no fixed type as JSON text."""
    return {
        name: to_json(row[name]) if type_ == JSON and row.get(name) is not None else row.get(name)
        for name, type_ in columns.items()
    }


def to_cells(row: Mapping[str, Any], columns: Columns) -> list[str]:
    """The row for CSV: texts as they are, anything else as JSON, and nothing where there is nothing."""
    return [_cell(row.get(name), type_) for name, type_ in columns.items()]


def _cell(value: Any, type_: Any) -> str:
    return "" if value is None else value if type_ is str else to_json(value)


def from_table(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """A row of a table as the format means it.

    A text that is not what its column should hold stays as it is: the format says what is wrong with it, or takes it,
    as where a conversation may also be plain text.
    """
    return {name: _from_cell(value, columns.get(name, str)) for name, value in row.items()}


def _from_cell(cell: Any, type_: Any) -> Any:
    if not isinstance(cell, str) or type_ is str:
        return cell
    if not cell.strip():
        return cell if type_ == MESSAGES else None  # where a conversation may be, an empty text may be too
    try:
        value = parse(cell.strip().lower() if type_ is bool else cell)
    except (ValueError, RecursionError):
        return cell
    return value if _fits(value, type_) else cell


def _fits(value: Any, type_: Any) -> bool:
    if type_ == JSON:
        return True
    if isinstance(type_, list):
        return isinstance(value, list) and all(_fits(item, type_[0]) for item in value)
    if isinstance(type_, dict):
        return isinstance(value, dict) and all(_fits(value.get(name), part) for name, part in type_.items())
    if type_ is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, type_)
