"""Catalogue of complete results: find, check, filter, list and join them."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from marketsim.errors import InputError, UnreadableFileError, UsageError, unknown_parameter
from marketsim.parameters import overrides
from marketsim.parameters.settings import Settings, from_tree
from marketsim.simulation import files, store

JOINED = ("fit.csv", "headline.csv")
ALWAYS = ("population.retailers", "replicates", "seed")  # settings with a column of their own
IDENTITY = ("study", "key", "model")  # of a result
UNKNOWN = "unknown"  # model of results of older versions, which did not note it
NAMED = ("scenario", "recovery")  # groups shown by the name of the choice
VALUES = {  # columns of the joined table: of fit.csv, of headline.csv
    "quantity": ("id", "id"),
    "value": ("median", "median"),
    "q05": ("q05", "q05"),
    "q95": ("q95", "q95"),
    "unit": ("unit", "unit"),
    "observed": ("observed", None),
    "p_value": ("p_value", None),
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
            study = Path(os.path.abspath(self.folder)).parent.name  # noqa: PTH100
            return files.writable(study)
        return self.facts[name] if name in ("key", "model") else self.settings.get(name)


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
    places, seen = set(), set()
    for root, folders, names in os.walk(folder, followlinks=True):
        here = Path(root)
        folders.sort()
        if here.resolve() in seen:  # another link to it, or a loop
            folders.clear()
            continue
        seen.add(here.resolve())
        for name in folders:
            if name.startswith(".") and name.endswith(".partial"):
                places.add(here / name[1 : -len(".partial")])
        for name in names:
            if name.startswith(".") and name.endswith(".failed"):
                places.add(here / name[1 : -len(".failed")])
        if store.MANIFEST in names or any(name.endswith((".parquet", ".csv")) for name in names):
            places.add(here)
        folders[:] = [name for name in folders if not name.startswith(".")]
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
        named = {name: str(facts[name]) for name in ("key", "written")}
        named["model"] = str(facts.get("model", UNKNOWN))
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
        return files.count_rows(path)
    except (OSError, pa.ArrowException):
        return None


def choose(found: Sequence[Found], filters: Sequence[str]) -> list[Found]:
    """Filter results by their settings.

    Parameters
    ----------
    found : sequence of Found
        From `collect`.
    filters : sequence of str
        KEY=VALUE, or KEY=VALUE,VALUE for any of them; KEY is study, key, model, scenario,
        recovery, or a setting.

    Raises
    ------
    InputError
        For an unknown key.
    """
    known = {*IDENTITY, *NAMED, *overrides.flat(asdict(Settings()))}
    known |= {key for one in found for key in one.settings}
    for word in filters:
        key, mark, value = word.partition("=")
        if key not in known or not mark:
            if not mark:
                keys = ", ".join([*IDENTITY, *NAMED, *ALWAYS])
                tables = ", ".join(f"{kind}=FILE" for kind in WRITERS)
                allowed = f"give {tables}, or KEY=VALUE with KEY {keys} or a setting"
                raise UsageError("argument", word, allowed)
            raise unknown_parameter(key, value, known)
        wanted = value.split(",")
        found = [one for one in found if any(_same(one.column(key), text) for text in wanted)]
    return list(found)


def _same(value: Any, text: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).lower() == text.lower()
    try:
        return value == (Decimal(text) if isinstance(value, int) else float(text))
    except (ValueError, ArithmeticError):
        return False


def of_this_version(found: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """Separate results of this version of the model from those of others.

    Returns
    -------
    list of Found
        Those that this version would load.
    list of str
        A line on the others, if any, which says how to choose them.
    """
    model = store.model_fingerprint()
    others = Counter(one.facts["model"] for one in found if one.facts["model"] != model)
    if not others:
        return list(found), []
    counts = ", ".join(f"{number} with model={other}" for other, number in sorted(others.items()))
    line = f"left out, since another version of the model gave them: {counts}"
    return [one for one in found if one.facts["model"] == model], [line]


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
        Columns study, key, model, scenario, recovery, population.retailers, replicates, seed,
        those of `swept`, table (fit or headline), and those of `VALUES`; the column unit has the
        units. A column has values of one kind: texts where it would have texts and numbers.
    """
    keys = [*IDENTITY, *NAMED, *ALWAYS, *swept(found)]
    values = {key: _of_one_kind([one.column(key) for one in found]) for key in keys}
    parts = []
    for number, one in enumerate(found):
        for source, name in enumerate(JOINED):
            if name in one.facts["tables"]:
                read = files.read_csv(one.folder / name)
                row = {key: values[key][number] for key in keys}
                part = pd.DataFrame(row, index=read.index)
                part["table"] = name.removesuffix(".csv")
                for column, origins in VALUES.items():
                    origin = origins[source]
                    missing = pd.Series(None, read.index, "object")
                    part[column] = read.get(origin, missing)  # older versions lack some
                parts.append(part)
    columns = [*keys, "table", *VALUES]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _of_one_kind(values: Sequence[Any]) -> list[Any]:
    """Return the values of a column, as texts unless all are texts, numbers or true and false."""
    kinds = {_kind(value) for value in values if value is not None}
    if kinds <= {"number"} and (
        any(isinstance(value, float) for value in values)
        or any(abs(value) >= 2**63 for value in values if value is not None)
    ):
        return [None if value is None else float(value) for value in values]
    if len(kinds) <= 1 and "other" not in kinds:
        return [files.writable(value) if isinstance(value, str) else value for value in values]
    return [value if value is None else files.writable(_text(value)) for value in values]


def _kind(value: Any) -> str:
    kinds = {bool: "flag", int: "number", float: "number", str: "text"}
    return kinds.get(type(value), "other")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else overrides.word(value)


def _csv(table: pd.DataFrame) -> bytes:
    escaped = table.map(files.escape_formula).rename(columns=files.escape_formula)
    return escaped.to_csv(index=False, lineterminator="\n").encode()


def _parquet(table: pd.DataFrame) -> bytes:
    return bytes(table.to_parquet(index=False, compression="zstd"))


def _xlsx(table: pd.DataFrame) -> bytes:
    if len(table) > files.MOST_ROWS:
        allowed = f"at most {files.MOST_ROWS:,} rows; give csv=FILE or parquet=FILE"
        raise InputError("xlsx", f"{len(table):,} rows", allowed)
    return files.spreadsheet({"results": table})


WRITERS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": _csv,
    "parquet": _parquet,
    "xlsx": _xlsx,
}


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a joined table atomically as CSV, Parquet or for Excel, by the extension of the file.

    Raises
    ------
    InputError
        If the file cannot be written, or cannot have so many rows.
    """
    kind = path.suffix[1:]
    content = WRITERS[kind](table)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_path(path) as beside:
            beside.write_bytes(content)
    except OSError as fault:
        allowed = f"a file that can be written to ({fault.strerror})"
        raise InputError(kind, path, allowed) from None
