"""Figures of a comparison: effects, curves, what moved, what it cost, and how doses matter."""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from marketsim.analysis.comparison.effects import main_doses, name_of
from marketsim.reporting import text as report_text
from marketsim.reporting.figures import style
from marketsim.reporting.figures.style import (
    BLUE,
    GREY,
    Tables,
    figure,
    headline,
    interval,
    legend,
    line,
    margin,
)
from marketsim.reporting.text import number, span

COLUMNS = 3
ROW = 0.32  # inches of a row of a forest plot


def draw(folder: Path, tables: Mapping[str, pd.DataFrame], start: dt.date) -> list[Path]:
    """Draw the figures of a comparison.

    Parameters
    ----------
    folder : Path
        Where the files go.
    tables : mapping of str to DataFrame
        Those of `comparison_sums.tables`, and as `weeks` that of `comparison_sums.weekly`.
    start : datetime.date
        First day that counts.

    Returns
    -------
    list of Path
        effects.png, curves.png, displacement.png, costs.png and strengths.png.
    """
    return style.write(folder, tables, makers(start))


def makers(start: dt.date) -> dict[str, Callable[[Tables], Figure]]:
    """Return what draws each figure of the tables of `draw`, by its name."""
    return {
        "effects": effects,
        "curves": partial(curves, start=start),
        "displacement": displacement,
        "costs": costs,
        "strengths": strengths,
    }


def effects(tables: Tables) -> Figure:
    """Draw the effect on ivory sold of every scenario, under posterior and prior."""
    rows: Any = main_doses(tables["effects"])
    rows = rows[rows["outcome"] == "grams_sold"].sort_values("effect", ascending=False)
    base = rows["baseline"].iloc[0]
    made, axes = figure(1.9 + ROW * len(rows))
    ends = _ends(rows, ("percent_low", "percent_high"))
    for place, (_, row) in enumerate(rows.iterrows()):
        prior = [100.0 * row[f"prior_{end}"] / base for end in ("low", "high")]
        if np.isfinite(prior).all():
            axes.plot(np.clip(prior, *ends), [place] * 2, color=GREY, lw=5, alpha=0.45)
        three = (row["percent_low"], row["percent"], row["percent_high"])
        interval(axes, place, three, BLUE, "o", ends, hollow=row["rests_on"] == "assumption")
        margin(axes, place, number(row["percent"]), span(three[0], three[2]), BLUE)
    axes.axvline(0.0, color=GREY, lw=1)
    axes.set(yticks=range(len(rows)), yticklabels=[name_of(row) for _, row in rows.iterrows()],
             xlim=ends, xlabel="change in ivory sold against the baseline, percent")  # fmt: skip
    best = rows.iloc[-1]
    headline(made, f"Least is sold with {name_of(best)}: {number(best['percent'])} percent "
             f"({span(best['percent_low'], best['percent_high'])})")  # fmt: skip
    legend(made, [line("median and 90 % of runs", BLUE, "o"),
                  line("rests on assumption", BLUE, "o", hollow=True),
                  line("before the survey was heard (prior)", GREY, width=5)])  # fmt: skip
    return made


def _ends(rows: pd.DataFrame, columns: tuple[str, str]) -> tuple[float, float]:
    """Return round ends of an axis that shows all intervals and zero."""
    low, high = min(rows[columns[0]].min(), 0.0), max(rows[columns[1]].max(), 0.0)
    room = 0.05 * max(high - low, 1e-9)
    return low - room, high + room


