"""Statistics of a simulated survey, as those published.

They are computed from observed rows, never from hidden state. Shapes are ratios to the first weeks
of the same panel, since the level of a panel of 58 traders varies widely.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
import pandas as pd

from marketsim.model.observer import SurveyRows
from marketsim.model.state import LogColumn
from marketsim.parameters import evidence
from marketsim.survey import targets

WEEKS = int(evidence.number("survey_weeks_count"))
FIRST_WEEKS = [1, 2, 3, 4]
CRACKDOWN_WEEK = 5
EPOCH = dt.date(1970, 1, 1).toordinal()  # of the dates of numpy
# Columns of `statistics`, in this order: evidence ids.
STATISTICS = (
    "ads_total",
    "pictures_total",
    "videos_total",
    "ads_week_1_3",
    "ads_week_4",
    "fall_week_5",
    "items_per_ad_week_5",
    "ratio_week_6_12",
    "return_week_13",
    "videos_sd",
    "heavy_posters_count",
    "heavy_posters_share",
    "heavy_posters_share_items",
    "panel_unblocked",
    "backup_accounts",
    "backup_accounts_early",
    "survey_cv_ads",
    "survey_cv_pictures",
    "medium_posters_count",
    "medium_posters_share",
    "items_week_1_4",
    "items_week_13",
    "contacts_active",
)


class Rows(NamedTuple):
    """Rows of surveys as arrays of shape (rows,): of many runs, or of one.

    Attributes
    ----------
    run : ndarray of int64
        Place of the run among those asked for.
    day : ndarray of int64
        Ordinal of the survey day.
    regular : ndarray of bool
        Of one of the three regular surveys of a week.
    trader : ndarray of int64
        Id of the trader.
    ads, pictures, videos : ndarray of int64
        What the trader showed.
    mention, blocked : ndarray of bool
        Whether a backup account was advertised, and the account blocked.
    """

    run: np.ndarray
    day: np.ndarray
    regular: np.ndarray
    trader: np.ndarray
    ads: np.ndarray
    pictures: np.ndarray
    videos: np.ndarray
    mention: np.ndarray
    blocked: np.ndarray


def _rows(survey: pd.DataFrame, run: np.ndarray) -> Rows:
    """Return the rows of a table; `run` is the place of the run of each."""
    which, dates = pd.factorize(survey["survey_date"])  # few dates, many rows
    ordinals = np.asarray(dates).astype("datetime64[D]").astype(np.int64) + EPOCH
    columns = (survey[name].to_numpy(np.int64) for name in ("trader", "ads", "pictures", "videos"))
    marks = (survey[name].to_numpy(bool) for name in ("mention", "blocked"))
    return Rows(run, ordinals[which], survey["regular"].to_numpy(bool), *columns, *marks)


def weekly(survey: pd.DataFrame) -> pd.DataFrame:
    """Count advertisements in the three regular surveys of each week.

    Parameters
    ----------
    survey : DataFrame
        Rows of `survey.parquet`.

    Returns
    -------
    DataFrame
        One row a run, columns 1 to 13: week 1 is 1 to 7 May 2015.
    """
    runs, run = np.unique(survey["run"], return_inverse=True)
    rows = _rows(survey, run)
    counts = _weekly(rows, rows.ads, runs.size)
    return pd.DataFrame(counts, pd.Index(runs, name="run"), range(1, WEEKS + 1))


def _weekly(rows: Rows, values: np.ndarray, runs: int) -> np.ndarray:
    """Sum one value a row, shape (runs, weeks)."""
    week = (rows.day - _ordinal("survey_start")) // 7
    counted = rows.regular & (week < WEEKS)
    cell = rows.run[counted] * WEEKS + week[counted]
    return _sums(values[counted], cell, runs * WEEKS).reshape(runs, WEEKS)


def _ordinal(fact: str) -> int:
    date = evidence.inputs()[fact].date
    assert date is not None
    return date.toordinal()


def _sums(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Sum integers by group; exact, since intermediate floats are below 2**53."""
    return np.bincount(group, values, groups).astype(np.int64)


def ratios(weeks: pd.DataFrame) -> pd.DataFrame:
    """Divide each week by the mean of weeks 1 to 4 of the same run."""
    return weeks.div(weeks[FIRST_WEEKS].mean(axis=1), axis=0)


