"""Figures of the dashboard: two scenarios together, or one trader.

Blue is the scenario, grey the reference, vermilion published values only.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from marketsim.dashboard import runs
from marketsim.reporting.figures import study as study_figures
from marketsim.reporting.figures import style
from marketsim.reporting.text import estimate
from marketsim.reporting.trade_summary import SEIZURES
from marketsim.survey.intervals import column_intervals

Weekly = Mapping[str, pd.DataFrame]

DOTS = 110  # per inch
COMPRESSION = 1  # of zlib's levels: the fastest, since the page is served on this machine
PANELS = {name: label for name, label, *_ in study_figures.CHANNELS} | {
    "grams_delivered": "ivory sold, g"
}
STATES = {
    "active": ("active", style.GREEN),
    "lying_low": ("inactive", style.ORANGE),
    "banned": ("banned, before the next account", style.PURPLE),
    "arrested": ("arrested", style.BLACK),
    "left": ("exited", style.GREY),
}


def png(make: Callable[..., Figure], *args: Any, **options: Any) -> bytes:
    """Draw a figure in the project style and return it as PNG."""
    with style.project_style():
        out = io.BytesIO()
        figure, compression = make(*args, **options), {"compress_level": COMPRESSION}
        figure.savefig(out, format="png", dpi=DOTS, pil_kwargs=compression)
    return out.getvalue()


def recovery(
    panel: pd.DataFrame,
    visible: pd.DataFrame,
    others: tuple[pd.DataFrame, pd.DataFrame] | None,
    other: str,
) -> Figure:
    """Draw the fall and the recovery of posts: as observed by a survey, and in the whole market.

    Parameters
    ----------
    panel, visible : DataFrame
        From `runs.ratios`, and the visible posts of `runs.weekly`.
    others : (DataFrame, DataFrame) or None
        The same of the reference, with the same runs.
    other : str
        Name of the reference.
    """
    figure, (upper, lower) = style.figure(8.2, 2, 1)
    upper.axhline(1.0, color=style.GREY, linewidth=1)
    if others is not None:
        _reference(upper, others[0])
    style.band(upper, panel, style.BLUE)
    study_figures.published_ratios(upper)
    style.week_axis(upper, "relative to weeks 1 to 4 (ratio)")
    upper.set_title("Advertisements observed by a survey of 58 traders", fontsize=11)
    title, label = "Visible posts in Moments, all traders", "posts per week and 1,000 traders"
    if others is not None:
        title, label = f"{title}, relative to {other} in the same run", f"% of {other}"
        visible = 100.0 * visible / others[1].where(others[1] > 0)
        lower.axhline(100.0, color=style.GREY, linewidth=1)
    _weeks(lower, visible)
    lower.axvspan(
        *pd.to_datetime(list(map(str, runs.survey_days()))), color=style.VERMILION, alpha=0.06
    )
    lower.set_title(f"{title} (shaded: the survey)", fontsize=11)
    lower.set_ylabel(label)
    style.date_axis(lower, visible.columns[0], visible.columns[-1])
    text = "In week 5 the simulated survey counted {:.0f} % of weeks 1 to 4, in week 13 {:.0f} %"
    shares = [100.0 * panel[week].median() for week in (5, 13)]
    style.headline(figure, text.format(*shares))
    survey = style.line("published (bars: interval)", style.VERMILION, "D", "", hollow=True)
    style.legend(figure, [*_legend(other if others is not None else ""), survey], 2)
    return figure


def places(weekly: Weekly, others: Weekly | None, other: str) -> Figure:
    """Draw posts by channel and ivory sales, week by week."""
    figure, grid = style.figure(8.6, 3, 2, sharex=True)
    for axes, (name, title) in zip(grid.flat, PANELS.items(), strict=True):
        if others is not None:
            _reference(axes, others[name])
        _weeks(axes, weekly[name])
        axes.set_title(title, fontsize=11)
    for axes in grid[-1]:
        weeks = weekly["visible"].columns
        style.date_axis(axes, weeks[0], weeks[-1])
    figure.supylabel("per week and 1,000 traders", fontsize=style.SMALL + 2)
    style.headline(figure, "Displacement of posts, and ivory sales: advertisements are not sales")
    style.legend(figure, _legend(other if others is not None else ""), 3)
    return figure


def seizures(mine: pd.DataFrame, others: pd.DataFrame | None, other: str) -> Figure:
    """Draw seizures by who seizes.

    Parameters
    ----------
    mine, others : DataFrame
        From `trade_summary.seizure_rows`.
    other : str
        Name of the reference.
    """
    tables = [(mine, -0.12, style.BLUE, "o")]
    lines = [style.line("scenario: simulated median and 90 % interval", style.BLUE, "o")]
    if others is not None:
        tables.append((others, 0.18, style.GREY, "s"))
        lines.append(style.line(other, style.GREY, "s"))
    figure, axes = style.figure(1.6 + 0.55 * len(SEIZURES))
    for table, shift, colour, marker in tables:
        levels = table.set_index("id").loc[list(SEIZURES), ["q05", "median", "q95"]]
        for place, three in enumerate(levels.to_numpy(float)):
            style.interval(axes, place + shift, three, colour, marker)
    axes.set(yticks=range(len(SEIZURES)), yticklabels=SEIZURES.values())
    axes.set(ylim=(len(SEIZURES) - 0.4, -0.6), xlim=(0, None))
    axes.set(xlabel="ivory seized, g per week and 1,000 traders")
    own: Any = mine.set_index("id").loc[list(SEIZURES)]
    most = own["median"].idxmax()
    amount = estimate(*own.loc[most, ["median", "q05", "q95"]])
    text = f"Largest seizures: {SEIZURES[most]}, {amount.value} g per week "
    text += f"(90 % interval: {amount.interval})"
    style.headline(figure, text if own["median"].max() > 0 else "No seizures in most runs")
    style.legend(figure, lines, 2)
    return figure


def trader(mine: pd.DataFrame, others: pd.DataFrame | None, other: str) -> Figure:
    """Draw one trader by day, from `traders.table`."""
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
            axes.step(days, others[name], where="mid", color=style.GREY, lw=1)
        axes.step(days, mine[name], where="mid", color=style.BLUE, lw=1.4)
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
    style.date_axis(grid[-1], days.min(), days.max())
    known = [state for state in STATES if state != "active" and (mine["state"] == state).any()]
    handles: list[Any] = [style.line("scenario", style.BLUE)]
    if others is not None:
        handles.append(style.line(f"{other}, common random numbers", style.GREY))
    handles += [Patch(color=STATES[s][1], alpha=0.25, label=STATES[s][0]) for s in known]
    style.headline(figure, "One trader by day (shaded: not posting in Moments)")
    style.legend(figure, handles, 3)
    return figure


def _reference(axes: Axes, table: pd.DataFrame) -> None:
    """Draw median and 90 % interval of the reference, below what is drawn later."""
    levels = column_intervals(table)
    axes.plot(table.columns, levels.loc["median"], color=style.GREY, lw=1.6, ls="--")
    for end in ("q05", "q95"):
        axes.plot(table.columns, levels.loc[end], color=style.GREY, lw=0.8, ls=":")


def _weeks(axes: Axes, table: pd.DataFrame) -> None:
    """Draw median and 90 % interval of the scenario along the weeks."""
    style.band(axes, table, style.BLUE, middle_half=False)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:,.0f}")


def _legend(reference: str) -> list[Any]:
    out: list[Any] = [
        style.line("scenario: simulated median", style.BLUE),
        Patch(color=style.BLUE, alpha=style.NARROW, label="scenario: 90 % interval"),
    ]
    if reference:
        label = f"{reference}: simulated median (dots: 90 % interval)"
        out.append(style.line(label, style.GREY, dashes="--"))
    return out
