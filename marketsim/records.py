"""Tables of a study and the folder they rest in.

A result is complete or absent: it is written beside its final name and renamed last, and it is
done if and only if ``manifest.json`` is there. Its key is a hash over the settings, the source of
the model and the evidence, so that a stale result is never taken for a fresh one.
"""

import contextlib
import datetime as dt
import hashlib
import importlib.metadata
import json
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marketsim import evidence, posterior, priors
from marketsim.compiled import PACKAGE, source_fingerprint
from marketsim.errors import InputError
from marketsim.parameters import TRADER_TYPES
from marketsim.settings import Settings, declared, given
from marketsim.state import Flow, Note, Series, Stock
from marketsim.survey import SurveyRows

try:
    import fcntl
except ImportError:  # on Windows two processes must not write one result at the same time
    fcntl = None  # type: ignore[assignment]

MANIFEST = "manifest.json"
LIBRARIES = ("mesa", "numba", "numpy", "pandas", "pyarrow", "scipy", "hydra-core", "matplotlib")

# column: unit, description
COLUMNS = {
    "run": ("1", "number of the run: one population, one panel, one seed"),
    "day": ("date", "day of the run"),
    "seed": ("1", "seed of the run: every draw is a function of it"),
    "offers": ("posts", "posts made anywhere, seen or not"),
    "visible": ("posts", "posts standing in Moments at the end of the day"),
    "deleted": ("posts", "Moments posts deleted by their author on the day"),
    "removed": ("posts", "Moments posts removed by the platform on the day"),
    "backup": ("posts", "posts on backup accounts beside the main account"),
    "groups": ("posts", "posts in groups and private messages"),
    "elsewhere": ("posts", "posts on other platforms"),
    "withheld": ("posts", "posts meant and made nowhere"),
    "pictures": ("pictures", "pictures in visible posts"),
    "videos": ("videos", "videos in visible posts"),
    "flagged": ("posts", "visible posts flagged by filters or users"),
    "bans": ("accounts", "accounts banned on the day"),
    "mentions": ("traders", "traders who advertised a backup account on the day"),
    "traders_active": ("traders", "traders in the trade who do not lie low; some are blocked"),
    "traders_lying_low": ("traders", "traders staying away from Moments by choice"),
    "traders_blocked": ("traders", "traders with an account that is muted or suspended tomorrow"),
    "traders_banned": ("traders", "traders between two accounts"),
    "traders_left": ("traders", "traders who have left since the run began"),
    "traders_with_backup": ("traders", "traders with a backup account"),
    "traders_with_announced_backup": ("traders", "traders with an advertised backup account"),
    "traders_cases_waiting": ("cases", "cases in the moderators' queue"),
    "mean_risk": ("1", "mean perceived risk of the traders present, 0 to 1"),
    "survey_date": ("date", "survey day: what stood on the account at its end was seen"),
    "regular": ("yes or no", "Tuesday, Thursday or Saturday; the others are random days"),
    "trader": ("1", "id of the trader within the run"),
    "trader_type": ("letter", "A ivory only, B other species too, C collectables, D occasional"),
    "ads": ("advertisements", "ivory advertisements seen"),
    "mention": ("yes or no", "a backup account is advertised on the day"),
    "blocked": ("yes or no", "the watched account is lost"),
    "active": ("contacts", "contacts that posted in the fortnight before the survey"),
    "contacts": ("contacts", "contacts of the observer"),
    "panel": ("traders", "traders of the panel"),
    "draw": ("1", "number of the draw of parameters; runs of one draw differ by luck alone"),
    "structure": ("name", "what brings posts back: the recovery structure of the run"),
}


def daily_table(run: int, first_day: int, series: Series) -> pd.DataFrame:
    """Return the daily series of one run: run, day, then one column a series."""
    days = first_day + np.arange(series.risk.size)
    table: dict[str, Any] = {
        "run": np.full(days.size, run, np.int32),
        "day": [dt.date.fromordinal(int(day)) for day in days],
    }
    table |= {item.name.lower(): series.flows[:, item] for item in Flow}
    table |= {f"traders_{item.name.lower()}": series.stocks[:, item] for item in Stock}
    return pd.DataFrame(table | {"mean_risk": series.risk})


