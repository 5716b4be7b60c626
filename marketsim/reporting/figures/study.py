"""Figures of a study: simulated medians and intervals beside the published values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from marketsim.reporting.figures import style
from marketsim.reporting.figures.style import NARROW, WIDE, Tables, band, week_axis
from marketsim.survey import statistics, targets

SMOOTH_DAYS = 7
# label, colour, line style (empty: a point with bars)
MEDIAN = ("simulated median", style.BLUE, "-")
PUBLISHED = ("published (bars: interval)", style.VERMILION, "")
# column, label, colour, line style
CHANNELS = (
    ("visible", "Moments, visible to the survey", style.BLUE, "-"),
    ("withheld", "withheld: not posted", style.BLACK, "--"),
    ("groups", "groups and private messages", style.GREEN, "-"),
    ("elsewhere", "other platforms", style.ORANGE, "-."),
    ("backup", "backup accounts", style.PURPLE, ":"),
)
TRADERS = (
    ("traders_with_backup", "with a backup account", style.PURPLE, ":"),
    ("traders_with_announced_backup", "with an advertised backup account", style.BLUE, "-"),
    ("traders_lying_low", "inactive by choice", style.BLACK, "--"),
    ("traders_blocked", "muted or suspended", style.GREEN, "-."),
    ("traders_banned", "banned, before the next account", style.ORANGE, "-"),
)


def weekly(tables: Tables) -> Figure:
    """Draw the advertisements of each week's three regular surveys."""
    weeks = statistics.weekly(tables["survey"])
    figure, axes = style.figure(6)
    facts = targets.targets() | targets.context()
    points = dict.fromkeys((1, 2, 3), style.value_and_ends(facts["ads_week_1_3"]))
    points |= {week: style.value_and_ends(facts[f"ads_week_{week}"]) for week in (4, 5, 13)}
    band(axes, weeks, style.BLUE)
    _published(axes, list(points), list(points.values()))
    text = "In week 5 the simulated survey counted {:,.0f} advertisements, TRAFFIC's {:,.0f}"
    _title(axes, text, [weeks[5].median(), points[5][0]])
    week_axis(axes, "advertisements in the week's three regular surveys")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    _legend(axes, [MEDIAN, PUBLISHED])
    return figure


def ratios(tables: Tables) -> Figure:
    """Draw the ratio of each week to the mean of the run's weeks 1 to 4."""
    table = statistics.ratios(statistics.weekly(tables["survey"])).replace(
        [np.inf, -np.inf], np.nan
    )
    figure, axes = style.figure(6)
    axes.axhline(1.0, color=style.GREY, linewidth=1)
    band(axes, table, style.BLUE)
    end = published_ratios(axes)
    text = "In week 13 the simulated panel posted {:.0f} % of weeks 1 to 4, TRAFFIC's {:.0f} %"
    _title(axes, text, [100 * table[13].median(), 100 * end])
    week_axis(axes, "advertisements relative to weeks 1 to 4 (ratio)")
    _legend(
        axes,
        [
            MEDIAN,
            PUBLISHED,
            ("published mean of weeks 6 to 12 (box: interval)", style.VERMILION, "--"),
        ],
    )
    return figure


def published_ratios(axes: Axes) -> float:
    """Draw the published ratios of weeks 5, 6 to 12 and 13 to weeks 1 to 4; return the last."""
    facts = targets.targets() | targets.context()
    # The published ratio is to week 4; the figure shows the ratio to the mean of weeks 1 to 4.
    before = (
        style.value_and_ends(facts["ads_week_4"])[0]
        / style.value_and_ends(facts["ads_mean_weeks_1_4"])[0]
    )
    fall, end = (
        style.value_and_ends(facts["fall_week_5"]) * before,
        style.value_and_ends(facts["return_week_13"]),
    )
    later, low, high = style.value_and_ends(facts["ratio_week_6_12"])
    axes.fill_between([6, 12], low, high, facecolor="none", edgecolor=style.VERMILION, zorder=4)
    axes.plot([6, 12], [later, later], color=style.VERMILION, linestyle="--", zorder=4)
    _published(axes, [5, 13], [fall, end])
    return float(end[0])


def concentration(tables: Tables) -> Figure:
    """Draw the cumulated share of the advertisements, from the heaviest poster down."""
    shares = _cumulated(tables["survey"])
    figure, axes = style.figure(6)
    facts = targets.targets()
    count, share = (
        style.value_and_ends(facts[f"heavy_posters_{name}"]) for name in ("count", "share")
    )
    panel, heavy = int(shares.columns.max()), int(count[0])
    axes.plot([0, panel], [0, 100], color=style.GREY, linewidth=1.5, linestyle=":")
    band(axes, 100 * shares, style.BLUE)
    _published(axes, [heavy], [100 * share], xerr=[[heavy - count[1]], [count[2] - heavy]])
    made = shares[heavy].median() if heavy in shares else np.nan
    text = "The {} heaviest of {} traders made {:.0f} % of the advertisements, TRAFFIC's {:.0f} %"
    _title(axes, text, [heavy, panel, 100 * made, 100 * share[0]])
    axes.set_xlabel("number of traders, from the heaviest poster of the panel down")
    label = "share of the panel's advertisements (%)"
    axes.set(xlim=(0, max(panel, 2 * heavy)), ylim=(0, 102), ylabel=label)
    _legend(axes, [MEDIAN, PUBLISHED, ("equal posting", style.GREY, ":")])
    return figure


