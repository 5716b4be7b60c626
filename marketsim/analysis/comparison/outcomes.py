"""Outcomes of a scenario: one value a run, over the same days in every arm."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from marketsim.model.ledger import FEN, MILLIGRAMS
from marketsim.model.state import Channel, Enforcement, Flow, Series, TradeCounter, TradeRecords
from marketsim.parameters import evidence

WEEK = 7
LOWER, HIGHER, NEITHER = "lower", "higher", ""  # which is better
RETURN = 0.9  # of the baseline's visible posts: below it a scenario suppresses posts


class Outcome(NamedTuple):
    """Meaning, unit and which way is better."""

    meaning: str
    unit: str
    better: str


OUTCOMES = {
    "offers": Outcome("posts made anywhere", "posts a week per 1,000 traders", LOWER),
    "visible": Outcome("posts standing in Moments", "posts a week per 1,000 traders", LOWER),
    "displaced": Outcome("of posts made, on backups, in groups or elsewhere", "percent", LOWER),
    "grams_delivered": Outcome("ivory delivered to buyers", "g a week per 1,000 traders", LOWER),
    "grams_agreed": Outcome("ivory of deals agreed", "g a week per 1,000 traders", LOWER),
    "revenue": Outcome("what buyers paid", "CNY a week per 1,000 traders", LOWER),
    "price": Outcome("mean price of deals", "CNY a gram", NEITHER),
    "online": Outcome("of the ivory delivered, online", "percent", NEITHER),
    "seized": Outcome("ivory seized", "g a week per 1,000 traders", HIGHER),
    "arrests": Outcome("traders arrested", "arrests a week per 1,000 traders", NEITHER),
    "elephants": Outcome(
        "elephants whose ivory was shipped", "elephants a week per 1,000 traders", LOWER
    ),
    "buyers_12_months": Outcome(
        "people who bought in the last 365 days of the run", "buyers per 1,000 traders", LOWER
    ),
    "suppressed_weeks": Outcome(
        "weeks in which visible posts stay below nine tenths of the baseline's", "weeks", HIGHER
    ),
}


def run_outcomes(
    series: Series, records: TradeRecords, first: int, retailers: int
) -> dict[str, float]:
    """Compute the outcomes of one run except `suppressed_weeks`, which needs a baseline.

    Parameters
    ----------
    series, records : Series, TradeRecords
        Daily counts.
    first : int
        Row of the first day of the evaluation period.
    retailers : int
        Traders at the start.

    Returns
    -------
    dict of str to float
        By the names of `OUTCOMES`; prices and shares are nan if nothing was delivered or posted.
    """
    flows = series.flows[first:].sum(axis=0)
    trade = records.counts[first:].sum(axis=0)
    agreed = trade[TradeCounter.AGREED : TradeCounter.AGREED + len(Channel)].sum() / MILLIGRAMS
    delivered = trade[TradeCounter.DELIVERED : TradeCounter.DELIVERED + len(Channel)] / MILLIGRAMS
    revenue = trade[TradeCounter.REVENUE : TradeCounter.REVENUE + len(Channel)].sum() / FEN
    seized = records.enforcement[first:, :, :, 1].sum() / MILLIGRAMS
    moved = flows[Flow.BACKUP] + flows[Flow.GROUPS] + flows[Flow.ELSEWHERE]
    scale = 1000.0 / retailers * WEEK / (series.risk.size - first)
    elephant = evidence.elephant_ivory()
    grams = delivered.sum()
    return {
        "offers": (flows[Flow.OFFERS]) * scale,
        "visible": flows[Flow.VISIBLE] * scale,
        "displaced": 100.0 * moved / flows[Flow.OFFERS] if flows[Flow.OFFERS] else np.nan,
        "grams_delivered": grams * scale,
        "grams_agreed": agreed * scale,
        "revenue": revenue * scale,
        "price": revenue / agreed if agreed else np.nan,
        "online": 100.0 * (1.0 - delivered[Channel.PHYSICAL] / grams) if grams else np.nan,
        "seized": seized * scale,
        "arrests": records.enforcement[first:, Enforcement.ARRESTS, :, 0].sum() * scale,
        "elephants": trade[TradeCounter.RAW_SHIPPED] / MILLIGRAMS / elephant * scale,
        "buyers_12_months": records.counts[-1, TradeCounter.BUYERS_12_MONTHS] * 1000.0 / retailers,
    }


def weekly_outcomes(series: Series, records: TradeRecords, retailers: int) -> pd.DataFrame:
    """Compute weekly outcomes from the first day of the run.

    Returns
    -------
    DataFrame
        Columns week (from 0), visible, moved (posts on backups, in groups and elsewhere) and
        grams (delivered), each a week per 1,000 traders.
    """
    weeks = series.risk.size // WEEK
    flows = series.flows[: weeks * WEEK].reshape(weeks, WEEK, -1).sum(axis=1)
    first = TradeCounter.DELIVERED
    delivered = records.counts[: weeks * WEEK, first : first + len(Channel)]
    scale = 1000.0 / retailers
    return pd.DataFrame(
        {
            "week": np.arange(weeks, dtype=np.int32),
            "visible": flows[:, Flow.VISIBLE] * scale,
            "moved": flows[:, [Flow.BACKUP, Flow.GROUPS, Flow.ELSEWHERE]].sum(axis=1) * scale,
            "grams": delivered.sum(axis=1).reshape(weeks, WEEK).sum(axis=1) / MILLIGRAMS * scale,
        }
    )


def suppressed_weeks(visible: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Count the weeks in which visible posts are below `RETURN` of the baseline's.

    Parameters
    ----------
    visible, baseline : ndarray of float64, shape (runs, weeks)
        From the first week of the evaluation period; the same runs.

    Returns
    -------
    ndarray of int64, shape (runs,)
    """
    return (visible < RETURN * baseline).sum(axis=1)
