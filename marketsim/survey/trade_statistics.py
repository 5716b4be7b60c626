"""Statistics of prices and products in a simulated survey, as those published.

Prices and the mix of products are those displayed on the accounts of the panel, as in the survey;
prices at physical markets are labels at stalls. No survey recorded volumes: they are reported per
1,000 traders, with the ceiling that follows from the number of elephants, and not fitted.
"""

import numpy as np
import pandas as pd

from marketsim.model.ledger import PRODUCT_NAMES
from marketsim.parameters.evidence import Fact
from marketsim.survey import targets
from marketsim.survey.discrepancy import deviation

AT_MARKETS = ("uncarved", "carved")  # products with published prices at physical markets
PRICES = tuple(f"price_{name}" for name in PRODUCT_NAMES)
MIX = tuple(f"product_mix_{name}" for name in PRODUCT_NAMES)
SUMMARIES = (
    *PRICES,
    *(f"{name}_deviation" for name in PRICES),
    *(f"physical_prices_ratio_{name}" for name in AT_MARKETS),
    *MIX,
)
# Columns of `statistics`, in this order: evidence ids.
STATISTICS = (*SUMMARIES, *(f"{name}_ads" for name in MIX), "raw_price_range")


def statistics(survey: pd.DataFrame, prices: pd.DataFrame, runs: pd.Index) -> pd.DataFrame:
    """Compute prices, their ratio to those at physical markets, and the mix of products of runs.

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
        One row a run, one column for each of `STATISTICS`; nan if none was observed. A price is
        the mean over traders of the mean of a trader's labels, in CNY a gram, and a deviation their
        standard deviation over traders (nan for one trader); a share is of pictures and videos, or
        of advertisements.
    """
    out = pd.DataFrame(index=runs, columns=list(STATISTICS), dtype=float)
    labels = list(PRICES)
    by_trader = survey.groupby(["run", "trader"])[labels].mean().groupby("run")
    out[labels] = by_trader.mean().reindex(runs)
    out[[f"{name}_deviation" for name in labels]] = by_trader.std().reindex(runs).to_numpy()
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
    """Compute the mean price on labels at stalls, one row a run, one column a product."""
    stalls = prices[(prices["stage"] == "advertised") & (prices["channel"] == "physical")]
    weighed = stalls.assign(sum=stalls["mean"] * stalls["n"])
    sums = weighed.groupby(["run", "product"], observed=True)[["sum", "n"]].sum()
    return (sums["sum"] / sums["n"]).unstack("product")


def deviations(values: pd.DataFrame) -> pd.DataFrame:
    """Compute deviations of `SUMMARIES` from the published ones, in half-widths.

    Parameters
    ----------
    values : DataFrame
        From `statistics`.

    Returns
    -------
    DataFrame
        One row a run, one column a summary, from -10 to 10; 10 for a missing one.
    """
    facts: dict[str, Fact] = targets.targets()
    out = {name: deviation(facts[name], values[name].to_numpy(float)) for name in SUMMARIES}
    return pd.DataFrame(out, values.index)


def describe_columns() -> dict[str, tuple[str, str]]:
    """Return unit and meaning of each statistic, as its row of the evidence has them."""
    facts = targets.targets() | targets.validation()
    return {name: (facts[name].unit or "1", facts[name].fact) for name in STATISTICS}
