"""Figures of a calibration: posterior distributions and recovery mechanisms."""

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from marketsim.analysis.inference.posting import pooled, quantiles, share_interval
from marketsim.parameters import priors
from marketsim.reporting import text as report_text
from marketsim.reporting.figures import style
from marketsim.survey.fit import is_unusual
from marketsim.survey.intervals import INTERVAL

BINS = 20  # of a marginal posterior, of equal prior probability
RATIOS = ("fall_week_5", "return_week_13")  # what mechanisms predict
FOUND = "probability (bars: 90 % Monte Carlo error)"


def posterior(tables: style.Tables) -> Figure:
    """Draw the posterior distribution of each fitted parameter over its prior."""
    chance = tables["structures"].set_index("structure")["probability"]
    chance = chance[chance.index.isin(tables["posterior"]["structure"])]
    fitted = [set(priors.FITTED[one]) for one in chance.index]
    names = [name for name in priors.uncertain() if name in set.union(*fitted)]
    rows = -(-len(names) // 3)
    figure, panels = style.figure(2.5 * rows + 0.8, rows, 3, squeeze=False)
    for axes in panels.flat[len(names) :]:
        axes.remove()
    spans = {
        name: _marginal(axes, name, tables["posterior"], chance)
        for axes, name in zip(panels.flat, names, strict=False)
    }
    for axes in panels[:, 0]:
        axes.set_ylabel("density (prior: 1)")
    span, least = min((spans[name], name) for name in set.intersection(*fitted))
    text = "Best constrained in all mechanisms: {}, whose 90 % interval is {:.0f} % of the prior's"
    style.headline(figure, text.format(report_text.plain_name(least), 100 * span))
    patches = [Patch(color=style.GREY, alpha=style.NARROW, label="prior")]
    patches.append(Patch(color=style.BLUE, alpha=0.5, label="posterior"))
    style.legend(figure, [*patches, style.line("median and 90 % interval", style.BLACK, "o")])
    return figure


def _marginal(axes: Axes, name: str, draws: pd.DataFrame, chance: pd.Series) -> float:
    """Draw the marginal posterior over the mechanisms that have the parameter.

    Mechanisms are weighted by their probabilities, or equally if all are zero. Returned is the
    width of the 90 % interval relative to that of the prior.
    """
    own = chance[[name in priors.FITTED[one] for one in chance.index]]
    values, weight = pooled(draws, name, chance)
    prior, ends = priors.uncertain()[name], INTERVAL
    edges = [priors.value(prior, u) for u in np.linspace(0.0, 1.0, BINS + 1)]
    density = BINS * np.histogram(values, edges, weights=weight)[0] / weight.sum()
    low, middle, high = quantiles(draws, name, chance, (ends[0], 0.5, ends[1]))
    axes.fill_between([prior.low, prior.high], 0.0, 1.0, color=style.GREY, alpha=style.NARROW, lw=0)
    axes.stairs(density, edges, fill=True, color=style.BLUE, alpha=0.5)
    top = max(1.0, density.max())
    style.interval(axes, 1.12 * top, (low, middle, high), style.BLACK, "o")
    style.scale(axes, "x", prior)
    axes.set(ylim=(0.0, 1.25 * top), xlabel=report_text.parameter_label(name))
    text = f"{report_text.estimate(middle, low, high)}\n"
    text += f"probability of its mechanisms: {100 * own.sum():.0f} %"
    axes.set_title(text, fontsize=style.SMALL + 1)
    return (priors.share(prior, high) - priors.share(prior, low)) / (ends[1] - ends[0])


def structures(tables: style.Tables) -> Figure:
    """Draw the probability of each recovery mechanism and the ratios that it predicts."""
    found = tables["structures"].sort_values("probability", ascending=False, kind="stable")
    names = list(found["structure"])
    figure, panels = style.figure(
        0.75 * len(names) + 3.0, 1, 3, sharey=True, width_ratios=[2.2, 1.5, 1.5]
    )
    for place, row in enumerate(found.to_dict("records")):
        three = 100 * share_interval(row["probability"], row["standard_error"])
        style.interval(panels[0], place, three, style.BLUE, "o")
    panels[0].axvline(0.0, color=style.GREY, lw=1, zorder=1)
    panels[0].set_xlabel("probability (%)")
    panels[0].set_yticks(range(len(names)), [report_text.plain_name(name) for name in names])
    for axes, name in zip(panels[1:], RATIOS, strict=True):
        fits = tables["structure_fit"]
        _predictions(axes, fits[(fits["id"] == name) & fits["structure"].isin(names)], names)
        axes.set_xlabel(fill(f"{report_text.LABELS[name]} (ratio)", 18), fontsize=style.SMALL + 1)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    text = (
        "Most probable recovery mechanism: {}, {:.0f} % (90 % Monte Carlo error: {:.0f} to {:.0f})"
    )
    best = found[["probability", "standard_error"]].to_numpy(float)[0]
    low, share, high = 100 * share_interval(*best)
    style.headline(figure, text.format(report_text.plain_name(names[0]), share, low, high))
    handles = [style.line(FOUND, style.BLUE, "o")]
    handles.append(style.line("simulated median and 90 % interval", style.BLUE, "o"))
    handles.append(style.line(style.UNUSUAL, style.BLUE, "o", hollow=True))
    style.legend(figure, [*handles, *style.survey()], 2)
    return figure


def _predictions(axes: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    """Draw one statistic of each mechanism beside the evidence."""
    for row, flag in zip(rows.to_dict("records"), is_unusual(rows), strict=True):
        three, place = (row["q05"], row["median"], row["q95"]), row["structure"]
        style.interval(axes, names.index(place), three, style.BLUE, "o", hollow=flag)
    for value, low, high in rows[["observed", "obs_low", "obs_high"]].to_numpy(float)[:1]:
        axes.axvspan(low, high, color=style.VERMILION, alpha=style.NARROW, lw=0)
        axes.axvline(value, color=style.VERMILION, zorder=1)
        axes.plot(value, -0.5, "D", color=style.VERMILION, mfc="white", clip_on=False)
