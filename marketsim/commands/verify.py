"""Verification: rerun a published result from its manifest and compare the tables."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from marketsim.commands import compare as compare_command
from marketsim.commands import options
from marketsim.commands import run as run_command
from marketsim.errors import InputError, MissingArgumentError, UnreadableFileError
from marketsim.numerics.jit import source_fingerprint
from marketsim.parameters.settings import (
    Comparison,
    Scenario,
    Settings,
    check_ranges,
    from_tree,
)
from marketsim.simulation import files, store

COMPARISON = "comparison"  # key of the manifest of a comparison
STUDY_TABLE = "fit.csv"  # a table that only studies have
USAGE = "marketsim verify FOLDER [threads=N] [progress=false] [classes=[FILE,...]]"


def main(arguments: list[str]) -> None:
    """Rerun a study or comparison and print "identical", or where it differs (exit code 1).

    Parameters
    ----------
    arguments : list of str
        The folder, then options KEY=VALUE.

    Raises
    ------
    InputError
        For invalid input, or a folder without a study or comparison.
    """
    if not arguments or "=" in arguments[0]:
        raise MissingArgumentError("FOLDER", "nothing", USAGE)
    readers = {
        "threads": options.whole_number(1, 1024, "threads"),
        "progress": options.switch,
        "classes": options.file_list,
    }
    given: dict[str, Any] = {"threads": options.cores(), "progress": True}
    given |= options.parse(arguments[1:], readers)
    differences = verify(Path(arguments[0]), **given)
    print("\n".join(differences) or "identical")
    if differences:
        raise SystemExit(1)


def verify(
    folder: Path, threads: int = 1, progress: bool = False, classes: Sequence[str] = ()
) -> list[str]:
    """Rerun the study or comparison of a folder; compare every table with the published one.

    Parameters
    ----------
    folder : Path
        Holds `manifest.json` and any of the tables; a missing table is compared by its checksum.
    threads : int
        Parallel runs; does not affect results.
    progress : bool
        Show a bar on the error stream.
    classes : sequence of str
        Python files with the custom interventions of the result; only these are executed.

    Returns
    -------
    list of str
        Differences, one line a table, with the first row and column if the table exists. Empty if
        all tables are identical.

    Raises
    ------
    InputError
        If the folder has no manifest of a study or comparison that this version can run, or if
        the files of custom interventions are not given.
    """
    facts, settings = _read(folder)
    if len(settings.classes) != len(classes):
        allowed = f"classes=[FILE,...] with {len(settings.classes)} files, as in the manifest"
        raise InputError("classes", settings.classes, allowed)
    settings = replace(settings, classes=list(classes))
    differences = []
    with tempfile.TemporaryDirectory() as path:
        again = _rerun(facts, settings, Path(path), threads, progress)
        for name, published in facts["tables"].items():
            difference = _difference(folder / name, again / name, published["sha256"])
            if difference:
                differences.append(f"{name}: {difference}")
    if differences and facts.get("source") != source_fingerprint():
        differences.append("the model's source differs from the one that wrote the manifest")
    return differences


def _rerun(
    facts: dict[str, Any], settings: Settings, folder: Path, threads: int, progress: bool
) -> Path:
    """Run what a manifest describes once more, and return the folder of the result."""
    if COMPARISON not in facts:
        how = (threads, False, progress, False)  # neither fresh nor with figures
        return run_command.run_study(settings, folder, *how).folder
    options = Comparison(**facts[COMPARISON])
    check_ranges(options, "")
    scenarios = [Scenario(**one) for one in facts.get("scenarios", [])]
    for one in scenarios:
        check_ranges(one, "scenario.")
    own = {one.name: one for one in scenarios}
    return compare_command.compare(settings, options, folder, threads, progress, own)


def _read(folder: Path) -> tuple[dict[str, Any], Settings]:
    """Return the manifest of a study or comparison, and its settings."""
    try:
        # without its checksum: rerunning with settings edited by hand is allowed
        facts = json.loads((folder / store.MANIFEST).read_text(encoding="utf-8"))
        for table in facts["tables"].values():
            table["sha256"].lower()
        is_known = COMPARISON in facts or STUDY_TABLE in facts["tables"]
        settings = from_tree(facts["settings"]) if is_known else None
        Comparison(**facts.get(COMPARISON, {}))
        [Scenario(**one) for one in facts.get("scenarios", [])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        allowed = "manifest.json of a result of this version is missing or unreadable"
        raise UnreadableFileError("folder", folder, allowed) from None
    if settings is None:
        allowed = "manifest.json is of another command; studies and comparisons can be verified"
        raise UnreadableFileError("folder", folder, allowed)
    return facts, settings


def _difference(published: Path, again: Path, checksum: str) -> str:
    """Describe the first difference of two tables; empty if they are identical."""
    if not again.exists():
        return "not written by this version"
    same = hashlib.sha256(again.read_bytes()).hexdigest() == checksum
    if not published.exists():
        return "" if same else "checksum differs (the table itself was not published)"
    try:
        read = files.read_parquet if published.suffix == ".parquet" else files.read_csv
        one, two = read(published), read(again)
    except (OSError, ValueError):
        return "the published table cannot be read"
    if list(one) != list(two):
        have, want = (", ".join(map(str, table.columns)) for table in (one, two))
        return f"columns are {have}; expected {want}"
    if len(one) != len(two):
        return f"{len(one)} rows; expected {len(two)}"
    apart = (one != two) & ~(one.isna() & two.isna())
    if not apart.to_numpy().any():
        return ""
    row = int(apart.any(axis=1).to_numpy().argmax())
    column = str(apart.columns[int(apart.iloc[row].to_numpy().argmax())])
    return f"row {row + 1}, column {column}: published {one[column][row]}, rerun {two[column][row]}"
