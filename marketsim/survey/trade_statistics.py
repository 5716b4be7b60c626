"""What surveys say of prices and products, and the headline figures of trade.

Prices and mix are read off what the panel's accounts showed, as the survey did; the price at
physical markets off the labels at stalls. Volumes were seen by no survey: they are reported per
1,000 traders, beside the ceiling that the number of elephants puts on them, and never fitted.
"""

import numpy as np
import pandas as pd

from marketsim.model.ledger import PRODUCT_NAMES
from marketsim.parameters.evidence import Fact
from marketsim.survey import targets
from marketsim.survey.discrepancy import deviation

AT_MARKETS = ("uncarved", "carved")  # what was seen at physical markets
MIX = tuple(f"product_mix_{name}" for name in PRODUCT_NAMES)
SUMMARIES = (
    *(f"price_{name}" for name in PRODUCT_NAMES),
    *(f"physical_prices_ratio_{name}" for name in AT_MARKETS),
    *MIX,
)
# What `statistics` counts, in this order: evidence ids.
STATISTICS = (*SUMMARIES, *(f"{name}_ads" for name in MIX), "raw_price_range")


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
    facts: dict[str, Fact] = targets.targets()
    out = {name: deviation(facts[name], values[name].to_numpy(float)) for name in SUMMARIES}
    return pd.DataFrame(out, values.index)


def described() -> dict[str, tuple[str, str]]:
    """Return unit and meaning of each statistic, as its row of the evidence has them."""
    facts = targets.targets() | targets.validation()
    return {name: (facts[name].unit or "1", facts[name].fact) for name in STATISTICS}
