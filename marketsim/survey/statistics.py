"""Statistics of a simulated survey, as those published.

They are computed from observed rows, never from hidden state. Shapes are ratios to the first weeks
of the same panel, since the level of a panel of 58 traders varies widely.
"""

import numpy as np
import pandas as pd

from marketsim.model.observer import SurveyRows
from marketsim.model.state import LogColumn
from marketsim.parameters import evidence
from marketsim.survey import targets

WEEKS = int(evidence.number("survey_weeks_count"))
FIRST_WEEKS = [1, 2, 3, 4]
CRACKDOWN_WEEK = 5
SEEN = (LogColumn.ADS, LogColumn.PICTURES, LogColumn.VIDEOS)
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
    index = pd.Index(runs, name="run")
    counts = _weekly(survey, survey["ads"], run, runs.size)
    return pd.DataFrame(counts, index, range(1, WEEKS + 1))


def _weekly(survey: pd.DataFrame, values: pd.Series, run: np.ndarray, runs: int) -> np.ndarray:
    """Sum one value a row, shape (runs, weeks); `run` is the index of the run of each row."""
    week = (_dates(survey) - _date("survey_start")) // np.timedelta64(7, "D")
    counted = survey["regular"].to_numpy(bool) & (week < WEEKS)
    cell = run[counted] * WEEKS + week[counted]
    return _sums(values[counted], cell, runs * WEEKS).reshape(runs, WEEKS)


def _dates(survey: pd.DataFrame) -> np.ndarray:
    which, dates = pd.factorize(survey["survey_date"])  # few dates, many rows
    return np.asarray(dates).astype("datetime64[D]")[which]


def _date(fact: str) -> np.datetime64:
    return np.datetime64(str(evidence.inputs()[fact].date))


def _sums(values: pd.Series, group: np.ndarray, groups: int) -> np.ndarray:
    """Sum integers by group; exact, since intermediate floats are below 2**53."""
    return np.bincount(group, values.to_numpy(float), groups).astype(np.int64)


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
    return _by_pair(survey, *_pairs(survey))


def _by_pair(survey: pd.DataFrame, codes: np.ndarray, pair: np.ndarray) -> pd.DataFrame:
    """Compute the table of `by_trader`; `pair` is the index of each row among the codes."""
    surveys = np.bincount(pair, minlength=codes.size)
    items = _sums(survey["pictures"] + survey["videos"], pair, codes.size)
    ads = _sums(survey["ads"], pair, codes.size)
    names = ["run", "trader"]
    pairs = pd.MultiIndex.from_arrays([codes >> 32, codes & (2**32 - 1)], names=names)
    return pd.DataFrame({"items": items / surveys, "ads": ads / surveys}, pairs)


