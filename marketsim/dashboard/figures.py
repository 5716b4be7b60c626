"""The figures of the page that show two scenarios together, or one trader.

Blue is the scenario, grey the reference, vermilion the survey's alone.
"""

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from marketsim.dashboard import runs
from marketsim.reporting.figures import study as study_figures
from marketsim.reporting.figures import style
from marketsim.reporting.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    NARROW,
    ORANGE,
    PURPLE,
    STYLE,
    VERMILION,
)
from marketsim.reporting.text import number
from marketsim.survey.intervals import column_intervals

Weekly = Mapping[str, pd.DataFrame]

DOTS = 110  # an inch
QUICK = 1  # of zlib's levels: the page is on this machine, and somebody waits
PANELS = {
    "visible": "Posts standing in Moments",
    "backup": "Posts on backup accounts",
    "groups": "Posts in groups and private messages",
    "elsewhere": "Posts on other platforms",
    "withheld": "Posts meant and made nowhere",
    "grams_sold": "Ivory sold, g",
}
SEIZED = {
    "border_seizures": "customs at the border",
    "parcels_seized": "couriers, in parcels",
    "arrests": "police, from arrested traders",
    "processors_raided": "police, in workshops",
    "suppliers_raided": "police, from suppliers",
}
STATES = {
    "active": ("active", GREEN),
    "lying_low": ("lying low", ORANGE),
    "banned": ("banned, between two accounts", PURPLE),
    "arrested": ("arrested", BLACK),
    "left": ("left the trade", GREY),
}
_drawing = threading.Lock()  # matplotlib's style is shared by all who look at the page


def png(make: Callable[..., Figure], *of: Any) -> bytes:
    """Return a figure as a picture, drawn in the style of the house."""
    with _drawing, matplotlib.rc_context(STYLE):
        out = io.BytesIO()
        make(*of).savefig(out, format="png", dpi=DOTS, pil_kwargs={"compress_level": QUICK})
    return out.getvalue()


def recovery(
    panel: pd.DataFrame,
    visible: pd.DataFrame,
    others: tuple[pd.DataFrame, pd.DataFrame] | None,
    other: str,
) -> Figure:
    """Draw how posts fall and come back: as a survey sees it, and in the whole market.

    Parameters
    ----------
    panel, visible : DataFrame
        From `runs.ratios`, and the visible posts of `runs.weekly`.
    others : (DataFrame, DataFrame) or None
        The same of what it is compared with; the same runs.
    other : str
        What that is called.
    """
    figure, (upper, lower) = style.figure(8.2, 2, 1)
    upper.axhline(1.0, color=GREY, linewidth=1)
    if others is not None:
        _over(upper, others[0])
    style.band(upper, panel, BLUE)
    study_figures.published_ratios(upper)
    style.week_axis(upper, "over the mean of weeks 1 to 4 (ratio)")
    upper.set_title("Advertisements that a survey of 58 traders sees", fontsize=11)
    title, label = "Posts standing in Moments, all traders", "posts a week per 1,000 traders"
    if others is not None:
        title, label = f"{title}, against {other} in the same run", f"% of {other}"
        visible = 100.0 * visible / others[1].where(others[1] > 0)
        lower.axhline(100.0, color=GREY, linewidth=1)
    _weeks(lower, visible, BLUE)
    lower.axvspan(*pd.to_datetime(list(map(str, runs.survey_days()))), color=VERMILION, alpha=0.06)
    lower.set_title(f"{title} (shaded: the survey)", fontsize=11)
    lower.set_ylabel(label)
    _dates(lower, visible.columns)
    text = "In week 5 a panel stands at {} % of its first weeks, in week 13 at {} %"
    shares = [number(100.0 * panel[week].median()) for week in (5, 13)]
    style.headline(figure, text.format(*shares))
    survey = style.line("TRAFFIC's survey (bars: interval)", VERMILION, "D", "", hollow=True)
    style.legend(figure, [*_legend(other if others is not None else ""), survey], 2)
    return figure


def places(weekly: Weekly, others: Weekly | None, other: str) -> Figure:
    """Draw week by week where posts went, and how much ivory was sold."""
    figure, grid = style.figure(8.6, 3, 2, sharex=True)
    for axes, (name, title) in zip(grid.flat, PANELS.items(), strict=True):
        if others is not None:
            _over(axes, others[name])
        _weeks(axes, weekly[name], BLUE)
        axes.set_title(title, fontsize=11)
    for axes in grid[-1]:
        _dates(axes, weekly["visible"].columns)
    figure.supylabel("a week per 1,000 traders", fontsize=style.SMALL + 2)
    style.headline(figure, "Where posts went, and what was sold: what is seen is not what is sold")
    style.legend(figure, _legend(other if others is not None else ""), 3)
    return figure


