"""Files of a result: written atomically, with units and meanings of columns."""

import contextlib
import errno
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marketsim.parameters.settings import Settings, declared
from marketsim.simulation.tables import COLUMNS

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a formula begins with in a spreadsheet
COMPLETE = "whole"  # last line of the file that marks a batch as complete


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path, which replaces `path` on success and is removed on failure."""
    beside = path.with_name(path.name + ".part")
    try:
        yield beside
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def write_parquet(
    table: pd.DataFrame, path: Path, more: dict[str, tuple[str, str]] | None = None
) -> None:
    """Write a table with unit and description in the metadata of each field, atomically.

    `more` describes columns that are not in `tables.COLUMNS`.
    """
    known = COLUMNS | (more or {})
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    fields = []
    for item in arrow.schema:
        unit, description = (
            known[item.name] if item.name in known else _describe_parameter(item.name)
        )
        fields.append(item.with_metadata({"unit": unit, "description": description}))
    arrow = arrow.cast(pa.schema(fields))
    with atomic_path(path) as beside:
        pq.write_table(arrow, beside, compression="zstd")


def write_atomic(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def escape_formula(cell: Any) -> Any:
    """Escape a cell that a spreadsheet would read as a formula."""
    is_formula = isinstance(cell, str) and cell.startswith(FORMULAS)
    return f"'{cell}" if is_formula else cell


def write_csv(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Write tables as CSV files by their names."""
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def _describe_parameter(key: str) -> tuple[str, str]:
    """Return unit and meaning of a parameter by its dotted name."""
    group, name = key.split(".")
    one = declared(getattr(Settings(), group))[name]
    return one["unit"], one["meaning"]


def write_batch(
    folder: Path,
    start: int,
    tables: dict[str, pd.DataFrame],
    more: dict[str, tuple[str, str]] | None = None,
) -> dict[str, pd.DataFrame]:
    """Store a batch of runs, the first of which has number `start`.

    Parameters
    ----------
    folder : Path
        Folder of the batches.
    start : int
        Number of the first run.
    tables : dict of str to DataFrame
        Tables of the runs.
    more : dict of str to (str, str), optional
        Unit and meaning of columns that are not in `tables.COLUMNS`.

    Returns
    -------
    dict of str to DataFrame
        The tables as `read_batch` returns them: sums over a table with another memory layout can
        differ in the last bit, and an interrupted study must have the bytes of one that was not.
    """
    sums = []
    for name, table in tables.items():
        path = folder / f"{start:08d}-{name}.parquet"
        write_parquet(table, path, more)
        sums.append(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n")
    write_atomic(folder / f"{start:08d}-done", "".join([*sums, COMPLETE]))
    written = read_batch(folder, start)
    if written is None:
        raise OSError(errno.EIO, "the file read differs from the one written", str(folder))
    return written


def read_batch(folder: Path, start: int) -> dict[str, pd.DataFrame] | None:
    """Return the tables of a complete batch; None if it is missing or damaged."""
    tables = {}
    try:
        *lines, last = (folder / f"{start:08d}-done").read_text(encoding="utf-8").splitlines()
        if last != COMPLETE:
            return None
        for line in lines:
            name, checksum = line.split(" ")
            content = (folder / f"{start:08d}-{name}.parquet").read_bytes()
            if hashlib.sha256(content).hexdigest() != checksum:
                return None
            tables[name] = pq.read_table(io.BytesIO(content)).to_pandas(split_blocks=True)
    except (OSError, ValueError):
        return None
    return tables