def accounts_and_channels(tables: Tables) -> Figure:
    """Draw posts by channel, and traders by the state of their accounts, day by day."""
    daily = tables["daily"]
    figure, (upper, lower) = style.figure(12, 2)
    posts = _days(upper, CHANNELS, daily, SMOOTH_DAYS)
    traders = _days(lower, TRADERS, daily)
    text = (
        "Per 1,000 traders at least {:,.0f} posts a day were visible, up to {:,.0f} were withheld"
    )
    _title(upper, text, [posts["visible"].median().min(), posts["withheld"].median().max()])
    text = "Of 1,000 traders up to {:,.0f} were inactive and up to {:,.0f} had a backup account"
    peaks = [traders[f"traders_{name}"].median().max() for name in ("lying_low", "with_backup")]
    _title(lower, text, peaks)
    upper.set_ylabel(f"posts a day per 1,000 traders\n({SMOOTH_DAYS}-day centred mean, log scale)")
    lower.set_ylabel("traders per 1,000 traders\n(at the end of the day)")
    upper.set_yscale("symlog", linthresh=1.0)
    upper.set_ylim(0, max(2.0, *(1.8 * table.max().max() for table in posts.values())))
    upper.yaxis.set_major_formatter("{x:,.0f}")
    return figure


def _cumulated(survey: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the heaviest 0, 1, 2 ... traders, one row per run."""
    ads = statistics.by_trader(survey)["ads"].sort_values(ascending=False).reset_index()
    runs = ads.groupby("run")
    ads["share"] = runs["ads"].cumsum() / runs["ads"].transform("sum")
    ads["number"] = runs.cumcount() + 1
    shares = ads.pivot(index="run", columns="number", values="share").astype(float).ffill(axis=1)
    shares.insert(0, 0, 0.0)
    return shares


def _per_thousand(daily: pd.DataFrame, column: str, smooth: int = 1) -> pd.DataFrame:
    """Return a daily series per 1,000 traders present, one row per run, one column per day."""
    # Muted traders are counted as active or lying low; banned ones will open another account.
    present = daily[["traders_active", "traders_lying_low", "traders_banned"]].sum(axis=1)
    rate = 1000.0 * daily[column] / present.where(present > 0)
    table = daily[["run"]].assign(day=pd.to_datetime(daily["day"]), rate=rate)
    days = table.pivot(index="day", columns="run", values="rate")
    return days.rolling(smooth, center=True, min_periods=1).mean().T


def _published(axes: Axes, x: Sequence, points: Sequence, **across: Any) -> None:
    """Draw published values, each of (value, low, high)."""
    y, low, high = np.transpose(points)
    style.published(axes, x, y, yerr=[y - low, high - y], **across)


def _days(axes: Axes, rows: Sequence, daily: pd.DataFrame, smooth: int = 1) -> dict:
    """Draw several daily series, and return them by column."""
    tables = {name: _per_thousand(daily, name, smooth) for name, *_ in rows}
    for name, _, colour, dashes in rows:
        band(axes, tables[name], colour, dashes)
    first, last = pd.to_datetime(daily["day"]).agg(["min", "max"])
    style.date_axis(axes, first, last, "day, from")
    axes.set(xlim=(first, last + pd.Timedelta(days=1)), ylim=(0, None))
    _legend(axes, [row[1:] for row in rows], style.GREY)
    return tables


def _title(axes: Axes, text: str, numbers: list[float]) -> None:
    """Write a title with numbers of the figure, or that there are no data."""
    known = np.isfinite(numbers).all()
    axes.set_title(text.format(*numbers) if known else "No data in these runs")


def _legend(axes: Axes, rows: Sequence[tuple[str, str, Any]], colour: str = style.BLUE) -> None:
    """Write a legend below the axes, with the bands explained."""
    handles: list[Any] = []
    for label, line, dashes in rows:
        mark = "" if dashes else "D"
        handles.append(Line2D([], [], color=line, ls=dashes, marker=mark, mfc="white", label=label))
    for label, alpha in (("90 % interval", WIDE), ("middle half of the runs", WIDE + NARROW)):
        handles.append(Patch(color=colour, alpha=alpha, label=label))
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.47, -0.15), ncols=3)