def by_trader(survey: pd.DataFrame) -> pd.DataFrame:
    """Compute items and advertisements of an average survey day, by run and trader.

    Returns
    -------
    DataFrame
        Index (run, trader); columns `items` (pictures and videos a day) and `ads` (a day).
    """
    rows = _rows(survey, survey["run"].to_numpy(np.int64))
    codes, pair = _pairs(rows)
    names = ["run", "trader"]
    pairs = pd.MultiIndex.from_arrays([codes >> 32, codes & (2**32 - 1)], names=names)
    items, ads = _by_pair(rows, codes, pair)
    return pd.DataFrame({"items": items, "ads": ads}, pairs)


def _by_pair(rows: Rows, codes: np.ndarray, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return items and advertisements a survey day; `pair` is each row's place among the codes."""
    surveys = np.bincount(pair, minlength=codes.size)
    items = _sums(rows.pictures + rows.videos, pair, codes.size)
    return items / surveys, _sums(rows.ads, pair, codes.size) / surveys


def _pairs(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted unique codes of (run, trader), and the index of each row among them."""
    return np.unique(rows.run << 32 | rows.trader, return_inverse=True)


def statistics(survey: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """Compute the statistics of posting of each run.

    Parameters
    ----------
    survey : DataFrame
        Rows of `survey.parquet`.
    contacts : DataFrame
        Indexed by run, columns `active` and `contacts`.

    Returns
    -------
    DataFrame
        One row a run, one column an evidence id; nan if it is undefined, as for an empty panel.
    """
    run = contacts.index.get_indexer(pd.Index(survey["run"])).astype(np.int64)
    active = (contacts["active"] / contacts["contacts"]).to_numpy(float)
    return pd.DataFrame(_compute(_rows(survey, run), active), contacts.index)


def of_rows(seen: SurveyRows) -> np.ndarray:
    """Compute the statistics of one survey, as `statistics` does of the tables of many.

    Where surveys are simulated by the hundred thousand, making their tables would take longer.

    Parameters
    ----------
    seen : SurveyRows
        The survey.

    Returns
    -------
    ndarray of float64, shape (len(STATISTICS),)
        In the order of `STATISTICS`, equal to the bit to a row of `statistics`.
    """
    found = _compute(_rows_of(seen), np.array([seen.active_contacts / seen.contacts]))
    return np.array([found[name][0] for name in STATISTICS])


def weeks_of_rows(seen: SurveyRows) -> tuple[np.ndarray, np.ndarray]:
    """Count by week what one survey saw on the regular days.

    Parameters
    ----------
    seen : SurveyRows
        The survey.

    Returns
    -------
    ads, traders : ndarray of float64, shape (13,)
        Advertisements, and traders who showed any.
    """
    rows = _rows_of(seen)
    week = (rows.day - _ordinal("survey_start")) // 7
    chosen = rows.regular & (week < WEEKS) & (rows.ads > 0)
    pairs = np.unique(week[chosen] << 32 | rows.trader[chosen])
    traders = np.bincount(pairs >> 32, minlength=WEEKS).astype(float)
    return _weekly(rows, rows.ads, 1)[0], traders


def _rows_of(seen: SurveyRows) -> Rows:
    """Return the rows of one survey, as run 0."""
    surveys, panel = seen.day.size, seen.trader.size
    shown = seen.seen.reshape(surveys * panel, len(LogColumn)).astype(np.int64)
    return Rows(
        np.zeros(surveys * panel, np.int64),
        np.repeat(seen.day, panel),
        np.repeat(seen.regular, panel),
        np.tile(seen.trader, surveys),
        *(shown[:, column] for column in (LogColumn.ADS, LogColumn.PICTURES, LogColumn.VIDEOS)),
        *(shown[:, column] > 0 for column in (LogColumn.MENTION, LogColumn.BLOCKED)),
    )


def _compute(rows: Rows, active: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the statistics of each run; `active` is the share of its contacts that are active."""
    runs = active.size
    weeks = _weekly(rows, rows.ads, runs).T
    items = _weekly(rows, rows.pictures + rows.videos, runs).T
    out = {
        f"{name}_total": _sums(getattr(rows, name), rows.run, runs)
        for name in ("ads", "pictures", "videos")
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        out |= _of_weeks(weeks, items) | _of_surveys(rows, runs) | _of_traders(rows, runs)
    surveyed = np.bincount(rows.run, minlength=runs) > 0
    out = {name: np.where(surveyed, values, np.nan) for name, values in out.items()}
    return {name: (out | {"contacts_active": active})[name] for name in STATISTICS}


def _of_weeks(weeks: np.ndarray, items: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the statistics of weeks from advertisements and items, shape (weeks, runs)."""
    first, shown = weeks[:4].mean(axis=0), items / weeks
    return {
        "ads_week_1_3": weeks[:3].mean(axis=0),
        "ads_week_4": weeks[3],
        "fall_week_5": weeks[CRACKDOWN_WEEK - 1] / weeks[3],
        "items_per_ad_week_5": shown[CRACKDOWN_WEEK - 1] / shown[3],
        "ratio_week_6_12": weeks[CRACKDOWN_WEEK:-1].mean(axis=0) / first,
        "return_week_13": weeks[-1] / first,
        "items_week_1_4": items[:4].mean(axis=0),
        "items_week_13": items[-1],
    }


def _of_surveys(rows: Rows, runs: int) -> dict[str, np.ndarray]:
    """Compute the coefficients of variation over survey days."""
    codes, day = np.unique(rows.run << 32 | rows.day, return_inverse=True)
    of = codes >> 32
    surveys = np.bincount(of, minlength=runs)

    def variation(values: np.ndarray) -> np.ndarray:
        seen = _sums(values, day, codes.size)
        mean = np.bincount(of, seen, runs) / surveys
        squares = np.bincount(of, (seen - mean[of]) ** 2, runs)
        return np.sqrt(squares / (surveys - 1)) / mean

    return {
        "videos_sd": variation(rows.videos),
        "survey_cv_ads": variation(rows.ads),
        "survey_cv_pictures": variation(rows.pictures),
    }


def _of_traders(rows: Rows, runs: int) -> dict[str, np.ndarray]:
    """Compute the statistics that count traders: heavy posters, bans, backup accounts."""
    codes, pair = _pairs(rows)
    items, ads = _by_pair(rows, codes, pair)
    of = codes >> 32
    heavy = items > evidence.number("heavy_posters_cut")
    medium = items > evidence.number("medium_posters_cut")

    def share(made: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        return np.bincount(of[chosen], made[chosen], runs) / np.bincount(of, made, runs)

    def are_seen(marked: np.ndarray) -> np.ndarray:
        return np.bincount(pair, marked, codes.size) > 0

    def how_many(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(of[chosen], minlength=runs)

    backups = how_many(are_seen(rows.mention))
    early = how_many(are_seen(rows.mention & (rows.day < _ordinal("survey_week_5_start"))))
    before, after = _around(rows, runs, _ordinal("sweep_may"))
    hit = are_seen(rows.blocked & after) & ~are_seen(rows.blocked & before)
    return {
        "heavy_posters_count": how_many(heavy),
        "heavy_posters_share": share(ads, heavy),
        "heavy_posters_share_items": share(items, heavy),
        "medium_posters_count": how_many(medium),
        "medium_posters_share": share(ads, medium),
        "panel_unblocked": how_many(hit) == 0,
        "backup_accounts": backups,
        "backup_accounts_early": early / backups,
    }


def _around(rows: Rows, runs: int, day: int) -> tuple[np.ndarray, np.ndarray]:
    """Mark the rows of each run's last survey before a day, and of its first from that day on."""
    is_before = rows.day < day
    last, first = np.full(runs, -1), np.full(runs, np.iinfo(np.int64).max)
    np.maximum.at(last, rows.run[is_before], rows.day[is_before])
    np.minimum.at(first, rows.run[~is_before], rows.day[~is_before])
    return rows.day == last[rows.run], rows.day == first[rows.run]


def describe_columns() -> dict[str, tuple[str, str]]:
    """Return unit and meaning of each statistic, as its row of the evidence has them."""
    facts = targets.targets() | targets.validation() | targets.context()
    return {name: (facts[name].unit or "1", facts[name].fact) for name in STATISTICS}
