"""Summary tables of a study: fit and headline figures."""

import numpy as np
import pandas as pd

from marketsim.parameters import evidence
from marketsim.parameters.settings import POSTING_ONLY, Settings
from marketsim.simulation.run import Tables
from marketsim.survey import fit, statistics, trade_statistics
from marketsim.survey.fit import SEE
from marketsim.survey.intervals import interval


def run_statistics(settings: Settings, tables: Tables, runs: pd.DataFrame) -> pd.DataFrame:
    """Compute the statistics of the runs of a study, with those of trade if the market has trade.

    Parameters
    ----------
    settings : Settings
        Of the study.
    tables : dict of str to DataFrame
        `survey` and `prices`.
    runs : DataFrame
        Rows of `runs.parquet`, indexed by run.
    """
    out = statistics.statistics(tables["survey"], runs)
    if settings.market == POSTING_ONLY:
        return out
    return out.join(trade_statistics.statistics(tables["survey"], tables["prices"], runs.index))


def summarize(settings: Settings, tables: Tables) -> Tables:
    """Compute the summary tables of a study: `fit`, and `headline` if the market has trade."""
    runs = tables["runs"].set_index("run")
    out = {"fit": fit.fit(run_statistics(settings, tables, runs), runs["draw"])}
    if settings.market != POSTING_ONLY:
        daily = (tables["daily"], tables["enforcement"], tables["runs"])
        out["headline"] = headline(*daily, settings.population.retailers)
    return out


# columns of `headline`: unit, meaning
COLUMNS = {
    "id": ("name", "figure of trade"),
    "meaning": ("text", "what it is"),
    "median": (SEE, "median of the runs"),
    "q05": (SEE, "low end of the central 90 % of the runs"),
    "q95": (SEE, "high end of the central 90 % of the runs"),
    "unit": ("name", "unit of the row"),
}
WEEK, YEAR, TONNE = 7.0, 365.0, 1e6  # days, days, grams


def headline(
    daily: pd.DataFrame, enforcement: pd.DataFrame, runs: pd.DataFrame, retailers: int
) -> pd.DataFrame:
    """Compute the headline figures of trade over the weeks of the survey, per 1,000 traders.

    Parameters
    ----------
    daily, enforcement, runs : DataFrame
        Rows of the tables of those names.
    retailers : int
        Traders at the start of each run.

    Returns
    -------
    DataFrame
        Columns id, meaning, unit, median, low, high (central 90 % over runs). The last rows scale
        up to the assumed number of traders of the platform, and compare with the ceiling.
    """
    start, end = (evidence.inputs()[name].date for name in ("survey_start", "survey_end"))
    assert start is not None and end is not None
    during, enforced = (table[table["day"].between(start, end)] for table in (daily, enforcement))
    sums = during.drop(columns="day").groupby("run").sum()
    weeks = ((end - start).days + 1) / WEEK
    scale = 1000.0 / retailers / weeks
    online = 1.0 - sums["delivered_physical"] / sums["grams_delivered"]
    seized = enforced.groupby("run")["grams"].sum().reindex(sums.index, fill_value=0.0)
    ceiling = evidence.inputs()["elephants"]
    traders = runs.set_index("run")["population.platform_traders"]
    shipped = sums["raw_shipped"] / weeks / WEEK * YEAR / retailers * traders / TONNE
    rows = [
        ("offers", "posts made anywhere, a week", "posts", sums["offers"] * scale),
        ("visible", "posts standing in Moments, a week", "posts", sums["visible"] * scale),
        ("grams_delivered", "ivory delivered to buyers, a week", "g",
         sums["grams_delivered"] * scale),
        ("grams_agreed", "ivory of deals agreed, a week", "g", sums["grams_agreed"] * scale),
        ("revenue", "sums of deals agreed, a week", "CNY", sums["revenue"] * scale),
        ("online_share", "of the ivory delivered, sold online", "share", online),
        ("repeat_share", "of deals online, to earlier customers", "share",
         sums["repeat_deals"] / (sums["parcels"])),
        ("seized", "ivory seized, a week", "g", seized * scale),
        ("elephants", "elephants the raw ivory shipped is worth, a week", "elephants",
         sums["elephants"] * scale),
        ("shipped_tonnes", "raw ivory shipped for the whole platform, a year", "t", shipped),
    ]  # fmt: skip
    table = pd.DataFrame([_row(*row) for row in rows])
    limit = "raw ivory that the elephants killed in a year can give (evidence)"
    most = {"id": "ceiling_tonnes", "meaning": limit, "unit": "t", "median": np.nan}
    return pd.concat(
        [table, pd.DataFrame([most | {"q05": ceiling.low, "q95": ceiling.high}])],
        ignore_index=True,
    )


def _row(name: str, meaning: str, unit: str, values: pd.Series) -> dict[str, object]:
    median, low, high = interval(values.to_numpy(float))
    ends = {"median": median, "q05": low, "q95": high}
    return {"id": name, "meaning": meaning, "unit": unit, **ends}
