"""Tables of figures, as Markdown and as JSON."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

Rows = list[dict[str, Any]]


class Table(NamedTuple):
    """Rows of figures under a title, with a note."""

    title: str
    rows: Rows
    note: str = ""


def as_markdown(table: Table) -> str:
    """Return a table with its title and note; columns are those of any row, in order."""
    columns = list(dict.fromkeys(name for row in table.rows for name in row))
    lines = [f"## {table.title}", ""]
    if table.note:
        lines += [table.note, ""]
    lines += [_line(columns), "|" + "---|" * len(columns)]
    lines += [_line([_cell(row.get(name, "")) for name in columns]) for row in table.rows]
    return "\n".join(lines) + "\n"


def as_json(tables: Iterable[Table]) -> str:
    """Return the rows of every table by its title."""
    return json.dumps({table.title: table.rows for table in tables}, indent=1) + "\n"


def write(path: Path | None, text: str) -> None:
    """Write a text to a file, if one is given."""
    if path:
        path.write_text(text, encoding="utf-8")


def rounded(value: float, digits: int = 3) -> float:
    """Return a figure to so many significant digits."""
    return float(f"{value:.{digits}g}")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    """Write a number in full, never with a power of ten."""
    if isinstance(value, float):
        return f"{value:,.10f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
