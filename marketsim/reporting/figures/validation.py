"""The figures of predictions held against the survey, drawn from their tables alone."""

from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator

from marketsim.analysis.inference import cross_validation
from marketsim.reporting import text as report_text
from marketsim.reporting.figures import style as figure_style
from marketsim.reporting.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    NARROW,
    ORANGE,
    PURPLE,
    VERMILION,
)

FARTHEST = 4.0  # half-widths shown of a prediction
TOLERANCE = 0.05  # of its final value, within which a variation has settled
# colour and marker
ROLES = {"target": (BLUE, "o"), "validation": (GREEN, "s")}
MODELS = {
    "marketsim": (BLUE, "o"),
    "interrupted_time_series": (ORANGE, "s"),
    "constant_mean": (GREY, "^"),
}
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, BLACK, figure_style.SKY)
LINES = [(colour, style) for style in ("-", "--", ":") for colour in COLOURS]  # and line style


def draw(folder: Path, tables: figure_style.Tables) -> list[Path]:
    """Write `predictive.png`, `leave_one_out.png` and `replicates.png`.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    tables : mapping of str to DataFrame
        `predictive`, with the columns of `metrics.fit`; `leave_one_out` from `validation`; and
        `replicates`: id, runs, and variation, the coefficient of variation over the first runs.

    Returns
    -------
    list of Path
        The files written.
    """
    makers = {
        "predictive": _predictive,
        "leave_one_out": _leave_one_out,
        "replicates": _replicates,
    }
    return figure_style.write(folder, tables, makers)


def _predictive(tables: figure_style.Tables) -> Figure:
    """Draw predictions beside the evidence, in half-widths; the figures are in the margin."""
    table = tables["predictive"].sort_values("role", kind="stable")
    figure, axes = figure_style.figure(0.5 * len(table) + 2.3)
    columns = ("low", "observed", "high", "sim_low", "simulated", "sim_high")
    off = np.column_stack([_half_widths(table, name) for name in columns])
    for place, (row, (low, value, high, *three)) in enumerate(
        zip(table.to_dict("records"), off, strict=True)
    ):
        above, below, (colour, marker) = place - 0.17, place + 0.17, ROLES[row["role"]]
        axes.barh(place, high - low, 0.7, low, color=VERMILION, alpha=NARROW, lw=0)
        axes.plot(value, above, "D", color=VERMILION, mfc="white")
        ends, hollow = (-FARTHEST, FARTHEST), not row["within"]
        figure_style.interval(axes, below, three, colour, marker, ends, hollow)
        published = report_text.number(row["observed"]) if pd.notna(row["observed"]) else ""
        figure_style.margin(
            axes, above, published, report_text.span(row["low"], row["high"]), VERMILION
        )
        simulated = report_text.number(row["simulated"])
        figure_style.margin(
            axes, below, simulated, report_text.span(row["sim_low"], row["sim_high"]), colour
        )
    figure_style.margin(axes, -0.95, "published", "interval", VERMILION)
    figure_style.margin(axes, -0.65, "simulated", "90 %", BLACK)
    labels = [fill(report_text.LABELS.get(name, name), 30) for name in table["id"]]
    axes.set_yticks(range(len(table)), labels, fontsize=figure_style.SMALL)
    axes.axvline(0.0, color=GREY, lw=1, zorder=1)
    axes.set(xlim=(-FARTHEST, FARTHEST), ylim=(len(table) - 0.5, -0.5))
    axes.set_xlabel("distance from the published value\n(half-widths of the evidence interval)")
    parts = [f"{own.sum()} of {len(own)} {role}" for role, own in table.groupby("role")["within"]]
    text = f"Simulated medians lie inside the evidence interval for {' and '.join(parts)} rows"
    figure_style.headline(figure, text)
    handles = [
        figure_style.line(f"simulated median and 90 %, {role}", *ROLES[role]) for role in ROLES
    ]
    handles.append(figure_style.line("simulated median outside", GREY, "o", hollow=True))
    figure_style.legend(figure, [*handles, *figure_style.survey()])
    return figure


