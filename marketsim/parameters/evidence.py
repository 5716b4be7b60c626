"""Evidence table: facts that the model uses, is calibrated to, or is compared with.

The table ``evidence.csv`` beside this file has one row per fact. It is read and checked here, but
only the facts of role ``input`` are public: calibration targets and validation rows are returned by
:mod:`marketsim.survey.targets`, which the model may not import.
"""

import csv
import datetime
import functools
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from marketsim.errors import InputError

TABLE = Path(__file__).with_name("evidence.csv")
NUMBERS = ("value", "low", "high")
FLAGS = ("weak", "one_sided")
COLUMNS = ("id", *NUMBERS, "unit", "date", "role", *FLAGS, "source", "fact", "derivation")
FORMAT = "UTF-8 text separated by commas"
SHOWN = 60  # characters of a cell in a message
ROLES = ("input", "target", "validation", "context")

_IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class EvidenceError(InputError):
    """A row of the evidence table that breaks one of its rules, or that is missing."""

    shape = "evidence row {key}: {value!r} is invalid: expected {allowed}"


@dataclass(frozen=True)
class Fact:
    """One row of the table.

    Numbers are None where the source gives none; ``low`` and ``high`` are absolute bounds. A weak
    fact depends on a reading or an assumption that its interval does not cover. Of a one-sided one
    only a lower or an upper bound is known; every value on the other side of it agrees.
    """

    id: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    date: datetime.date | None
    role: str
    weak: bool
    one_sided: bool
    source: str
    fact: str
    derivation: str


class Facts(dict[str, Fact]):
    """Facts by id."""

    def __missing__(self, name: str) -> NoReturn:
        _refuse(TABLE, name, "id", name, "a row of this id, which the model uses")


def inputs() -> Facts:
    """Return the facts that set a parameter or a calendar entry.

    Returns
    -------
    Facts
        The facts of role ``input`` by id, in the order of the table; asking for another id is an
        EvidenceError.
    """
    return Facts(_packaged_inputs())


def number(name: str) -> float:
    """Return the value of an input that has one."""
    value = inputs()[name].value
    if value is None:
        _refuse(TABLE, name, "value", "", "a number, which the model uses")
    return value


def elephant_ivory() -> float:
    """Return the ivory of one elephant, in grams."""
    return number("elephants_ivory") * 1000.0


def load(path: Path = TABLE) -> dict[str, Fact]:
    """Read and check a table; of other modules only `survey.targets` may use the other roles."""
    return dict(_packaged()) if path == TABLE else _read(path)


@functools.cache
def _packaged() -> dict[str, Fact]:
    return _read(TABLE)


@functools.cache
def _packaged_inputs() -> dict[str, Fact]:
    return {key: fact for key, fact in load().items() if fact.role == "input"}


def _read(path: Path) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    with path.open(encoding="utf-8-sig", newline="") as stream:  # Excel begins a file with a mark
        try:
            header, *rows = csv.reader(stream, strict=True)
        except (csv.Error, ValueError) as problem:  # of too few lines too
            _refuse(path, "header", "columns", str(problem), f"{FORMAT}, with a header")
    if tuple(header) != COLUMNS:
        allowed = f"{','.join(COLUMNS)} as {FORMAT}"
        _refuse(path, "header", "columns", ",".join(header), allowed)
    for cells in rows:
        name = cells[0] if cells else ""
        if len(cells) != len(COLUMNS):
            _refuse(path, name, "columns", len(cells), f"{len(COLUMNS)} cells")
        if name in facts:
            _refuse(path, name, "id", name, "an id that no other row has")
        facts[name] = _fact(path, dict(zip(COLUMNS, cells, strict=True)))
    return facts


def _fact(path: Path, row: dict[str, str]) -> Fact:
    name = row["id"]
    refuse = functools.partial(_refuse, path, name)
    if not _IDENTIFIER.fullmatch(name):
        refuse("id", name, "lower snake case")
    if row["role"] not in ROLES:
        refuse("role", row["role"], "one of " + ", ".join(ROLES))
    for column in ("source", "fact"):
        if not row[column].strip():
            refuse(column, row[column], "a text that is not empty")
    if "derived" in row["source"] and not row["derivation"].strip():
        refuse("derivation", row["derivation"], "the arithmetic behind a derived fact")
    value, low, high = (_number(path, row, column) for column in NUMBERS)
    if low is not None and high is not None and low > high:
        refuse("low", row["low"], f"at most the high end, {row['high']}")
    least, most = (-math.inf if low is None else low), (math.inf if high is None else high)
    if value is not None and not least <= value <= most:
        refuse("value", row["value"], f"{least:g} to {most:g}")
    for column in FLAGS:
        if row[column] not in ("", "yes"):
            refuse(column, row[column], "yes or nothing")
    bounds = (low is not None) + (high is not None)
    if (row["one_sided"] == "yes") != (bounds == 1):
        allowed = "yes where one of low and high is given, nothing where both or none are"
        refuse("one_sided", row["one_sided"], allowed)
    if bounds == 1 and value is not None:
        refuse("value", row["value"], "nothing beside a bound: the row is one-sided")
    judged = row["role"] in ("target", "validation")
    if judged and not row["unit"].strip() and (value, low, high) != (None, None, None):
        refuse("unit", row["unit"], "a unit, since the row carries numbers")
    weak, one_sided = (row[column] == "yes" for column in FLAGS)
    about = (row["unit"], _date(path, row), row["role"], weak, one_sided)
    return Fact(name, value, low, high, *about, *(row[c] for c in COLUMNS[-3:]))


def _number(path: Path, row: dict[str, str], column: str) -> float | None:
    cell = row[column]
    if cell and not _NUMBER.fullmatch(cell):
        _refuse(path, row["id"], column, cell, "a plain decimal number or nothing")
    return float(cell) if cell else None


def _date(path: Path, row: dict[str, str]) -> datetime.date | None:
    cell = row["date"]
    try:
        # Newer Pythons also parse 20150529 and week dates, which people misread.
        if cell and not _DAY.fullmatch(cell):
            raise ValueError
        return datetime.date.fromisoformat(cell) if cell else None
    except ValueError:
        _refuse(path, row["id"], "date", cell, "a day written YYYY-MM-DD or nothing")


def _refuse(path: Path, name: str, column: str, value: object, allowed: str) -> NoReturn:
    shown = f"{value[:SHOWN]}..." if isinstance(value, str) and len(value) > SHOWN else value
    raise EvidenceError(f"{name[:SHOWN]!r}, column {column}", shown, allowed).at(str(path))
