"""The figures of a study: simulated medians and intervals beside what the survey counted.

Every published number comes from the evidence. Without pyplot no state is shared with a caller.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from marketsim.parameters.evidence import Fact
from marketsim.reporting.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    NARROW,
    ORANGE,
    PURPLE,
    VERMILION,
    WIDE,
    band,
    save,
    week_axis,
)
from marketsim.survey import statistics, targets

SMOOTH_DAYS = 7
# label, colour, line style (none: a point with bars)
MEDIAN = ("simulated median", BLUE, "-")
POINTS = ("TRAFFIC's survey (bars: interval)", VERMILION, "")
# column, label, colour, line style
CHANNELS = (
    ("visible", "Moments, visible to the survey", BLUE, "-"),
    ("withheld", "withheld: posted nowhere", BLACK, "--"),
    ("groups", "groups and private messages", GREEN, "-"),
    ("elsewhere", "other platforms", ORANGE, "-."),
    ("backup", "backup accounts", PURPLE, ":"),
)
TRADERS = (
    ("traders_with_backup", "with a backup account", PURPLE, ":"),
    ("traders_with_announced_backup", "with an advertised backup account", BLUE, "-"),
    ("traders_lying_low", "lying low by choice", BLACK, "--"),
    ("traders_blocked", "muted or suspended", GREEN, "-."),
    ("traders_banned", "banned, between two accounts", ORANGE, "-"),
)


def draw(folder: Path, daily: pd.DataFrame, survey: pd.DataFrame) -> list[Path]:
    """Write the figures of a study as PNG files.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    daily : DataFrame
        Rows of `daily.parquet`.
    survey : DataFrame
        Rows of `survey.parquet`.

    Returns
    -------
    list of Path
        The files written.
    """
    return save(folder, makers(daily, survey))


def makers(daily: pd.DataFrame, survey: pd.DataFrame) -> dict[str, Callable[[], Figure]]:
    """Return what makes each figure of a study from its tables, as in `draw`, by its name."""
    return {
        "weekly": partial(_weekly, survey),
        "ratios": partial(_ratios, survey),
        "concentration": partial(_concentration, survey),
        "accounts_and_channels": partial(_accounts_and_channels, daily),
    }


def _weekly(survey: pd.DataFrame) -> Figure:
    """Draw advertisements of the three regular surveys of each week."""
    weeks = statistics.weekly(survey)
    figure, axes = _figure()
    facts = targets.targets() | targets.context()
    points = dict.fromkeys((1, 2, 3), _numbers(facts["ads_week_1_3"]))
    points |= {week: _numbers(facts[f"ads_week_{week}"]) for week in (4, 5, 13)}
    band(axes, weeks, BLUE)
    _survey(axes, list(points), list(points.values()))
    text = "In week 5 the simulated survey counted {:,.0f} advertisements, TRAFFIC's {:,.0f}"
    _title(axes, text, [weeks[5].median(), points[5][0]])
    week_axis(axes, "advertisements in the week's three regular surveys")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    _legend(axes, [MEDIAN, POINTS])
    return figure


def _ratios(survey: pd.DataFrame) -> Figure:
    """Draw each week over the mean of the run's own weeks 1 to 4."""
    table = statistics.ratios(statistics.weekly(survey)).replace([np.inf, -np.inf], np.nan)
    figure, axes = _figure()
    axes.axhline(1.0, color=GREY, linewidth=1)
    band(axes, table, BLUE)
    end = published_ratios(axes)
    text = "In week 13 the simulated panel stood at {:.0f} % of weeks 1 to 4, TRAFFIC's at {:.0f} %"
    _title(axes, text, [100 * table[13].median(), 100 * end])
    week_axis(axes, "advertisements over the mean of weeks 1 to 4 (ratio)")
    _legend(axes, [MEDIAN, POINTS, ("TRAFFIC's mean of weeks 6 to 12 (box)", VERMILION, "--")])
    return figure


def published_ratios(axes: Axes) -> float:
    """Draw the survey's week 5, weeks 6 to 12 and week 13 against weeks 1 to 4; return the last."""
    facts = targets.targets() | targets.context()
    # Published is week 5 over week 4; the figure shows week 5 over the mean of weeks 1 to 4.
    before = _numbers(facts["ads_week_4"])[0] / _numbers(facts["ads_mean_weeks_1_4"])[0]
    fall, end = _numbers(facts["fall_week_5"]) * before, _numbers(facts["return_week_13"])
    later, low, high = _numbers(facts["ratio_week_6_12"])
    axes.fill_between([6, 12], low, high, facecolor="none", edgecolor=VERMILION, zorder=4)
    axes.plot([6, 12], [later, later], color=VERMILION, linestyle="--", zorder=4)
    _survey(axes, [5, 13], [fall, end])
    return float(end[0])


