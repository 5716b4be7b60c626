"""What of a survey is compared with the published one, on scales on which it is nearly normal.

Counts and ratios enter as logarithms, a count of traders as its square root, a share as its logit.
A `Design` is a set of such summaries. Posting is fitted to `FITTED`: the level of a panel enters
once, as the total; the weeks before the fall, pictures and videos enter relative to it. The mean of
weeks 6 to 12 follows from the total and the other weeks: it is not fitted. What the report saw and
does not count enters as events (`events`).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from marketsim.parameters import evidence
from marketsim.survey import targets
from marketsim.survey.statistics import CRACKDOWN_WEEK, WEEKS

# Standard deviations of what is printed vaguely, relative to the value: "around 800" (5 % either
# side hold 95 %), and the error of reading items off a chart (3 % hold 90 %). The other numbers are
# printed exactly.
VAGUENESS = {"ads_week_1_3": 0.025, "items_per_ad_week_5": 0.018}
SMALLEST_SHARE = 0.02  # shares are clipped to this distance inside 0 and 1 before taking logits
NOTHING = 0.5  # advertisements, videos or traders, in place of 0 in logarithms
# Beyond these ratios to the published value a survey tells nothing about the posterior near it, and
# its summaries are far from normal: such a survey only counts as out of range.
RANGES = {
    "ads_total": (0.25, 4.0),
    "videos_total": (0.05, 20.0),
    "ads_week_4": (0.25, 4.0),
    "fall_week_5": (0.25, 2.4),
    "return_week_13": (0.25, 2.2),
    "videos_sd": (0.2, 5.0),
    "heavy_posters_count": (0.15, 2.6),
}
SUMMARIES = (
    "ads_total",
    "pictures_total",
    "videos_total",
    "ads_week_1_3",
    "ads_week_4",
    "fall_week_5",
    "items_per_ad_week_5",
    "return_week_13",
    "videos_sd",
    "heavy_posters_count",
    "heavy_posters_share",
)
# The posting series: what forecasts and rivals predict
SERIES = ("ads_week_1_3", "ads_week_4", "fall_week_5", "ratio_week_6_12", "return_week_13")


class Design(NamedTuple):
    """A set of summaries.

    names : tuple of str, of the summaries.
    transform : callable, from a table of surveys to an array of shape (surveys, summaries).
    vagueness : ndarray, shape (summaries,), standard deviation of what is printed vaguely.
    """

    names: tuple[str, ...]
    transform: Callable[[pd.DataFrame], np.ndarray]
    vagueness: np.ndarray


def _fitted(surveys: pd.DataFrame) -> np.ndarray:
    """Return the summaries that posting is fitted to."""
    total = surveys["ads_total"].to_numpy(float)
    weeks = evidence.number("survey_days") / 3.0  # a week has three regular surveys
    relative = {
        "pictures_total": 1.0,
        "videos_total": 1.0,
        "ads_week_1_3": weeks,
        "ads_week_4": weeks,
    }
    columns = []
    with np.errstate(all="ignore"):
        for name in SUMMARIES:
            values = surveys[name].to_numpy(float)
            if name == "heavy_posters_count":
                columns.append(np.sqrt(values))
            elif name == "heavy_posters_share":
                share = np.clip(values, SMALLEST_SHARE, 1.0 - SMALLEST_SHARE)
                columns.append(np.log(share / (1.0 - share)))
            elif name in relative:
                columns.append(np.log((values + NOTHING) * relative[name] / total))
            else:
                columns.append(np.log(values))
    return np.column_stack(columns)


def weekly_counts(surveys: pd.DataFrame) -> np.ndarray:
    """Return advertisements a week in the rows of `SERIES`, shape (surveys, 5)."""
    first, fourth, fall, later, back = (surveys[name].to_numpy(float) for name in SERIES)
    level = (3.0 * first + fourth) / 4.0  # the mean of weeks 1 to 4
    return np.column_stack([first, fourth, fall * fourth, later * level, back * level])


def _series(surveys: pd.DataFrame) -> np.ndarray:
    """Return logarithms of the posting series."""
    with np.errstate(all="ignore"):
        logs: np.ndarray = np.log(weekly_counts(surveys) + NOTHING)
    return logs


def _with(what: str, weeks: tuple[tuple[int, int], ...]) -> Callable[[pd.DataFrame], np.ndarray]:
    """Return the fitted summaries and means of a weekly series relative to its weeks 1 to 4."""

    def transform(surveys: pd.DataFrame) -> np.ndarray:
        def mean(first: int, last: int) -> np.ndarray:
            names = [f"weekly_{what}_{week}" for week in range(first, last + 1)]
            values: np.ndarray = surveys[names].to_numpy(float).mean(axis=1)
            return values

        level = mean(1, CRACKDOWN_WEEK - 1) + NOTHING
        series = [np.log((mean(*span) + NOTHING) / level) for span in weeks]
        return np.column_stack([_fitted(surveys), *series])

    return transform


FITTED = Design(SUMMARIES, _fitted, np.array([VAGUENESS.get(name, 0.0) for name in SUMMARIES]))
OF_SERIES = Design(SERIES, _series, np.array([VAGUENESS.get(name, 0.0) for name in SERIES]))
# What monitors could publish besides: spans of weeks, and series
SPANS = ((5, 5), (6, 7), (8, 9), (10, 11), (12, 12), (13, 13))
assert SPANS[-1][1] == WEEKS
FURTHER = {
    series: Design(
        (*SUMMARIES, *(f"{what}_weeks_{first}_{last}" for first, last in SPANS)),
        _with(what, SPANS),
        np.append(FITTED.vagueness, np.zeros(len(SPANS))),
    )
    for series, what in (
        ("advertisements of every week", "ads"),
        ("traders who post in every week", "traders"),
    )
}


def published(design: Design = FITTED) -> np.ndarray:
    """Return the summaries of the published survey, shape (summaries,)."""
    facts = targets.targets() | targets.context()
    row = pd.DataFrame([{name: facts[name].value for name in (*SUMMARIES, *SERIES)}])
    found: np.ndarray = design.transform(row)[0]
    return found


def events(surveys: pd.DataFrame) -> np.ndarray:
    """Return which surveys saw the events of the published one.

    None of the panel was blocked in the sweep of 29 May; some traders advertised a backup account,
    few of them before week 5.

    Parameters
    ----------
    surveys : DataFrame
        One row a survey, with the columns of `survey.statistics.STATISTICS`.

    Returns
    -------
    ndarray of bool, shape (surveys,)
    """
    facts = targets.targets()
    found = surveys["panel_unblocked"].to_numpy(float) == 1.0
    for name in ("backup_accounts", "backup_accounts_early"):
        values, fact = surveys[name].to_numpy(float), facts[name]
        assert fact.low is not None and fact.high is not None
        found &= (values >= fact.low) & (values <= fact.high)
    return np.asarray(found)


def in_range(surveys: pd.DataFrame) -> np.ndarray:
    """Return which surveys are so near the published one that their summaries are modelled."""
    facts = targets.targets()
    found = np.isfinite(_fitted(surveys)).all(axis=1) & np.isfinite(_series(surveys)).all(axis=1)
    for name, (low, high) in RANGES.items():
        value = facts[name].value
        assert value is not None
        values = surveys[name].to_numpy(float)
        found &= (values >= low * value) & (values <= high * value)
    return np.asarray(found)
