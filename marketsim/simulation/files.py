"""Files of a result: written atomically, with units and meanings of columns.

Libraries are handed open files: pandas and pyarrow take a relative path such as ``file:1/x`` or
``run:1/x`` for an address.
"""

import contextlib
import errno
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marketsim.parameters.settings import UNWRITABLE, Settings, declared
from marketsim.simulation.tables import COLUMNS

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # what a formula begins with in a spreadsheet
NUMBER = re.compile(r"[+-]?[0-9]+([.][0-9]+)?(e[+-]?[0-9]+)?")
LONGEST_CELL = 32_767  # characters, in Excel
CUT = " ... (cut: too long for a cell)"
LARGEST_NUMBER = 9.99999999999999e307  # of Excel
EXACT_DIGITS = 15  # of a whole number in Excel
MOST_ROWS = 1_048_575  # of a sheet in Excel, below its head
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
    with atomic_path(path) as beside, beside.open("wb") as stream:
        pq.write_table(arrow, stream, compression="zstd")


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table of Parquet."""
    with path.open("rb") as stream:
        return pd.read_parquet(stream)


def read_schema(path: Path) -> pa.Schema:
    """Read the columns of a table of Parquet, with their units and descriptions."""
    with path.open("rb") as stream:
        return pq.read_schema(stream)


def count_rows(path: Path) -> int:
    """Return the number of rows of a table of Parquet, without reading it."""
    with path.open("rb") as stream:
        return int(pq.read_metadata(stream).num_rows)


def write_atomic(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def escape_formula(cell: Any) -> Any:
    """Escape a cell that a spreadsheet would read as a formula; a number is none."""
    is_text = isinstance(cell, str) and not NUMBER.fullmatch(cell)
    return f"'{cell}" if is_text and cell.startswith(FORMULAS) else cell


def writable(text: str) -> str:
    """Return a text that every format can hold: control characters and the like as escapes."""
    return UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def spreadsheet(sheets: Mapping[str, pd.DataFrame]) -> bytes:
    """Return the content of a spreadsheet for Excel, with a sheet for each table.

    Cells hold the value of the table, or a text where Excel would change it: a whole number of
    more than 15 digits, a number beyond its largest, or the start of a text that is too long for
    a cell.
    """
    content = io.BytesIO()
    # closed explicitly, so that Ctrl-C writes nothing
    book = pd.ExcelWriter(content, engine="openpyxl")
    for name, sheet in sheets.items():
        cells = sheet.astype(object).map(_cell).rename(columns=_cell)
        cells.to_excel(book, sheet_name=name, index=False)
    book.close()
    return content.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, int | np.integer) and abs(int(value)) >= 10**EXACT_DIGITS:
        return str(value)
    if isinstance(value, float) and abs(value) > LARGEST_NUMBER:
        return repr(float(value))
    if not isinstance(value, str):
        return value
    text = escape_formula(writable(value))
    coded = text.encode("utf-16-le")  # as Excel counts, two bytes a character
    if len(coded) <= 2 * LONGEST_CELL:
        return text
    return coded[: 2 * (LONGEST_CELL - len(CUT))].decode("utf-16-le", "ignore") + CUT


def write_csv(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Write tables as CSV files by their names."""
    for name, table in tables.items():
        content = table.to_csv(index=False, lineterminator="\n")
        (folder / f"{name}.csv").write_text(content, encoding="utf-8", newline="\n")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table of CSV."""
    with path.open("rb") as stream:
        return pd.read_csv(stream)


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