def _concentration(survey: pd.DataFrame) -> Figure:
    """Draw the share of the advertisements that the heaviest traders make."""
    shares = _cumulated(survey)
    figure, axes = _figure()
    facts = targets.targets()
    count, share = (_numbers(facts[f"heavy_posters_{name}"]) for name in ("count", "share"))
    panel, heavy = int(shares.columns.max()), int(count[0])
    axes.plot([0, panel], [0, 100], color=GREY, linewidth=1.5, linestyle=":")
    band(axes, 100 * shares, BLUE)
    _survey(axes, [heavy], [100 * share], across=[[heavy - count[1]], [count[2] - heavy]])
    made = shares[heavy].median() if heavy in shares else np.nan
    text = "The {} heaviest of {} traders made {:.0f} % of the advertisements, TRAFFIC's {:.0f} %"
    _title(axes, text, [heavy, panel, 100 * made, 100 * share[0]])
    axes.set_xlabel("number of traders, counted from the heaviest poster of the panel")
    label = "share of the panel's advertisements (%)"
    axes.set(xlim=(0, max(panel, 2 * heavy)), ylim=(0, 102), ylabel=label)
    _legend(axes, [MEDIAN, POINTS, ("if all posted alike", GREY, ":")])
    return figure


def _accounts_and_channels(daily: pd.DataFrame) -> Figure:
    """Draw where offers are made, and what befalls traders and accounts, day by day."""
    figure, (upper, lower) = _figure(2)
    posts = _days(upper, CHANNELS, daily, SMOOTH_DAYS)
    traders = _days(lower, TRADERS, daily)
    text = "Per 1,000 traders at least {:,.0f} posts a day were visible, and up to {:,.0f} withheld"
    _title(upper, text, [posts["visible"].median().min(), posts["withheld"].median().max()])
    text = "Of 1,000 traders up to {:,.0f} lay low and up to {:,.0f} had a backup account"
    peaks = [traders[f"traders_{name}"].median().max() for name in ("lying_low", "with_backup")]
    _title(lower, text, peaks)
    upper.set_ylabel(f"posts a day per 1,000 traders\n({SMOOTH_DAYS}-day centred mean, log scale)")
    lower.set_ylabel("traders per 1,000 traders\n(at the end of the day)")
    upper.set_yscale("symlog", linthresh=1.0)
    upper.set_ylim(0, max(2.0, *(1.8 * table.max().max() for table in posts.values())))
    upper.yaxis.set_major_formatter("{x:,.0f}")
    return figure


def _cumulated(survey: pd.DataFrame) -> pd.DataFrame:
    """Return the share made by the heaviest 0, 1, 2 ... traders: one row a run."""
    ads = statistics.by_trader(survey)["ads"].sort_values(ascending=False).reset_index()
    runs = ads.groupby("run")
    ads["share"] = runs["ads"].cumsum() / runs["ads"].transform("sum")
    ads["number"] = runs.cumcount() + 1
    shares = ads.pivot(index="run", columns="number", values="share").astype(float).ffill(axis=1)
    shares.insert(0, 0, 0.0)
    return shares


def _per_thousand(daily: pd.DataFrame, column: str, smooth: int = 1) -> pd.DataFrame:
    """Return a daily series per 1,000 traders present: one row a run, one column a day."""
    # The muted are among the active and those lying low; a banned trader is between two accounts.
    present = daily[["traders_active", "traders_lying_low", "traders_banned"]].sum(axis=1)
    rate = 1000.0 * daily[column] / present.where(present > 0)
    table = daily[["run"]].assign(day=pd.to_datetime(daily["day"]), rate=rate)
    days = table.pivot(index="day", columns="run", values="rate")
    return days.rolling(smooth, center=True, min_periods=1).mean().T


def _figure(panels: int = 1) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9.5, 6 * panels), layout="constrained")
    return figure, figure.subplots(panels)


def _survey(axes: Axes, x: Sequence, points: Sequence, across: Sequence | None = None) -> None:
    """Draw published values with the intervals of their evidence."""
    y, low, high = np.transpose(points)
    axes.errorbar(
        x, y, yerr=[y - low, high - y], xerr=across, fmt="D", color=VERMILION, capsize=4,
        markerfacecolor="white", markersize=7, zorder=5,
    )  # fmt: skip


def _numbers(fact: Fact) -> np.ndarray:
    """Return value, low and high end, NaN where there is none."""
    return np.array([fact.value, fact.low, fact.high], dtype=float)


def _days(axes: Axes, rows: Sequence, daily: pd.DataFrame, smooth: int = 1) -> dict:
    """Draw several daily series with dates below them, and return them by column."""
    tables = {name: _per_thousand(daily, name, smooth) for name, *_ in rows}
    for name, _, colour, style in rows:
        band(axes, tables[name], colour, style)
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    first, last = pd.to_datetime(daily["day"]).agg(["min", "max"])
    axes.set_xlabel(f"day, from {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    axes.set(xlim=(first, last + pd.Timedelta(days=1)), ylim=(0, None))
    _legend(axes, [row[1:] for row in rows], GREY)
    return tables


def _title(axes: Axes, text: str, numbers: list[float]) -> None:
    """Write a sentence with numbers of the figure, or that there are none."""
    known = np.isfinite(numbers).all()
    axes.set_title(text.format(*numbers) if known else "Nothing was seen in these runs")


def _legend(axes: Axes, rows: Sequence[tuple[str, str, Any]], colour: str = BLUE) -> None:
    """Set a legend below the axes, where it covers nothing, with the bands explained."""
    handles: list[Any] = []
    for label, line, style in rows:
        mark = "" if style else "D"
        handles.append(Line2D([], [], color=line, ls=style, marker=mark, mfc="white", label=label))
    for label, alpha in (("90 % of the runs", WIDE), ("half of the runs", WIDE + NARROW)):
        handles.append(Patch(color=colour, alpha=alpha, label=label))
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.47, -0.15), ncols=3)