def seizures(mine: pd.DataFrame, others: pd.DataFrame | None, other: str) -> Figure:
    """Draw who seized how much.

    Parameters
    ----------
    mine, others : DataFrame
        From `seized`.
    other : str
        What `others` are called.
    """
    figure, axes = style.figure(1.6 + 0.55 * len(mine))
    for place, (_, row) in enumerate(mine.iterrows()):
        three = row[["low", "median", "high"]].to_numpy(float)
        style.interval(axes, place - 0.12, three, BLUE, "o")
        if others is not None:
            three = others.iloc[place][["low", "median", "high"]].to_numpy(float)
            style.interval(axes, place + 0.18, three, GREY, "s")
    axes.set(yticks=range(len(mine)), yticklabels=mine["by"], ylim=(len(mine) - 0.4, -0.6))
    axes.set(xlabel="ivory seized, g a week per 1,000 traders", xlim=(0, None))
    most = mine.iloc[int(mine["median"].to_numpy().argmax())]
    text = f"Most is seized by {most['by']}: {number(most['median'])} g a week"
    style.headline(figure, text if most["median"] > 0 else "Hardly anything is seized")
    lines = [style.line("scenario: median and 90 % of runs", BLUE, "o")]
    if others is not None:
        lines.append(style.line(f"{other}: the same", GREY, "s"))
    style.legend(figure, lines, 2)
    return figure


def seized(tables: Mapping[str, pd.DataFrame], retailers: int) -> pd.DataFrame:
    """Return who seized how much: columns by, unit, median, low and high over the runs."""
    weeks = tables["daily"].groupby("run")["day"].nunique() / 7.0
    rows = tables["enforcement"].astype({"kind": str})
    sums = rows.groupby(["run", "kind"])["grams"].sum().unstack("kind")
    grams = sums.reindex(index=weeks.index, columns=list(SEIZED)).astype(float).fillna(0.0)
    found = runs.levels(grams.div(weeks, axis=0) * 1000.0 / retailers)
    about = {"by": list(SEIZED.values()), "unit": "g a week per 1,000 traders"}
    return pd.DataFrame(about, found.index).join(found).reset_index(drop=True)


def trader(mine: pd.DataFrame, others: pd.DataFrame | None, other: str) -> Figure:
    """Draw one trader day by day, from `traders.table`."""
    figure, grid = style.figure(8.4, 4, 1, sharex=True)
    days = pd.to_datetime(mine["day"])
    labels = {
        "posts_visible": "posts in Moments",
        "perceived_risk": "perceived risk, 0 to 1",
        "stock_g": "ivory in stock, g",
        "money_cny": "money, CNY",
    }
    for axes, (name, label) in zip(grid, labels.items(), strict=True):
        if others is not None:
            axes.step(days, others[name], where="mid", color=GREY, lw=1)
        axes.step(days, mine[name], where="mid", color=BLUE, lw=1.4)
        axes.set_title(label, fontsize=11)
        for state, (_, colour) in STATES.items():
            spells = (mine["state"] == state).to_numpy()
            if state != "active" and spells.any():
                across = axes.get_xaxis_transform()
                axes.fill_between(days, 0, 1, where=spells, step="mid", color=colour, alpha=0.25,
                                  lw=0, transform=across)  # fmt: skip
    low = float(mine[["stock_g", "money_cny"]].min().min())
    for axes in grid if low >= 0 else grid[:3]:
        axes.set_ylim(bottom=0)
    _dates(grid[-1], days)
    seen = [state for state in STATES if state != "active" and (mine["state"] == state).any()]
    handles: list[Any] = [style.line("scenario", BLUE)]
    if others is not None:
        handles.append(style.line(f"{other}, the same luck", GREY))
    handles += [Patch(color=STATES[s][1], alpha=0.25, label=STATES[s][0]) for s in seen]
    style.headline(figure, "One trader, day by day (shaded: what keeps them from Moments)")
    style.legend(figure, handles, 3)
    return figure


def _over(axes: Axes, table: pd.DataFrame) -> None:
    """Draw median and 90 % of the reference, below what comes after."""
    median, low, high = column_intervals(table).to_numpy()
    axes.plot(table.columns, median, color=GREY, lw=1.6, ls="--")
    for end in (low, high):
        axes.plot(table.columns, end, color=GREY, lw=0.8, ls=":")


def _weeks(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    """Draw median and 90 % over runs along the weeks."""
    median, low, high = column_intervals(table).to_numpy()
    axes.fill_between(table.columns, low, high, color=colour, alpha=NARROW, lw=0)
    axes.plot(table.columns, median, color=colour, lw=2)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")


def _dates(axes: Axes, days: Sequence[Any] | pd.Index | pd.Series) -> None:
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    first, last = np.min(days), np.max(days)
    axes.set_xlim(first, last)
    axes.set_xlabel(f"from {first:%Y-%m-%d} to {last:%Y-%m-%d}")


def _legend(other: str) -> list[Any]:
    out: list[Any] = [
        style.line("scenario: median", BLUE),
        Patch(color=BLUE, alpha=NARROW, label="scenario: 90 % of runs"),
    ]
    if other:
        out.append(style.line(f"{other}: median (dots: 90 %)", GREY, style="--"))
    return out
