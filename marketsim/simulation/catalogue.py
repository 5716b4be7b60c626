"""Catalogue of complete results: find, check, filter, list and join them."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marketsim.errors import InputError, UnreadableFileError, UsageError, unknown_parameter
from marketsim.parameters import overrides
from marketsim.parameters.settings import Settings, from_tree
from marketsim.simulation import files as table_files
from marketsim.simulation import store

JOINED = ("fit.csv", "headline.csv")
ALWAYS = ("population.retailers", "replicates", "seed")  # settings with a column of their own
NAMED = ("scenario", "recovery")  # groups shown by the name of the choice
VALUES = {  # columns of the joined table: of fit.csv, of headline.csv
    "quantity": ("id", "id"),
    "value": ("median", "median"),
    "q05": ("q05", "q05"),
    "q95": ("q95", "q95"),
    "unit": ("unit", "unit"),
    "observed": ("observed", None),
    "within": ("within", None),
}


@dataclass(frozen=True)
class Found:
    """One finished result: its folder, manifest, and settings by dotted name."""

    folder: Path
    facts: dict[str, Any]
    settings: dict[str, Any]

    def column(self, name: str) -> Any:
        """Return the value of a column of the listing: a name, or a setting."""
        if name in NAMED:
            return self.settings[f"{name}.name"]
        if name == "study":
            return self.folder.parent.name
        return self.facts["key"] if name == "key" else self.settings.get(name)


def collect(folder: Path) -> tuple[list[Found], list[str]]:
    """Find every study below a folder.

    Parameters
    ----------
    folder : Path
        Searched at any depth.

    Returns
    -------
    list of Found
        The complete results, by folder.
    list of str
        A line for each incomplete or damaged result, and one on results that are no studies.

    Raises
    ------
    InputError
        If the folder does not exist.
    """
    if not folder.is_dir():
        raise UnreadableFileError("folder", folder, "no such folder")
    found: list[Found] = []
    lines: list[str] = []
    others = 0
    for place in _places(folder):
        try:
            found.append(_read(place))
        except _OtherError:
            others += 1
        except _UnfitError as fault:
            lines.append(f"{place}: {fault}")
    if others:
        lines.append(
            f"left out, since they are no studies but comparisons or calibrations: {others}"
        )
    return found, lines


class _UnfitError(Exception):
    """A folder without a complete study; the message says why."""


class _OtherError(Exception):
    """A folder with a complete result that is not a study."""


def _places(folder: Path) -> list[Path]:
    """Return folders of results, complete or not: with manifests, tables, parts or failures."""
    places = set()
    for root, folders, files in os.walk(folder):
        here = Path(root)
        for name in folders:
            if name.startswith(".") and name.endswith(".partial"):
                places.add(here / name[1 : -len(".partial")])
        for name in files:
            if name.startswith(".") and name.endswith(".failed"):
                places.add(here / name[1 : -len(".failed")])
        if store.MANIFEST in files or any(name.endswith((".parquet", ".csv")) for name in files):
            places.add(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
    return sorted(places - {folder}) if not (folder / store.MANIFEST).exists() else [folder]


def _read(place: Path) -> Found:
    """Read a manifest and check the tables."""
    if not store.has_manifest(place):
        fault = store.read_failure(place)
        if fault is not None:
            raise _UnfitError(f"failed: {fault}")
        if store.partial_folder(place).exists():
            raise _UnfitError("incomplete; rerun the command to resume")
        raise _UnfitError(f"damaged: no {store.MANIFEST}")
    try:
        facts = store.read_manifest(place)
        tables, tree = facts["tables"], facts["settings"]
        if JOINED[0] not in tables:
            raise _OtherError
        sums = {name: str(table["sha256"]) for name, table in tables.items()}
        rows = {name: table["rows"] for name, table in tables.items()}
        from_tree(tree)
        named = {"key": str(facts["key"]), "written": str(facts["written"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise _UnfitError(f"damaged: {store.MANIFEST} is not one of this version") from None
    for name in tables:
        path = place / name
        if not path.is_file():
            raise _UnfitError(f"damaged: no {name}")
        if name in JOINED and hashlib.sha256(path.read_bytes()).hexdigest() != sums[name]:
            raise _UnfitError(f"damaged: {name} is not the one of the manifest")
        if path.suffix == ".parquet" and _rows(path) != rows[name]:
            raise _UnfitError(f"damaged: {name} is not the one of the manifest")
    return Found(place, facts | named, overrides.flat(tree))


def _rows(path: Path) -> int | None:
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, pa.ArrowException):
        return None


def choose(found: Sequence[Found], filters: Sequence[str]) -> list[Found]:
    """Filter results by their settings.

    Parameters
    ----------
    found : sequence of Found
        From `collect`.
    filters : sequence of str
        KEY=VALUE, or KEY=VALUE,VALUE for any of them; KEY is study, key, scenario, recovery, or
        a setting.

    Raises
    ------
    InputError
        For an unknown key.
    """
    known = {"study", "key", *NAMED, *overrides.flat(asdict(Settings()))}
    known |= {key for one in found for key in one.settings}
    for word in filters:
        key, mark, value = word.partition("=")
        if key not in known or not mark:
            if not mark:
                keys = ", ".join(["study", "key", *NAMED, *ALWAYS])
                allowed = f"give csv=FILE, parquet=FILE, or KEY=VALUE with KEY {keys} or a setting"
                raise UsageError("argument", word, allowed)
            raise unknown_parameter(key, value, known)
        wanted = value.split(",")
        found = [one for one in found if any(_same(one.column(key), text) for text in wanted)]
    return list(found)


def _same(value: Any, text: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).lower() == text.lower()
    try:
        return float(value) == float(text)
    except ValueError:
        return False


def listing(found: Sequence[Found]) -> pd.DataFrame:
    """List results, one row each: main settings, time of writing, and other overrides."""
    columns = ("study", "key", *NAMED, *ALWAYS)
    table = pd.DataFrame([[one.column(name) for name in columns] for one in found])
    table.columns = pd.Index([name.rpartition(".")[2] for name in columns][: table.shape[1]])
    table["written"] = [one.facts["written"] for one in found]
    table["changed"] = [" ".join(_changes(one)) for one in found]
    return table


def _changes(one: Found) -> list[str]:
    """Return the overrides of a result without a column of their own."""
    words = overrides.overrides(one.facts["settings"])
    return [word for word in words if word.partition("=")[0] not in (*NAMED, *ALWAYS)]


def swept(found: Sequence[Found]) -> list[str]:
    """Return the settings that were overridden in some results and differ among them."""
    given = {word.lstrip("+~").partition("=")[0] for one in found for word in _changes(one)}
    names = dict.fromkeys(key for one in found for key in one.settings)
    return [
        key
        for key in names
        if any(key == word or key.startswith(word + ".") for word in given)
        and len({str(one.settings.get(key)) for one in found}) > 1
    ]


def join(found: Sequence[Found]) -> pd.DataFrame:
    """Join results into one table: a row for each result and row of its fit and headline.

    Returns
    -------
    DataFrame
        Columns study, key, scenario, recovery, population.retailers, replicates, seed, those of
        `swept`, table (fit or headline), and those of `VALUES`; the column unit has the units.
    """
    keys = ["study", "key", *NAMED, *ALWAYS, *swept(found)]
    parts = []
    for one in found:
        for source, name in enumerate(JOINED):
            if name in one.facts["tables"]:
                read = pd.read_csv(one.folder / name)
                part = pd.DataFrame({key: one.column(key) for key in keys}, index=read.index)
                part["table"] = name.removesuffix(".csv")
                for column, origins in VALUES.items():
                    origin = origins[source]
                    part[column] = read[origin] if origin else pd.Series(None, read.index, "object")
                parts.append(part)
    columns = [*keys, "table", *VALUES]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a joined table atomically as CSV or Parquet, by the extension of the file.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with table_files.atomic_path(path) as beside:
            if path.suffix == ".parquet":
                table.to_parquet(beside, index=False, compression="zstd")
            else:
                plain = table.map(table_files.escape_formula).rename(
                    columns=table_files.escape_formula
                )
                plain.to_csv(beside, index=False, lineterminator="\n")
    except OSError as fault:
        allowed = f"a file that can be written to ({fault.strerror})"
        raise InputError(path.suffix[1:], path, allowed) from None
