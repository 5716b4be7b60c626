"""What surveys say of prices and products, and the headline figures of trade.

Prices and mix are read off what the panel's accounts showed, as the survey did; the price at
physical markets off the labels at stalls. Volumes were seen by no survey: they are reported per
1,000 traders, beside the ceiling that the number of elephants puts on them, and never fitted.
"""

import numpy as np
import pandas as pd

from marketsim import evidence, observed
from marketsim.evidence import Fact
from marketsim.metrics import INTERVAL, SEE
from marketsim.misfit import deviation
from marketsim.records import PRODUCT_NAMES

AT_MARKETS = ("uncarved", "carved")  # what was seen at physical markets
MIX = tuple(f"product_mix_{name}" for name in PRODUCT_NAMES)
SUMMARIES = (
    *(f"price_{name}" for name in PRODUCT_NAMES),
    *(f"physical_prices_ratio_{name}" for name in AT_MARKETS),
    *MIX,
)
# What `statistics` counts, in this order: evidence ids.
STATISTICS = (*SUMMARIES, *(f"{name}_ads" for name in MIX), "raw_price_range")
# columns of `headline`: unit, meaning
COLUMNS = {
    "id": ("name", "figure of trade"),
    "meaning": ("text", "what it is"),
    "median": (SEE, "median of the runs"),
    "low": (SEE, "low end of the central 90 % of the runs"),
    "high": (SEE, "high end of the central 90 % of the runs"),
    "unit": ("name", "unit of the row"),
}
WEEK, YEAR, TONNE = 7.0, 365.0, 1e6  # days, days, grams


def statistics(survey: pd.DataFrame, prices: pd.DataFrame, runs: pd.Index) -> pd.DataFrame:
    """Return prices, their ratio to those at physical markets, and the mix of products of runs.

    Parameters
    ----------
    survey : DataFrame
        Rows of `survey.parquet`.
    prices : DataFrame
        Rows of `prices.parquet`.
    runs : Index
        The runs.

    Returns
    -------
    DataFrame
        One row a run, one column for each of `STATISTICS`; nan where nothing was seen. A price is
        the mean over traders of the mean of a trader's labels, in CNY a gram; a share is of
        pictures and videos, or of advertisements.
    """
    out = pd.DataFrame(index=runs, columns=list(STATISTICS), dtype=float)
    labels = [f"price_{name}" for name in PRODUCT_NAMES]
    by_trader = survey.groupby(["run", "trader"])[labels].mean()
    out[labels] = by_trader.groupby("run").mean().reindex(runs)
    stalls = _at_stalls(prices).reindex(index=runs, columns=list(AT_MARKETS))
    for name in AT_MARKETS:
        out[f"physical_prices_ratio_{name}"] = out[f"price_{name}"] / stalls[name]
    for suffix, what in (("", "items"), ("_ads", "ads")):
        counts = (
            survey.groupby("run")[[f"{what}_{name}" for name in PRODUCT_NAMES]].sum().reindex(runs)
        )
        total = counts.sum(axis=1).replace(0, np.nan)
        for name in PRODUCT_NAMES:
            out[f"product_mix_{name}{suffix}"] = counts[f"{what}_{name}"] / total
    out["raw_price_range"] = out["price_raw"]
    return out


def _at_stalls(prices: pd.DataFrame) -> pd.DataFrame:
    """Return the mean price on labels at stalls, one row a run, one column a product."""
    stalls = prices[(prices["stage"] == "advertised") & (prices["channel"] == "physical")]
    weighed = stalls.assign(sum=stalls["mean"] * stalls["n"])
    sums = weighed.groupby(["run", "product"], observed=True)[["sum", "n"]].sum()
    return (sums["sum"] / sums["n"]).unstack("product")


def deviations(values: pd.DataFrame) -> pd.DataFrame:
    """Return how far each of `SUMMARIES` is from the published one, in half-widths.

    Parameters
    ----------
    values : DataFrame
        From `statistics`.

    Returns
    -------
    DataFrame
        One row a run, one column a summary, from -10 to 10; one that is not there counts as 10.
    """
    facts: dict[str, Fact] = observed.targets()
    out = {name: deviation(facts[name], values[name].to_numpy(float)) for name in SUMMARIES}
    return pd.DataFrame(out, values.index)


def described() -> dict[str, tuple[str, str]]:
    """Return unit and meaning of each statistic, as its row of the evidence has them."""
    facts = observed.targets() | observed.validation()
    return {name: (facts[name].unit or "1", facts[name].fact) for name in STATISTICS}


def headline(
    daily: pd.DataFrame, enforcement: pd.DataFrame, runs: pd.DataFrame, retailers: int
) -> pd.DataFrame:
    """Return the headline figures of trade over the survey's weeks, per 1,000 traders.

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
        up to the platform's number of traders, which is assumed, and stand beside the ceiling.
    """
    start, end = (evidence.inputs()[name].date for name in ("survey_start", "survey_end"))
    assert start is not None and end is not None
    during, chased = (table[table["day"].between(start, end)] for table in (daily, enforcement))
    sums = during.drop(columns="day").groupby("run").sum()
    weeks = ((end - start).days + 1) / WEEK
    scale = 1000.0 / retailers / weeks
    online = 1.0 - sums["sold_physical"] / sums["grams_sold"]
    seized = chased.groupby("run")["grams"].sum().reindex(sums.index, fill_value=0.0)
    ceiling = evidence.inputs()["elephants"]
    traders = runs.set_index("run")["population.platform_traders"]
    shipped = sums["raw_shipped"] / weeks / WEEK * YEAR / retailers * traders / TONNE
    rows = [
        ("offers", "posts made anywhere, a week", "posts", sums["offers"] * scale),
        ("visible", "posts standing in Moments, a week", "posts", sums["visible"] * scale),
        ("grams_sold", "ivory sold, a week", "g", sums["grams_sold"] * scale),
        ("revenue", "what buyers paid for it, a week", "CNY", sums["revenue"] * scale),
        ("online_share", "of the ivory, sold online", "share", online),
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
        [table, pd.DataFrame([most | {"low": ceiling.low, "high": ceiling.high}])],
        ignore_index=True,
    )


def _row(name: str, meaning: str, unit: str, values: pd.Series) -> dict[str, object]:
    known = values[np.isfinite(values)].to_numpy(float)
    ends = [np.nan] * 3
    if known.size > 0:
        ends = np.quantile(known, [0.5, *INTERVAL]).tolist()
    figures = dict(zip(("median", "low", "high"), ends, strict=True))
    return {"id": name, "meaning": meaning, "unit": unit, **figures}