def survey_table(run: int, rows: SurveyRows) -> pd.DataFrame:
    """Return the survey of one run: a row for each survey day and trader of the panel."""
    surveys, panel = rows.day.size, rows.trader.size
    letters = np.array([letter.upper() for letter in TRADER_TYPES])
    dates = np.array([dt.date.fromordinal(int(day)) for day in rows.day], dtype=object)
    table: dict[str, Any] = {
        "run": np.full(surveys * panel, run, np.int32),
        "survey_date": np.repeat(dates, panel),
        "regular": np.repeat(rows.regular, panel),
        "trader": np.tile(rows.trader, surveys),
        "trader_type": np.tile(letters[rows.trader_type], surveys),
    }
    for column in (Note.ADS, Note.PICTURES, Note.VIDEOS):
        table[column.name.lower()] = rows.seen[:, :, column].ravel()
    for column in (Note.MENTION, Note.BLOCKED):
        table[column.name.lower()] = rows.seen[:, :, column].ravel() > 0
    return pd.DataFrame(table)


def run_table(run: int, seed: int, draw: int, settings: Settings, rows: SurveyRows) -> pd.DataFrame:
    """Return one row on a run: seed, contacts, panel, and what it had of all that is uncertain."""
    table: dict[str, Any] = {
        "run": np.array([run], np.int32),
        "seed": np.array([seed], np.int64),
        "active": [rows.active_contacts],
        "contacts": [rows.contacts],
        "panel": [rows.trader.size],
        "draw": np.array([draw], np.int64),
        "structure": [settings.recovery.name],
    }
    return pd.DataFrame(table | {key: [given(settings, key)] for key in priors.uncertain()})


def write_parquet(
    table: pd.DataFrame, path: Path, more: dict[str, tuple[str, str]] | None = None
) -> None:
    """Write a table with unit and description in the metadata of each field, atomically.

    `more` describes columns that are not of this module's tables.
    """
    known = COLUMNS | (more or {})
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    fields = []
    for item in arrow.schema:
        unit, description = known[item.name] if item.name in known else _parameter(item.name)
        fields.append(item.with_metadata({"unit": unit, "description": description}))
    arrow = arrow.cast(pa.schema(fields))
    beside = path.with_name(path.name + ".part")
    pq.write_table(arrow, beside, compression="zstd")
    beside.replace(path)


