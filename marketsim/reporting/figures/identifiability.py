"""Figures of parameter identifiability: confusion of mechanisms, coverage and recovery."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from marketsim.analysis.inference import identifiability
from marketsim.parameters import priors
from marketsim.reporting.figures import style
from marketsim.reporting.figures.style import Tables
from marketsim.reporting.text import parameter_label, plain_name

# colour and line style
THIN = ((style.ORANGE, "-"), (style.GREEN, "--"), (style.PURPLE, "-."), (style.SKY, "-"))
IDENTIFIED = dict(zip(identifiability.IDENTIFIED, THIN, strict=True))


def confusion(tables: Tables) -> Figure:
    """Draw the confusion matrix of mechanisms, with mean probabilities in brackets."""
    names = list(tables["confusion"]["selected"].unique())
    cells = tables["confusion"].pivot(index="true", columns="selected").reindex(names)
    chosen, mean = (100 * cells[name][names].to_numpy() for name in ("chosen", "probability"))
    tests = cells["tests"][names[0]].fillna(0).to_numpy(int)
    figure, axes = style.figure(0.72 * len(names) + 2.0)
    axes.imshow(chosen, cmap="Blues", vmin=0.0, vmax=100.0, aspect="auto")
    axes.grid(False)
    for (row, column), share in np.ndenumerate(chosen):
        text = f"{share:.0f}\n({mean[row, column]:.0f})" if tests[row] else "no\nsurvey"
        colour = "white" if share > 55.0 else style.BLACK
        axes.text(column, row, text, ha="center", va="center", color=colour)
    for place in range(len(names)):
        axes.add_patch(Rectangle((place - 0.5, place - 0.5), 1, 1, fill=False, lw=1.5))
    rows = [f"{plain_name(name)} ({count})" for name, count in zip(names, tests, strict=True)]
    axes.set_yticks(range(len(names)), rows)
    axes.set_xticks(range(len(names)), [plain_name(name, "\n") for name in names])
    axes.set_xlabel("most probable mechanism: % of surveys (in brackets: mean probability, %)")
    axes.set_ylabel("true mechanism (number of simulated surveys)")
    text = "The true mechanism was the most probable in {:.0f} % of {} simulated surveys"
    right = np.nansum(np.diag(chosen) * tests) / tests.sum()
    style.headline(figure, f"{text}; by chance: 1 in {{}}".format(right, tests.sum(), len(names)))
    return figure


def coverage(tables: Tables) -> Figure:
    """Draw the coverage of credible intervals against their nominal level."""
    figure, axes = style.figure(7.0)
    axes.plot([0, 100], [0, 100], color=style.GREY, linestyle=":", linewidth=1.5)
    handles: list[Any] = [style.line("nominal coverage", style.GREY, dashes=":")]
    for name, rows in tables["coverage"].groupby("parameter", sort=False):
        colour, dashes = IDENTIFIED.get(str(name), (style.GREY, "-"))
        x, y = 100 * rows["level"], 100 * rows["covered"]
        if name == identifiability.POOLED:
            axes.fill_between(
                x, 100 * rows["ci_low"], 100 * rows["ci_high"], color=style.BLUE, alpha=0.2, lw=0
            )
            axes.plot(x, y, color=style.BLUE, linewidth=2.5)
        else:
            width = 1.2 if name in IDENTIFIED else 0.5
            axes.plot(x, y, color=colour, linestyle=dashes, linewidth=width)
        if name in IDENTIFIED:
            handles.append(style.line(plain_name(str(name)), colour, dashes=dashes))
    axes.set(xlim=(0, 100), ylim=(0, 100), ylabel="intervals that contain the true value (%)")
    axes.set_xlabel("nominal level of the central intervals (%)")
    at = tables["coverage"][np.isclose(tables["coverage"]["level"], 0.9)].set_index("parameter")
    share, tests = at.reindex([identifiability.POOLED])[["covered", "tests"]].to_numpy()[0]
    text = (
        "90 % intervals contain {:.0f} % of the true values (identified parameters, {:.0f} surveys)"
    )
    style.headline(figure, text.format(100 * share, tests))
    handles.append(style.line("other parameters, each", style.GREY, width=0.5))
    handles.append(style.line("identified parameters, pooled", style.BLUE, width=2.5))
    style.legend(
        figure,
        [
            *handles,
            Patch(color=style.BLUE, alpha=0.2, label="95 % interval of the pooled coverage"),
        ],
    )
    return figure


def recovery(tables: Tables) -> Figure:
    """Draw the estimates of identified parameters against their true values."""
    figure, panels = style.figure(9.5, 2, 2)
    table = tables["recovery"]
    identified = table[table["parameter"].isin(identifiability.IDENTIFIED)]
    inside = identified["truth"].between(identified["q05"], identified["q95"])
    for axes, name in zip(panels.flat, identifiability.IDENTIFIED, strict=True):
        prior, own = priors.uncertain()[name], identified["parameter"] == name
        for some, colour, marker in (
            (own & inside, style.BLUE, "o"),
            (own & ~inside, style.ORANGE, "s"),
        ):
            truth, low, middle, high = (
                identified[some][["truth", "q05", "median", "q95"]].to_numpy().T
            )
            ends = [middle - low, high - middle]
            axes.errorbar(truth, middle, ends, fmt=marker, color=colour, ms=4, lw=0.8)
        axes.plot([prior.low, prior.high], [prior.low, prior.high], color=style.GREY, ls=":")
        style.scale(axes, "x", prior)
        style.scale(axes, "y", prior)
        axes.set(
            xlabel=f"true {parameter_label(name)}", ylabel=f"estimated {parameter_label(name)}"
        )
        share = f"{100 * inside[own].mean():.0f} % of {own.sum()} true values inside"
        axes.set_title(share if own.any() else "no survey")
    text = "90 % posterior intervals contain {:.0f} % of the true values of identified parameters"
    style.headline(figure, text.format(100 * inside.mean()))
    handles = [style.line("median and 90 % interval, true value inside", style.BLUE, "o")]
    handles.append(style.line("true value outside", style.ORANGE, "s"))
    style.legend(
        figure, [*handles, style.line("estimate equal to the true value", style.GREY, dashes=":")]
    )
    return figure
