"""Figures of a sensitivity analysis: Morris screening and Sobol indices."""

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from marketsim.analysis.sensitivity.experiment import EFFECT
from marketsim.reporting.figures import style
from marketsim.reporting.text import OUTCOMES, number

COLUMNS = 4
ROW = 0.25  # inches per parameter
SHOWN = 14  # parameters of a screening, unless more are kept
ENDS = (-0.25, 1.25)  # of the axis of Sobol indices
UNKNOWN = -0.15  # where a cross marks an index that is not determined: no share
SHIFT = 0.17  # of a row, between first-order and total indices


def morris(tables: style.Tables, effects: bool) -> Figure:
    """Draw the elementary effects of each parameter on outcomes or on the scenario's effects."""
    names = _outcomes(tables, effects)
    screening = tables["screening"]
    kept = int(screening["kept"].sum())
    rows = screening["parameter"].head(max(SHOWN, kept)).tolist()
    figure, panels = _panels(names, rows)
    facts = _facts(tables, "morris")
    for axes, name in zip(panels, names, strict=False):
        found = _of(tables["morris"], name).loc[rows]
        for place, (_, row) in enumerate(found.iterrows()):
            middle, half = float(row["mu_star"]), float(row["mu_star_conf"])
            three = (max(middle - half, 0.0), middle, middle + half)
            axes.plot(row["sigma"], place, "D", color=style.ORANGE, mfc="white", ms=4)
            style.interval(axes, place, three, style.BLUE, "o")
        if kept < len(rows):
            axes.axhline(kept - 0.5, color=style.GREY, lw=1, ls=":")
        axes.set_xlim(left=0)
        axes.set_xlabel(fill(str(facts.loc[name, "unit"]), 19), fontsize=style.SMALL)
    share = 100 * screening["share"].head(kept).sum()
    text = (
        f"The {kept} of {len(screening)} parameters kept account for {share:.0f} % of all changes"
    )
    style.headline(figure, text)
    handles = [
        style.line("mean elementary effect over the prior (mu*, 95 % interval)", style.BLUE, "o"),
        style.line(
            "standard deviation of elementary effects (sigma)", style.ORANGE, "D", "", hollow=True
        ),
    ]
    if kept < len(rows):
        handles.append(style.line("parameters above are kept", style.GREY, dashes=":"))
    style.legend(figure, handles, 2, style.SMALL)
    return figure


def sobol(tables: style.Tables, effects: bool) -> Figure:
    """Draw the Sobol indices of each parameter for the outcomes, or for the scenario's effects."""
    names = _outcomes(tables, effects)
    rows = list(dict.fromkeys(tables["sobol"]["parameter"]))
    figure, panels = _panels(names, rows)
    facts, unknown = _facts(tables, "sobol"), False
    for axes, name in zip(panels, names, strict=False):
        found = _of(tables["sobol"], name).loc[rows]
        stochastic = float(facts.loc[name, "stochastic_share_of_means"])
        if np.isfinite(stochastic):
            axes.axvspan(0.0, stochastic, color=style.GREY, alpha=0.25, lw=0)
        for place, (_, row) in enumerate(found.iterrows()):
            for kind, colour, marker, shift in (
                ("first", style.BLUE, "o", -SHIFT),
                ("total", style.ORANGE, "s", SHIFT),
            ):
                middle, half = float(row[kind]), float(row[f"{kind}_conf"])
                if np.isnan(middle):
                    axes.plot(UNKNOWN, place + shift, "x", color=colour, ms=4)
                    unknown = True
                    continue
                three = (middle - half, middle, middle + half)
                style.interval(axes, place + shift, three, colour, marker, ENDS, kind == "total")
        axes.axvline(0.0, color=style.GREY, lw=1)
        axes.set_xlim(*ENDS)
        axes.set_xlabel("share of the variance", fontsize=style.SMALL)
    sold = next((name for name in names if name.endswith("grams_delivered")), names[0])
    style.headline(figure, _most(_of(tables["sobol"], sold), facts.loc[sold], sold))
    handles = [
        style.line("first-order index (95 % interval)", style.BLUE, "o"),
        style.line("total index (95 % interval)", style.ORANGE, "s", hollow=True),
        Patch(color=style.GREY, alpha=0.25, label="stochastic share"),
    ]
    if unknown:
        handles.append(style.line("not determined by the samples", style.GREY, "x", ""))
    style.legend(figure, handles, 3, style.SMALL)
    return figure


def _most(found: Any, facts: Any, name: str) -> str:
    """Return a sentence on the parameter with the largest total index."""
    total = found["total"].dropna()
    if total.empty and np.isnan(facts["stochastic_share"]):
        return f"{_subject(name)} does not vary"
    if total.empty:
        return f"{_subject(name)}: the samples determine no total index"
    most = str(total.idxmax())
    middle, half = found.loc[most, ["total", "total_conf"]].to_numpy(float)
    text = f"{_subject(name)} depends most on {_label(most)}: total index "
    return text + f"{middle:.2f} (95 % interval: {middle - half:.2f} to {middle + half:.2f})"


def _subject(name: str) -> str:
    return f"The effect on {_title(name)}" if name.startswith(EFFECT) else _title(name).capitalize()


def _panels(names: list[str], rows: list[str]) -> tuple[Figure, list[Axes]]:
    """Return one panel per outcome, with the parameters as rows."""
    lines = -(-len(names) // COLUMNS)
    figure, grid = style.figure(
        1.3 + lines * (1.1 + ROW * len(rows)), lines, COLUMNS, sharey=True, squeeze=False
    )
    panels = list(grid.flat)
    for axes in panels[len(names) :]:
        axes.remove()
    for axes, name in zip(panels, names, strict=False):
        axes.set_title(_title(name), fontsize=style.SMALL + 1)
        axes.set_yticks(range(len(rows)), [_label(row) for row in rows])
        axes.tick_params(labelsize=style.SMALL)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    return figure, panels


def _outcomes(tables: style.Tables, effects: bool) -> list[str]:
    names = dict.fromkeys(map(str, tables["outcomes"]["outcome"]))
    return [name for name in names if name.startswith(EFFECT) == effects]


def _of(table: pd.DataFrame, outcome: str) -> Any:
    return table[table["outcome"] == outcome].set_index("parameter")


def _facts(tables: style.Tables, stage: str) -> Any:
    facts = tables["outcomes"]
    return facts[facts["stage"] == stage].set_index("outcome")


def _title(name: str) -> str:
    return OUTCOMES[name.removeprefix(EFFECT)]


def _label(parameter: str) -> str:
    """Return a parameter in plain words, with its group."""
    return parameter.replace(".", ": ").replace("_", " ")
