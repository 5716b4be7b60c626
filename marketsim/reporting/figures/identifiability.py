"""The figures of what a survey could tell, drawn from its tables alone."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from marketsim.analysis.inference import identifiability
from marketsim.parameters import priors
from marketsim.reporting import text as report_text
from marketsim.reporting.figures import style as figure_style
from marketsim.reporting.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE

# colour and line style
THIN = ((ORANGE, "-"), (GREEN, "--"), (PURPLE, "-."), (figure_style.SKY, "-"))
IDENTIFIED = dict(zip(identifiability.IDENTIFIED, THIN, strict=True))


def draw(folder: Path, tables: figure_style.Tables) -> list[Path]:
    """Write `confusion.png`, `coverage.png` and `recovery.png`.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    tables : mapping of str to DataFrame
        `coverage` and `recovery` from `identification`, `confusion` from `discrimination`.

    Returns
    -------
    list of Path
        The files written.
    """
    makers = {"confusion": _confusion, "coverage": _coverage, "recovery": _recovery}
    return figure_style.write(folder, tables, makers)


def _confusion(tables: figure_style.Tables) -> Figure:
    """Draw which structures are taken for which, with mean probabilities in brackets."""
    names = list(tables["confusion"]["selected"].unique())
    cells = tables["confusion"].pivot(index="true", columns="selected").reindex(names)
    chosen, mean = (100 * cells[name][names].to_numpy() for name in ("chosen", "probability"))
    tests = cells["tests"][names[0]].fillna(0).to_numpy(int)
    figure, axes = figure_style.figure(0.72 * len(names) + 2.0)
    axes.imshow(chosen, cmap="Blues", vmin=0.0, vmax=100.0, aspect="auto")
    axes.grid(False)
    for (row, column), share in np.ndenumerate(chosen):
        text = f"{share:.0f}\n({mean[row, column]:.0f})" if tests[row] else "no\nsurvey"
        colour = "white" if share > 55.0 else BLACK
        axes.text(column, row, text, ha="center", va="center", color=colour)
    for place in range(len(names)):
        axes.add_patch(Rectangle((place - 0.5, place - 0.5), 1, 1, fill=False, lw=1.5))
    rows = [
        f"{report_text.words(name)} ({count})" for name, count in zip(names, tests, strict=True)
    ]
    axes.set_yticks(range(len(names)), rows)
    axes.set_xticks(range(len(names)), [report_text.words(name, "\n") for name in names])
    axes.set_xlabel("most probable structure: % of surveys (in brackets: mean probability, %)")
    axes.set_ylabel("true structure (number of simulated surveys)")
    text = "The true structure was the most probable in {:.0f} % of {} simulated surveys"
    right = np.nansum(np.diag(chosen) * tests) / tests.sum()
    figure_style.headline(
        figure, f"{text}; guessing: 1 in {{}}".format(right, tests.sum(), len(names))
    )
    return figure


def _coverage(tables: figure_style.Tables) -> Figure:
    """Draw how often intervals hold the truth, against how often they ought to."""
    figure, axes = figure_style.figure(7.0)
    axes.plot([0, 100], [0, 100], color=GREY, linestyle=":", linewidth=1.5)
    handles: list[Any] = [figure_style.line("as it ought to be", GREY, style=":")]
    for name, rows in tables["coverage"].groupby("parameter", sort=False):
        colour, style = IDENTIFIED.get(str(name), (GREY, "-"))
        x, y = 100 * rows["level"], 100 * rows["covered"]
        if name == identifiability.POOLED:
            axes.fill_between(x, 100 * rows["low"], 100 * rows["high"], color=BLUE, alpha=0.2, lw=0)
            axes.plot(x, y, color=BLUE, linewidth=2.5)
        else:
            width = 1.2 if name in IDENTIFIED else 0.5
            axes.plot(x, y, color=colour, linestyle=style, linewidth=width)
        if name in IDENTIFIED:
            handles.append(figure_style.line(report_text.words(str(name)), colour, style=style))
    axes.set(xlim=(0, 100), ylim=(0, 100), ylabel="intervals that held the truth (%)")
    axes.set_xlabel("nominal level of the central intervals (%)")
    at = tables["coverage"][np.isclose(tables["coverage"]["level"], 0.9)].set_index("parameter")
    share, tests = at.reindex([identifiability.POOLED])[["covered", "tests"]].to_numpy()[0]
    text = (
        "Intervals of 90 % held {:.0f} % of the true values (identified parameters, {:.0f} surveys)"
    )
    figure_style.headline(figure, text.format(100 * share, tests))
    handles.append(figure_style.line("each other parameter", GREY, width=0.5))
    handles.append(figure_style.line("identified parameters, pooled", BLUE, width=2.5))
    figure_style.legend(
        figure, [*handles, Patch(color=BLUE, alpha=0.2, label="95 % interval of the pooled")]
    )
    return figure


def _recovery(tables: figure_style.Tables) -> Figure:
    """Draw the identified parameters as estimated against the truth, one point a survey."""
    figure, panels = figure_style.figure(9.5, 2, 2)
    table = tables["recovery"]
    told = table[table["parameter"].isin(identifiability.IDENTIFIED)]
    inside = told["truth"].between(told["low"], told["high"])
    for axes, name in zip(panels.flat, identifiability.IDENTIFIED, strict=True):
        prior, own = priors.uncertain()[name], told["parameter"] == name
        for some, colour, marker in ((own & inside, BLUE, "o"), (own & ~inside, ORANGE, "s")):
            truth, low, middle, high = told[some][["truth", "low", "median", "high"]].to_numpy().T
            ends = [middle - low, high - middle]
            axes.errorbar(truth, middle, ends, fmt=marker, color=colour, ms=4, lw=0.8)
        axes.plot([prior.low, prior.high], [prior.low, prior.high], color=GREY, ls=":")
        figure_style.scale(axes, "x", prior)
        figure_style.scale(axes, "y", prior)
        axes.set(
            xlabel=f"true {report_text.label(name)}", ylabel=f"estimated {report_text.label(name)}"
        )
        share = f"{100 * inside[own].mean():.0f} % of {own.sum()} true values inside"
        axes.set_title(share if own.any() else "no survey")
    text = "Posterior intervals of 90 % held {:.0f} % of the true values of identified parameters"
    figure_style.headline(figure, text.format(100 * inside.mean()))
    handles = [figure_style.line("median and 90 % interval, true value inside", BLUE, "o")]
    handles.append(figure_style.line("true value outside", ORANGE, "s"))
    figure_style.legend(
        figure, [*handles, figure_style.line("estimate equal to the truth", GREY, style=":")]
    )
    return figure
