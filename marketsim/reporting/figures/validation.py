"""Figures of a validation: predictive check, and number of runs."""

from itertools import cycle
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator

from marketsim.reporting import text as report_text
from marketsim.reporting.figures import style
from marketsim.reporting.figures.style import Tables
from marketsim.survey.fit import count_unusual, is_unusual

FARTHEST = 4.0  # half-widths of the axis
TOLERANCE = 0.05  # relative to the final value of a coefficient of variation
# colour and marker
ROLES = {"target": (style.BLUE, "o"), "validation": (style.GREEN, "s")}
COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.BLACK, style.SKY)
DASHES = ("-", "--", ":", "-.", (0, (8, 2)), (0, (1, 4)), (0, (6, 2, 1, 2, 1, 2)))
LINES = [(colour, dashes) for dashes in DASHES for colour in COLOURS]


def predictive(tables: Tables) -> Figure:
    """Draw predictions beside the evidence, in half-widths, with values in the margin."""
    table = tables["predictive"].sort_values("role", kind="stable")
    figure, axes = style.figure(0.5 * len(table) + 2.3)
    columns = ("obs_low", "observed", "obs_high", "q05", "median", "q95")
    off = np.column_stack([_half_widths(table, name) for name in columns])
    off[:, [0, 2]] = np.clip(off[:, [0, 2]], -FARTHEST, FARTHEST)
    for place, (row, hollow, (low, value, high, *three)) in enumerate(
        zip(table.to_dict("records"), is_unusual(table), off, strict=True)
    ):
        above, below, (colour, marker) = place - 0.17, place + 0.17, ROLES[row["role"]]
        axes.barh(place, high - low, 0.7, low, color=style.VERMILION, alpha=style.NARROW, lw=0)
        axes.plot(value, above, "D", color=style.VERMILION, mfc="white")
        style.interval(axes, below, three, colour, marker, (-FARTHEST, FARTHEST), hollow)
        style.margin(axes, above, report_text.published(row), style.VERMILION)
        simulated = report_text.estimate(row["median"], row["q05"], row["q95"])
        tail = report_text.p_value(row["p_value"])
        style.margin(axes, below, f"{simulated}; p {tail}" if tail else str(simulated), colour)
    style.margin(axes, -0.95, "published [interval]", style.VERMILION)
    style.margin(axes, -0.65, "simulated [90 %]; p-value", style.BLACK)
    labels = [fill(report_text.LABELS.get(name, name), 30) for name in table["id"]]
    axes.set_yticks(range(len(table)), labels, fontsize=style.SMALL)
    axes.axvline(0.0, color=style.GREY, lw=1, zorder=1)
    axes.set(xlim=(-FARTHEST, FARTHEST), ylim=(len(table) - 0.5, -0.5))
    axes.set_xlabel("difference from the published value\n(half-widths of the evidence interval)")
    counted = count_unusual(table)
    parts = [f"{row.unusual:.0f} of {row.rows:.0f} {row.Index}" for row in counted.itertuples()]
    expected = " and ".join(f"{number:.1f}" for number in counted["expected"])
    text = (
        f"Unusual for the model: {' and '.join(parts)} rows (of a correct one at most {expected})"
    )
    style.headline(figure, text)
    handles = [
        style.line(f"simulated median and 90 % interval, {role}", *ROLES[role]) for role in ROLES
    ]
    handles.append(style.line(style.UNUSUAL, style.GREY, "o", hollow=True))
    style.legend(figure, [*handles, *style.survey()], 2)
    return figure


def _half_widths(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return the difference of a column from the published values, in half-widths.

    The half-width is that of the same side, or of the other if the interval has one side. Without
    a published value the middle of the interval is the reference. A one-sided row has no width: the
    reference is its bound, the half-width is that of the simulated interval, and the other end is
    infinite.
    """
    low, high, value, given = (
        table[c].to_numpy(float) for c in ("obs_low", "obs_high", "observed", column)
    )
    bound = np.where(np.isnan(low), high, low)
    is_open = np.isnan(low) != np.isnan(high)
    middle = np.where(np.isnan(value), np.where(is_open, bound, (low + high) / 2.0), value)
    above, below, off = high - middle, middle - low, given - middle
    above, below = np.where(above > 0, above, below), np.where(below > 0, below, above)
    simulated = (table["q95"] - table["q05"]).to_numpy(float) / 2.0
    half = np.where(is_open, simulated, np.where(off > 0, above, below))
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(off == 0.0, 0.0, off / half)
    if column in ("obs_low", "obs_high"):
        end = -np.inf if column == "obs_low" else np.inf
        off = np.where(is_open & np.isnan(given), end, off)
    return off


def replicates(tables: Tables) -> Figure:
    """Draw the convergence of coefficients of variation over runs, where there is variation."""
    table = tables["replicates"]
    wide = table.pivot(index="runs", columns="id", values="variation")[table["id"].unique()]
    final = wide.iloc[-1]
    ratio = wide.loc[:, final > 0.0] / final[final > 0.0]
    figure, axes = style.figure(7.5)
    axes.axhspan(1.0 - TOLERANCE, 1.0 + TOLERANCE, color=style.GREY, alpha=style.NARROW, lw=0)
    text = f"within {100 * TOLERANCE:.0f} % of the value over all runs (in brackets)"
    handles: list[Any] = [Patch(color=style.GREY, alpha=style.NARROW, label=text)]
    for name, (colour, dashes) in zip(map(str, ratio), cycle(LINES)):
        axes.plot(ratio.index, ratio[name], color=colour, linestyle=dashes, linewidth=1.2)
        label = f"{report_text.LABELS.get(name, name)} ({100 * final[name]:.0f} %)"
        handles.append(style.line(label, colour, dashes=dashes))
    axes.set(xscale="log", ylim=(0.0, 2.0), xlim=(ratio.index[0], ratio.index[-1]))
    axes.xaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), minor_locator=NullLocator())
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("number of runs, counted from the first (log scale)")
    axes.set_ylabel("coefficient of variation over the first runs,\nover that of all runs (ratio)")
    style.headline(figure, _settled(ratio))
    style.legend(figure, handles, 2, style.SMALL)
    return figure


def _settled(ratio: pd.DataFrame) -> str:
    """Return a sentence on the number of runs after which all coefficients have converged."""
    if ratio.empty:
        return "No statistic varies between these runs"
    outside = ~((ratio - 1.0).abs() <= TOLERANCE).all(axis=1).to_numpy()
    first = int(np.flatnonzero(outside).max(initial=-1)) + 1
    within = f"within {100 * TOLERANCE:.0f} % of its final value"
    if first == len(ratio) - 1:
        return f"Not every coefficient of variation is {within} before run {ratio.index[-1]:,}"
    return f"From {ratio.index[first]:,} runs on every coefficient of variation is {within}"
