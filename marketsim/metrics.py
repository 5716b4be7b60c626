"""Statistics of a simulated survey, shaped like the published ones, and the fit to them.

Everything here reads observed rows, never hidden state. Shapes are ratios to the panel's own
first weeks: a panel of 58 varies so much in level that an absolute week says little.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from marketsim import evidence, observed
from marketsim.evidence import Fact

WEEKS = int(evidence.inputs()["survey_weeks_count"].value or 0)
FIRST_WEEKS = [1, 2, 3, 4]
LATER_WEEKS = [6, 7, 8, 9, 10, 11, 12]
CRACKDOWN_WEEK = 5
INTERVAL = (0.05, 0.95)


def weekly(survey: pd.DataFrame) -> pd.DataFrame:
    """Return advertisements of the three regular surveys of each week.

    Parameters
    ----------
    survey : DataFrame
        Rows of `survey.parquet`.

    Returns
    -------
    DataFrame
        One row a run, columns 1 to 13: week 1 is 1 to 7 May 2015.
    """
    start = _date("survey_start")
    regular = survey[survey["regular"]]
    week = (pd.to_datetime(regular["survey_date"]) - start).dt.days // 7 + 1
    table = regular.groupby(["run", week.rename("week")])["ads"].sum().unstack(fill_value=0)
    return table.reindex(columns=range(1, WEEKS + 1), fill_value=0)


def _date(fact: str) -> pd.Timestamp:
    return pd.Timestamp(str(evidence.inputs()[fact].date))


def ratios(weeks: pd.DataFrame) -> pd.DataFrame:
    """Return each week against the mean of the run's own weeks 1 to 4."""
    return weeks.div(weeks[FIRST_WEEKS].mean(axis=1), axis=0)


def by_trader(survey: pd.DataFrame) -> pd.DataFrame:
    """Return for each run and trader the items and advertisements of an average survey day.

    Returns
    -------
    DataFrame
        Index (run, trader); columns `items` (pictures and videos a day) and `ads` (a day).
    """
    groups = survey.groupby(["run", "trader"])
    means = groups[["ads", "pictures", "videos"]].mean()
    return pd.DataFrame({"items": means["pictures"] + means["videos"], "ads": means["ads"]})


def statistics(survey: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """Return the posting-side statistics of each run.

    Parameters
    ----------
    survey : DataFrame
        Rows of `survey.parquet`.
    contacts : DataFrame
        Indexed by run, columns `active` and `contacts`.

    Returns
    -------
    DataFrame
        One row a run, one column an evidence id; nan where a panel of nobody leaves it open.
    """
    weeks = weekly(survey)
    first = weeks[FIRST_WEEKS].mean(axis=1)
    totals = survey.groupby("run")[["ads", "pictures", "videos"]].sum()
    heavy = _heavy(survey)
    marks = survey.groupby(["run", "trader"])[["mention", "blocked"]].max().groupby("run")
    out = pd.DataFrame(index=contacts.index)
    out["ads_total"] = totals["ads"]
    out["pictures_total"] = totals["pictures"]
    out["videos_total"] = totals["videos"]
    out["ads_week_1_3"] = weeks[FIRST_WEEKS[:3]].mean(axis=1)
    out["ads_week_4"] = weeks[4]
    out["fall_week_5"] = weeks[CRACKDOWN_WEEK] / weeks[4]
    out["ratio_week_6_12"] = weeks[LATER_WEEKS].mean(axis=1) / first
    out["return_week_13"] = weeks[WEEKS] / first
    out["heavy_posters_count"] = heavy["count"]
    out["heavy_posters_share"] = heavy["ads"]
    out["heavy_posters_share_items"] = heavy["items"]
    out["panel_unblocked"] = (marks["blocked"].sum() == 0).astype(float)
    out["backup_accounts"] = marks["mention"].sum()
    out["backup_accounts_early"] = _early_backups(survey) / out["backup_accounts"]
    out["contacts_active"] = contacts["active"] / contacts["contacts"]
    return out


def _heavy(survey: pd.DataFrame) -> pd.DataFrame:
    """Return how many traders post heavily, and their shares of advertisements and of items."""
    cut = evidence.inputs()["heavy_posters_cut"].value
    traders = by_trader(survey)
    heavy = traders["items"] > cut
    shares = traders.where(heavy, 0.0).groupby("run").sum() / traders.groupby("run").sum()
    return shares.assign(count=heavy.groupby("run").sum())


def _early_backups(survey: pd.DataFrame) -> pd.Series:
    """Return how many traders of each run are seen to advertise a backup before week 5."""
    early = pd.to_datetime(survey["survey_date"]) < _date("survey_week_5_start")
    seen = (survey["mention"] & early).groupby([survey["run"], survey["trader"]]).any()
    return seen.groupby("run").sum()


def fit(values: pd.DataFrame) -> pd.DataFrame:
    """Hold the statistics of many runs against the evidence.

    Parameters
    ----------
    values : DataFrame
        From `statistics`.

    Returns
    -------
    DataFrame
        Columns id, role, observed, low, high, simulated, sim_low, sim_high, unit, within: the
        median over runs and its central 90 % interval. A share of runs (`panel_unblocked`) is a
        mean with its 90 % Monte Carlo interval. Runs in which a statistic is not finite (a ratio
        to a week without advertisements) are left out. `within` says whether the simulated figure
        lies inside the interval of the evidence.
    """
    judged = observed.targets() | observed.validation()
    rows = [_row(judged[str(name)], values[name].to_numpy(float)) for name in values]
    return pd.DataFrame(rows)


def _row(fact: Fact, runs: np.ndarray) -> dict[str, object]:
    summary: Callable[[np.ndarray], tuple[float, float, float]]
    summary = _share if fact.unit == "share of runs" else _quantiles
    known = runs[np.isfinite(runs)]
    middle, low, high = summary(known) if known.size > 0 else (np.nan, np.nan, np.nan)
    within = (fact.low is None or middle >= fact.low) and (fact.high is None or middle <= fact.high)
    return {
        "id": fact.id,
        "role": fact.role,
        "observed": fact.value,
        "low": fact.low,
        "high": fact.high,
        "simulated": middle,
        "sim_low": low,
        "sim_high": high,
        "unit": fact.unit,
        "within": bool(within),
    }


def _quantiles(runs: np.ndarray) -> tuple[float, float, float]:
    low, middle, high = np.quantile(runs, [INTERVAL[0], 0.5, INTERVAL[1]])
    return float(middle), float(low), float(high)


def _share(runs: np.ndarray) -> tuple[float, float, float]:
    """Return a share of runs with its Clopper-Pearson interval."""
    from scipy.special import betaincinv

    hits, misses = runs.sum(), runs.size - runs.sum()
    low = betaincinv(hits, misses + 1, INTERVAL[0]) if hits > 0 else 0.0
    high = betaincinv(hits + 1, misses, INTERVAL[1]) if misses > 0 else 1.0
    return float(runs.mean()), float(low), float(high)
