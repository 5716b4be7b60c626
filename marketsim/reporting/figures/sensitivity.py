"""The figures of a study of sensitivity, drawn from its tables alone: Morris and Sobol."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from marketsim.analysis.sensitivity.experiment import EFFECT
from marketsim.reporting import text as report_text
from marketsim.reporting.figures import style
from marketsim.reporting.figures.style import BLUE, GREY, ORANGE

COLUMNS = 4
ROW = 0.25  # inches of a parameter in a panel
SHOWN = 14  # parameters of a screening, or all that are kept
ENDS = (-0.25, 1.25)  # of the axis of Sobol indices
SHIFT = 0.17  # of a row, between indices of first and total order
TITLES = {
    "visible": "posts in Moments",
    "displaced": "posts made elsewhere",
    "grams_sold": "ivory sold",
    "revenue": "revenue",
    "price": "price",
    "seized": "ivory seized",
    "elephants": "elephants",
}


def draw(folder: Path, tables: style.Tables) -> list[Path]:
    """Write `morris_levels.png` and `sobol_levels.png`; of a scenario also the same of effects.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    tables : mapping of str to DataFrame
        `morris`, `screening`, `sobol` and `outcomes` as a study of sensitivity writes them.

    Returns
    -------
    list of Path
        The files written.
    """
    outcomes = list(dict.fromkeys(tables["outcomes"]["outcome"]))
    effects = [name for name in outcomes if name.startswith(EFFECT)]
    asked = {"levels": [name for name in outcomes if name not in effects], "effects": effects}
    makers: dict[str, Callable[[style.Tables], Figure]] = {}
    for what, names in asked.items():
        if names:
            makers[f"morris_{what}"] = partial(_morris, names=names)
            makers[f"sobol_{what}"] = partial(_sobol, names=names)
    return style.write(folder, tables, makers)


def _morris(tables: style.Tables, names: list[str]) -> Figure:
    """Draw how much outcomes change as each parameter crosses its prior, and how unevenly."""
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
            axes.plot(row["sigma"], place, "D", color=ORANGE, mfc="white", ms=4)
            style.interval(axes, place, three, BLUE, "o")
        if kept < len(rows):
            axes.axhline(kept - 0.5, color=GREY, lw=1, ls=":")
        axes.set_xlim(left=0)
        axes.set_xlabel(fill(str(facts.loc[name, "unit"]), 19), fontsize=style.SMALL)
    share = 100 * screening["share"].head(kept).sum()
    text = (
        f"The {kept} of {len(screening)} parameters that are kept make {share:.0f} % of all changes"
    )
    style.headline(figure, text)
    handles = [
        style.line("mean change over a whole prior (mu*, 95 % interval)", BLUE, "o"),
        style.line("how it differs from place to place (sigma)", ORANGE, "D", "", hollow=True),
    ]
    if kept < len(rows):
        handles.append(style.line("kept are those above", GREY, style=":"))
    style.legend(figure, handles, 2, style.SMALL)
    return figure


def _sobol(tables: style.Tables, names: list[str]) -> Figure:
    """Draw the shares of the variance that parameters have, alone and with all others."""
    rows = list(dict.fromkeys(tables["sobol"]["parameter"]))
    figure, panels = _panels(names, rows)
    facts = _facts(tables, "sobol")
    for axes, name in zip(panels, names, strict=False):
        found = _of(tables["sobol"], name).loc[rows]
        luck = float(facts.loc[name, "luck_of_means"])
        if np.isfinite(luck):
            axes.axvspan(0.0, luck, color=GREY, alpha=0.25, lw=0)
        for place, (_, row) in enumerate(found.iterrows()):
            for kind, colour, marker, shift in (
                ("first", BLUE, "o", -SHIFT),
                ("total", ORANGE, "s", SHIFT),
            ):
                middle, half = float(row[kind]), float(row[f"{kind}_conf"])
                three = (middle - half, middle, middle + half)
                style.interval(axes, place + shift, three, colour, marker, ENDS, kind == "total")
        axes.axvline(0.0, color=GREY, lw=1)
        axes.set_xlim(*ENDS)
        axes.set_xlabel("share of the variance", fontsize=style.SMALL)
    sold = next((name for name in names if name.endswith("grams_sold")), names[0])
    style.headline(figure, _most(_of(tables["sobol"], sold), sold))
    handles = [
        style.line("alone (first order, 95 % interval)", BLUE, "o"),
        style.line("with all others (total order)", ORANGE, "s", hollow=True),
        Patch(color=GREY, alpha=0.25, label="left to luck"),
    ]
    style.legend(figure, handles, 3, style.SMALL)
    return figure


def _most(found: Any, name: str) -> str:
    """Return a sentence about the parameter with the largest total share."""
    total = found["total"].dropna()
    if total.empty:
        return f"{_subject(name)} varies with nothing"
    most = str(total.idxmax())
    middle, half = found.loc[most, ["total", "total_conf"]].to_numpy(float)
    text = f"{_subject(name)} varies most with {_label(most)}: a share of "
    return text + f"{middle:.2f} ({middle - half:.2f} to {middle + half:.2f})"


def _subject(name: str) -> str:
    return f"The effect on {_title(name)}" if name.startswith(EFFECT) else _title(name).capitalize()


def _panels(names: list[str], rows: list[str]) -> tuple[Figure, list[Axes]]:
    """Return a panel an outcome, with the parameters as rows from the top."""
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
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: report_text.number(value)))
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    return figure, panels


def _of(table: pd.DataFrame, outcome: str) -> Any:
    return table[table["outcome"] == outcome].set_index("parameter")


def _facts(tables: style.Tables, stage: str) -> Any:
    facts = tables["outcomes"]
    return facts[facts["stage"] == stage].set_index("outcome")


def _title(name: str) -> str:
    plain = name.removeprefix(EFFECT)
    return TITLES.get(plain, report_text.words(plain))


def _label(parameter: str) -> str:
    """Return a parameter in plain words, with its group: some names stand in several."""
    return parameter.replace(".", ": ").replace("_", " ")