def _half_widths(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return how far a column is from the published values, or from the middles without one.

    A half-width is that of the side; where the interval has one side, of that.
    """
    low, high, value, seen = (table[c].to_numpy(float) for c in ("low", "high", "observed", column))
    middle = np.where(np.isnan(value), (low + high) / 2.0, value)
    above, below, off = high - middle, middle - low, seen - middle
    above, below = np.where(above > 0, above, below), np.where(below > 0, below, above)
    return off / np.where(off > 0, above, below)


def _leave_one_out(tables: figure_style.Tables) -> Figure:
    """Draw what each model says of the row it was not shown, and mean scores below."""
    table = tables["leave_one_out"]
    ids, means = list(table["id"].unique()), cross_validation.summary(table)["mean_crps"]
    models = [model for model in MODELS if model in means.index]
    figure, (axes, lower) = figure_style.figure(
        0.85 * len(ids) + 4.0, 2, 1, height_ratios=[len(ids), 1.6]
    )
    end = min(1.05 * table["high"].max(), 2.0 * table["observed"].max())
    for row in table.to_dict("records"):
        place, value, (colour, marker) = ids.index(row["id"]), row["observed"], MODELS[row["model"]]
        axes.vlines(value, place - 0.4, place + 0.4, color=VERMILION, zorder=1)
        axes.plot(value, place - 0.3, "D", color=VERMILION, mfc="white")
        at = place + 0.2 * models.index(row["model"]) - 0.1
        three = (row["low"], row["median"], row["high"])
        figure_style.interval(axes, at, three, colour, marker, (0.0, end))
        figure_style.margin(axes, at, f"{row['crps']:,.0f}", "", BLACK)
    figure_style.margin(axes, -0.5, "CRPS", "", BLACK)
    axes.set_yticks(range(len(ids)), [_weeks(name) for name in ids])
    axes.set(xlim=(0.0, end), ylim=(len(ids) - 0.4, -0.6), ylabel="weeks left out")
    axes.set_xlabel("advertisements a week (three regular surveys)")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    bars = lower.barh(range(len(models)), means[models], color=[MODELS[one][0] for one in models])
    lower.bar_label(bars, [f"{mean:,.0f}" for mean in means[models]], padding=4)
    lower.set_yticks(range(len(models)), [fill(report_text.words(one), 12) for one in models])
    lower.set(ylim=(len(models) - 0.5, -0.5), xlim=(0.0, 1.1 * means.max()))
    lower.set_xlabel("mean CRPS (advertisements a week; the smaller the better)")
    named = ", ".join(f"{report_text.words(one)} {means[one]:,.0f}" for one in models)
    figure_style.headline(figure, f"Mean CRPS of the weeks left out: {named}")
    figure_style.legend(
        figure,
        [
            *(figure_style.line(report_text.words(one), *MODELS[one]) for one in models),
            figure_style.survey()[1],
        ],
        4,
    )
    return figure


def _weeks(name: str) -> str:
    first, last = cross_validation.WEEKS[name]
    return f"week {first}" if first == last else f"weeks {first} to {last}"


def _replicates(tables: figure_style.Tables) -> Figure:
    """Draw how variations settle over runs; a statistic that does not vary has no line."""
    table = tables["replicates"]
    wide = table.pivot(index="runs", columns="id", values="variation")[table["id"].unique()]
    final = wide.iloc[-1]
    ratio = wide.loc[:, final > 0.0] / final[final > 0.0]
    figure, axes = figure_style.figure(7.5)
    axes.axhspan(1.0 - TOLERANCE, 1.0 + TOLERANCE, color=GREY, alpha=NARROW, lw=0)
    text = f"within {100 * TOLERANCE:.0f} % of the variation over all runs (in brackets)"
    handles: list[Any] = [Patch(color=GREY, alpha=NARROW, label=text)]
    for name, (colour, style) in zip(map(str, ratio), cycle(LINES)):
        axes.plot(ratio.index, ratio[name], color=colour, linestyle=style, linewidth=1.2)
        label = f"{report_text.LABELS.get(name, name)} ({100 * final[name]:.0f} %)"
        handles.append(figure_style.line(label, colour, style=style))
    axes.set(xscale="log", ylim=(0.0, 2.0), xlim=(ratio.index[0], ratio.index[-1]))
    axes.xaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), minor_locator=NullLocator())
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("number of runs, counted from the first (log scale)")
    axes.set_ylabel("coefficient of variation over the first runs,\nover that of all runs (ratio)")
    figure_style.headline(figure, _settled(ratio))
    figure_style.legend(figure, handles, 2, figure_style.SMALL)
    return figure


def _settled(ratio: pd.DataFrame) -> str:
    """Say from how many runs on every variation stays within the tolerance."""
    if ratio.empty:
        return "No statistic varies over these runs"
    outside = ~((ratio - 1.0).abs() <= TOLERANCE).all(axis=1).to_numpy()
    first = int(np.flatnonzero(outside).max(initial=-1)) + 1
    within = f"within {100 * TOLERANCE:.0f} % of its final value"
    if first == len(ratio) - 1:
        return f"Not every variation stays {within} before all {ratio.index[-1]:,} runs are in"
    return f"From {ratio.index[first]:,} runs on the variation of every statistic stays {within}"