def _pairs(survey: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted unique codes of (run, trader), and the index of each row among them."""
    run, trader = (survey[name].to_numpy(np.int64) for name in ("run", "trader"))
    return np.unique(run << 32 | trader, return_inverse=True)


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
    runs = len(contacts)
    run = contacts.index.get_indexer(pd.Index(survey["run"]))
    weeks = _weekly(survey, survey["ads"], run, runs).T
    items = _weekly(survey, survey["pictures"] + survey["videos"], run, runs).T
    out = {
        f"{name}_total": _sums(survey[name], run, runs) for name in ("ads", "pictures", "videos")
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        out |= _of_weeks(weeks, items)
        out |= _of_surveys(survey, run, runs) | _of_traders(survey, contacts.index)
    surveyed = np.bincount(run, minlength=runs) > 0
    table = pd.DataFrame(out, contacts.index, dtype=float)
    table.loc[~surveyed] = np.nan
    table["contacts_active"] = contacts["active"] / contacts["contacts"]
    return table[list(STATISTICS)]


def of_rows(rows: SurveyRows) -> np.ndarray:
    """Compute the statistics of one survey, as `statistics` does of the tables of many.

    Where surveys are simulated by the hundred thousand, their tables would cost as much as they do.

    Parameters
    ----------
    rows : SurveyRows
        The survey.

    Returns
    -------
    ndarray of float64, shape (len(STATISTICS),)
        In the order of `STATISTICS`, equal to the bit to a row of `statistics`.
    """
    active = rows.active_contacts / rows.contacts
    if rows.trader.size == 0:
        return np.array([np.nan] * (len(STATISTICS) - 1) + [active])
    by_id = rows.seen[:, np.argsort(rows.trader, kind="stable")].astype(np.int64)
    ads, pictures, videos = (by_id[:, :, column] for column in SEEN)
    shown = pictures + videos
    start, sweep, fifth = (
        _ordinal(name) for name in ("survey_start", "sweep_may", "survey_week_5_start")
    )
    week = (rows.day - start) // 7
    counted = rows.regular & (week < WEEKS)
    out = {"ads_total": ads.sum(), "pictures_total": pictures.sum(), "videos_total": videos.sum()}
    with np.errstate(divide="ignore", invalid="ignore"):
        weeks, items = (
            np.bincount(week[counted], values.sum(axis=1)[counted], WEEKS).astype(np.int64)
            for values in (ads, shown)
        )
        out |= _of_weeks(weeks, items)
        for name, values in (("videos_sd", videos), ("survey_cv_ads", ads),
                             ("survey_cv_pictures", pictures)):  # fmt: skip
            out[name] = _variation(values.sum(axis=1))
        surveys = rows.day.size
        per_day, made = shown.sum(axis=0) / surveys, ads.sum(axis=0) / surveys
        heavy = per_day > evidence.number("heavy_posters_cut")
        medium = per_day > evidence.number("medium_posters_cut")
        out["heavy_posters_count"], out["medium_posters_count"] = heavy.sum(), medium.sum()
        out["heavy_posters_share"] = _in_order(made[heavy]) / _in_order(made)
        out["heavy_posters_share_items"] = _in_order(per_day[heavy]) / _in_order(per_day)
        out["medium_posters_share"] = _in_order(made[medium]) / _in_order(made)
        mention, blocked = by_id[:, :, LogColumn.MENTION] > 0, by_id[:, :, LogColumn.BLOCKED] > 0
        after = int(np.searchsorted(rows.day, sweep))
        was = blocked[after - 1] if after > 0 else False
        hit = blocked[after] & ~np.asarray(was) if after < surveys else np.zeros(1, bool)
        out["panel_unblocked"] = not hit.any()
        out["backup_accounts"] = mention.any(axis=0).sum()
        early = mention[rows.day < fifth].any(axis=0).sum()
        out["backup_accounts_early"] = np.float64(early) / out["backup_accounts"]
    out["contacts_active"] = active
    return np.array([out[name] for name in STATISTICS], float)


def _of_weeks(weeks: np.ndarray, items: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the statistics of weeks from advertisements and items, shape (weeks, ...)."""
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


def _variation(seen: np.ndarray) -> float:
    """Compute the standard deviation over surveys, shape (surveys,), over the mean."""
    mean = _in_order(seen) / seen.size
    return np.sqrt(_in_order((seen - mean) ** 2) / (seen.size - 1)) / mean


def _in_order(values: np.ndarray) -> np.float64:
    """Add values up one after the other, shape (n,): the sum is the same on every machine."""
    return np.bincount(np.zeros(values.size, np.int64), values, 1)[0]


def _ordinal(fact: str) -> int:
    date = evidence.inputs()[fact].date
    assert date is not None
    return date.toordinal()


def _of_surveys(survey: pd.DataFrame, run: np.ndarray, runs: int) -> dict[str, np.ndarray]:
    """Compute the coefficients of variation over survey days."""
    days = _dates(survey).astype(np.int64)
    codes, day = np.unique(run.astype(np.int64) << 32 | days, return_inverse=True)
    of = codes >> 32
    surveys = np.bincount(of, minlength=runs)

    def variation(column: str) -> np.ndarray:
        seen = _sums(survey[column], day, codes.size)
        mean = np.bincount(of, seen, runs) / surveys
        squares = np.bincount(of, (seen - mean[of]) ** 2, runs)
        return np.sqrt(squares / (surveys - 1)) / mean

    return {
        "videos_sd": variation("videos"),
        "survey_cv_ads": variation("ads"),
        "survey_cv_pictures": variation("pictures"),
    }


def _of_traders(survey: pd.DataFrame, runs: pd.Index) -> dict[str, np.ndarray]:
    """Compute the statistics that count traders: heavy posters, bans, backup accounts."""
    codes, pair = _pairs(survey)
    traders = _by_pair(survey, codes, pair)
    of = runs.get_indexer(traders.index.get_level_values("run"))
    dates, shown = _dates(survey), traders["items"].to_numpy()
    heavy = shown > evidence.number("heavy_posters_cut")
    medium = shown > evidence.number("medium_posters_cut")

    def share(column: str, chosen: np.ndarray) -> np.ndarray:
        made = traders[column].to_numpy()
        return np.bincount(of[chosen], made[chosen], len(runs)) / np.bincount(of, made, len(runs))

    def are_seen(marked: np.ndarray) -> np.ndarray:
        return np.bincount(pair, marked, len(traders)) > 0

    def how_many(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(of[chosen], minlength=len(runs))

    mention = survey["mention"].to_numpy(bool)
    backups = how_many(are_seen(mention))
    early = how_many(are_seen(mention & (dates < _date("survey_week_5_start"))))
    blocked = survey["blocked"].to_numpy(bool)
    before, after = _around(dates, of[pair], len(runs), _date("sweep_may"))
    hit = are_seen(blocked & after) & ~are_seen(blocked & before)
    return {
        "heavy_posters_count": how_many(heavy),
        "heavy_posters_share": share("ads", heavy),
        "heavy_posters_share_items": share("items", heavy),
        "medium_posters_count": how_many(medium),
        "medium_posters_share": share("ads", medium),
        "panel_unblocked": how_many(hit) == 0,
        "backup_accounts": backups,
        "backup_accounts_early": early / backups,
    }


def _around(
    dates: np.ndarray, run: np.ndarray, runs: int, day: np.datetime64
) -> tuple[np.ndarray, np.ndarray]:
    """Mark the rows of each run's last survey before a day, and of its first from that day on."""
    is_before, days = dates < day, dates.astype(np.int64)
    last, first = np.full(runs, -1), np.full(runs, np.iinfo(np.int64).max)
    np.maximum.at(last, run[is_before], days[is_before])
    np.minimum.at(first, run[~is_before], days[~is_before])
    return days == last[run], days == first[run]


def describe_columns() -> dict[str, tuple[str, str]]:
    """Return unit and meaning of each statistic, as its row of the evidence has them."""
    facts = targets.targets() | targets.validation() | targets.context()
    return {name: (facts[name].unit or "1", facts[name].fact) for name in STATISTICS}