def write_csv(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Write tables as CSV files by their names."""
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def _parameter(key: str) -> tuple[str, str]:
    """Return unit and meaning of a parameter by its dotted name."""
    group, name = key.split(".")
    one = declared(getattr(Settings(), group))[name]
    return one["unit"], one["meaning"]


def key(settings: Settings, more: dict[str, Any] | None = None, source: str | None = None) -> str:
    """Return the name of a result: a hash over settings, model source, evidence and posterior.

    `more` is what the result depends on beside them; `source` is the fingerprint of the source
    files it depends on, all of the package's if not given.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps([asdict(settings), more], sort_keys=True, default=str).encode())
    digest.update((source or source_fingerprint()).encode())
    digest.update(evidence.TABLE.read_bytes())
    digest.update(posterior.fingerprint(settings.posterior).encode())
    return digest.hexdigest()[:12]


def is_complete(folder: Path) -> bool:
    """Return whether a result is there."""
    return (folder / MANIFEST).is_file()


def partial_folder(folder: Path) -> Path:
    """Return the folder in which a result grows until it is complete."""
    return folder.with_name(f".{folder.name}.partial")


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Hold the right to write a result, in a folder beside its final one; others wait.

    Yields
    ------
    Path
        The folder in which the result grows.

    Raises
    ------
    InputError
        Where the place cannot be written to.
    """
    with growing(partial_folder(folder), folder) as partial:
        yield partial
        if is_complete(folder):
            shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def result(
    settings: Settings, folder: Path, threads: int, facts: dict[str, Any]
) -> Iterator[Path | None]:
    """Give a folder to fill, and its final name and manifest to what fills it.

    Parameters
    ----------
    settings : Settings
        What the result is of.
    folder : Path
        Where it rests.
    threads : int
        For the manifest.
    facts : dict
        What the manifest says beside; facts put in while the folder is filled are among them.

    Yields
    ------
    Path or None
        None where the result is complete.
    """
    with writing(folder) as partial:
        if is_complete(folder):
            yield None
            return
        started = time.perf_counter()
        yield partial
        plain = manifest(settings, partial, threads, time.perf_counter() - started)
        write_manifest(partial, plain | facts | {"key": folder.name})
        publish(partial, folder)


@contextlib.contextmanager
def growing(place: Path, named: Path | None = None) -> Iterator[Path]:
    """Hold the right to write into a folder; a second process waits until the first has ended.

    The empty lock file stays: were it removed, a third process could lock another one. It has the
    name of the folder, or of `named`.

    Raises
    ------
    InputError
        Where the place cannot be written to.
    """
    folder = named or place
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f".{folder.name}.lock").open("w")
    except OSError as fault:
        raise InputError("output", folder, f"a folder to write to ({fault.strerror})") from None
    with lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        place.mkdir(exist_ok=True)
        yield place


def publish(partial: Path, folder: Path) -> None:
    """Give a complete result its final name; an older one goes."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def manifest(settings: Settings, folder: Path, threads: int, seconds: float) -> dict[str, Any]:
    """Return what is needed to make a result again, and to check it.

    Returns
    -------
    dict
        Settings, key, commit, versions, threads, wall time, rows and sha256 of each table. No
        name of a user, a machine or a path.
    """
    tables = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".parquet", ".csv"):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            tables[path.name] = {"sha256": digest, "rows": _rows(path)}
    return {
        "key": key(settings),
        "settings": asdict(settings),
        "source": source_fingerprint(),
        "evidence": hashlib.sha256(evidence.TABLE.read_bytes()).hexdigest(),
        "commit": _git("rev-parse", "HEAD"),
        "changed_since_commit": bool(_git("status", "--porcelain")),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "threads": threads,
        "wall_seconds": round(seconds, 2),
        "written": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "tables": tables,
    }


def _rows(path: Path) -> int:
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    return path.read_text(encoding="utf-8").count("\n") - 1


def _git(*words: str) -> str | None:
    """Ask git about the package's own checkout; None where there is none."""
    try:
        top = ["git", "-C", str(PACKAGE)]
        inside = subprocess.run(
            [*top, "ls-files", "--error-unmatch", "model.py"], capture_output=True, timeout=10
        )
        if inside.returncode != 0:
            return None
        done = subprocess.run([*top, *words], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """Write the manifest, last of all files."""
    beside = folder / (MANIFEST + ".part")
    beside.write_text(json.dumps(facts, indent=1, default=str) + "\n", encoding="utf-8")
    beside.replace(folder / MANIFEST)


def write_batch(folder: Path, start: int, tables: dict[str, pd.DataFrame]) -> None:
    """Keep the runs from number `start` on while the rest of a study is still to come."""
    for name, table in tables.items():
        write_parquet(table, folder / f"{start:08d}-{name}.parquet")
    (folder / f"{start:08d}-done").touch()


def read_batch(folder: Path, start: int) -> dict[str, pd.DataFrame] | None:
    """Return the tables of a finished batch, None where there is none."""
    if not (folder / f"{start:08d}-done").exists():
        return None
    paths = sorted(folder.glob(f"{start:08d}-*.parquet"))
    return {path.stem.split("-")[1]: pd.read_parquet(path) for path in paths}