def curves(tables: Tables, start: dt.date) -> Figure:
    """Draw visible posts week by week, each scenario over the baseline."""
    weeks, rows = tables["weeks"], main_doses(tables["effects"]).drop_duplicates("arm")
    base = weeks[weeks["arm"] == weeks["arm"].iloc[0]]
    lines = -(-len(rows) // COLUMNS)
    made, panels = figure(
        1.7 + 1.9 * lines, lines, min(COLUMNS, len(rows)), sharex=True, sharey=True, squeeze=False
    )
    for axes, (_, row) in zip(panels.flat, rows.iterrows(), strict=False):
        mine = weeks[weeks["arm"] == row["arm"]]
        axes.plot(base["week"], base["visible"], color=GREY, lw=1.2)
        axes.fill_between(mine["week"], mine["visible_low"], mine["visible_high"], color=BLUE,
                          alpha=0.15, lw=0)  # fmt: skip
        axes.plot(mine["week"], mine["visible"], color=BLUE, lw=1.6)
        axes.set_title(name_of(row), fontsize=style.SMALL + 1, loc="left")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in panels.flat[len(rows) :]:
        axes.set_visible(False)
    _label_below(panels, len(rows), "week of the run")
    made.supylabel(
        "posts standing in Moments,\na week per 1,000 traders",
        fontsize=style.SMALL + 2,
        linespacing=1.3,
    )
    headline(made, f"Visible posts week by week; scenarios are compared from {start} on")
    legend(made, [line("scenario: median", BLUE), line("90 % of runs", BLUE, width=6),
                  line("baseline: median", GREY)])  # fmt: skip
    return made


def displacement(tables: Tables) -> Figure:
    """Draw what left Moments beside the share of posts made in other places."""
    rows: Any = main_doses(tables["effects"]).set_index("arm")
    seen = rows[rows["outcome"] == "visible"].sort_values("percent", ascending=False)
    moved = rows[rows["outcome"] == "displaced"].loc[seen.index]
    made, (left, right) = figure(1.9 + ROW * len(seen), 1, 2, sharey=True)
    for place, arm in enumerate(seen.index):
        for axes, row, name in (
            (left, seen.loc[arm], "percent"),
            (right, moved.loc[arm], "effect"),
        ):
            three = (row[f"{name}_low"], row[name], row[f"{name}_high"])
            interval(axes, place, three, BLUE, "o")
    for axes in (left, right):
        axes.axvline(0.0, color=GREY, lw=1)
    left.set(yticks=range(len(seen)), yticklabels=[name_of(row) for _, row in seen.iterrows()],
             xlabel="posts standing in Moments,\nchange in percent")  # fmt: skip
    right.set(xlabel="share of posts on backups, in groups\nor elsewhere, change in points")
    headline(made, "What leaves Moments moves: the share posted elsewhere changes by up to "
             f"{number(moved['effect'].max())} points")  # fmt: skip
    legend(made, [line("median and 90 % of runs", BLUE, "o")])
    return made


def costs(tables: Tables) -> Figure:
    """Draw the ivory not sold against the hours that it took."""
    about = main_doses(tables["effects"]).drop_duplicates("arm")[["arm", "scenario", "strength"]]
    rows: Any = tables["costs"].merge(about, on="arm").sort_values("grams_less", ascending=False)
    made, axes = figure(5.6)
    names = []
    for number_of, (_, row) in enumerate(rows.iterrows(), start=1):
        error = [[row["grams_less"] - row["grams_less_low"]],
                 [row["grams_less_high"] - row["grams_less"]]]  # fmt: skip
        axes.errorbar(row["hours"], row["grams_less"], yerr=np.maximum(error, 0.0), fmt="o",
                      color=BLUE, elinewidth=0.8, alpha=0.8, ms=4)  # fmt: skip
        axes.annotate(str(number_of), (row["hours"], row["grams_less"]), xytext=(5, 3),
                      textcoords="offset points", fontsize=style.SMALL)  # fmt: skip
        names.append(f"{number_of} {name_of(row)}")
    axes.text(1.02, 1.0, "\n".join(names), transform=axes.transAxes, va="top",
              fontsize=style.SMALL)  # fmt: skip
    axes.axhline(0.0, color=GREY, lw=1)
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(left=min(rows["hours"].min(), 0.0) - 0.3)
    axes.set(xlabel="extra hours of moderators and police, a week per 1,000 traders (assumed)",
             ylabel="ivory not sold, g a week per 1,000 traders")  # fmt: skip
    paid = rows[rows["hours"] > 0].sort_values("grams_less_an_hour")
    text = "No scenario takes hours of moderators or police"
    if len(paid):
        most = paid.iloc[-1]
        text = f"Most ivory kept from sale by the hour: {name_of(most)}, "
        text += f"{number(most['grams_less_an_hour'])} g"
    headline(made, text)
    legend(made, [line("median and 90 % of runs", BLUE, "o")])
    return made


def strengths(tables: Tables) -> Figure:
    """Draw how the effect on ivory sold grows with doses that no source gives."""
    rows: Any = tables["effects"]
    rows = rows[rows["outcome"] == "grams_sold"]
    curved = [name for name, part in rows.groupby("scenario", sort=False) if len(part) > 1]
    lines = max(-(-len(curved) // COLUMNS), 1)
    made, panels = figure(1.4 + 1.9 * lines, lines, COLUMNS, sharey=True, squeeze=False)
    for axes, name in zip(panels.flat, curved, strict=False):
        part = rows[rows["scenario"] == name].sort_values("strength")
        axes.fill_between(part["strength"], part["percent_low"], part["percent_high"], color=BLUE,
                          alpha=0.2, lw=0)  # fmt: skip
        axes.plot(part["strength"], part["percent"], "o-", color=BLUE, ms=4)
        axes.axhline(0.0, color=GREY, lw=1)
        axes.set_title(report_text.words(name), fontsize=style.SMALL + 1, loc="left")
        axes.set_xlim(left=0)
    for axes in panels.flat[len(curved) :]:
        axes.set_visible(False)
    _label_below(panels, len(curved), "strength: doses against those written")
    made.supylabel("change in ivory sold, percent", fontsize=style.SMALL + 2)
    headline(made, f"{len(curved)} scenarios have doses without a source: curves, not points")
    legend(made, [line("median", BLUE, "o"), line("90 % of runs", BLUE, width=6)])
    return made


def _label_below(panels: np.ndarray, shown_panels: int, text: str) -> None:
    """Write the label of the axis below the lowest panel of each column."""
    for column in range(panels.shape[1]):
        lowest = [row for row in range(panels.shape[0])
                  if row * panels.shape[1] + column < shown_panels]  # fmt: skip
        if lowest:
            axes = panels[lowest[-1], column]
            axes.set_xlabel(text, fontsize=style.SMALL + 1)
            axes.tick_params(labelbottom=True)
