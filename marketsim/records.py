"""Tables of a study, and how tables are written."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marketsim import priors
from marketsim.parameters import TRADER_TYPES
from marketsim.settings import Settings, declared, given
from marketsim.state import Flow, Note, Series, Stock
from marketsim.survey import SurveyRows

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
