"""The figures of a calibration and of what tests it, drawn from their tables alone.

In the style of `plots`: vermilion is the survey's alone, headlines are sentences with numbers of
the tables, legends lie outside. An interval that leaves its figure ends in an arrow.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from marketsim import identification, metrics, priors, report, validation
from marketsim.declaring import Prior
from marketsim.plots import BLACK, BLUE, GREEN, GREY, NARROW, ORANGE, PURPLE, STYLE, VERMILION
from marketsim.settings import Settings, declared

SKY = "#56B4E9"  # the last of Okabe and Ito's colours that shows on white
SMALL = 9.0  # points
BINS = 20  # of a marginal posterior, each with the same share of the prior
ERROR = 1.645  # standard errors on either side hold 90 %
FARTHEST = 4.0  # half-widths shown of a prediction
TOLERANCE = 0.05  # of its final value, within which a variation has settled
WRONG = ("fall_week_5", "ratio_week_6_12", "return_week_13")  # where structures differ
SEARCH = "sequential search (bars: 90 % Monte Carlo error)"
# colour and marker
WAYS = {
    SEARCH: (BLUE, "o"),
    "equal odds": (GREEN, "s"),
    "odds halved for each further parameter": (PURPLE, "^"),
    "nearer": (ORANGE, "<"),
    "farther": (BLACK, ">"),
}
ROLES = {"target": (BLUE, "o"), "validation": (GREEN, "s")}
MODELS = {
    "marketsim": (BLUE, "o"),
    "interrupted_time_series": (ORANGE, "s"),
    "constant_mean": (GREY, "^"),
}
# colour and line style
THIN = ((ORANGE, "-"), (GREEN, "--"), (PURPLE, "-."), (SKY, "-"))
IDENTIFIED = dict(zip(identification.IDENTIFIED, THIN, strict=True))
LINES = [(c, s) for s in ("-", "--", ":") for c in (BLUE, ORANGE, GREEN, PURPLE, BLACK, SKY)]

Tables = Mapping[str, pd.DataFrame]


def draw_calibration(folder: Path, tables: Tables) -> list[Path]:
    """Write `posterior.png` and `structures.png`.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    tables : mapping of str to DataFrame
        `posterior`, `structures` and `structure_fit` as a calibration writes them; also, where
        there is one, `structure_probabilities` from `identification`.

    Returns
    -------
    list of Path
        The files written.
    """
    return _write(folder, tables, {"posterior": _posterior, "structures": _structures})


def draw_identification(folder: Path, tables: Tables) -> list[Path]:
    """Write `confusion.png`, `coverage.png` and `recovery.png`.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    tables : mapping of str to DataFrame
        `confusion`, `coverage` and `recovery` from `identification`.

    Returns
    -------
    list of Path
        The files written.
    """
    makers = {"confusion": _confusion, "coverage": _coverage, "recovery": _recovery}
    return _write(folder, tables, makers)


def draw_validation(folder: Path, tables: Tables) -> list[Path]:
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
    return _write(folder, tables, makers)


def _write(
    folder: Path, tables: Tables, makers: Mapping[str, Callable[[Tables], Figure]]
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        for name, make in makers.items():
            make(tables).savefig(folder / f"{name}.png", dpi=150)
    return [folder / f"{name}.png" for name in makers]


# ---------------------------------------------------------------- the calibration


def _posterior(tables: Tables) -> Figure:
    """Draw what the survey leaves of the prior of each fitted parameter."""
    chance = tables["structures"].set_index("structure")["probability"]
    chance = chance[chance.index.isin(tables["posterior"]["structure"])]
    fitted = [set(priors.FITTED[one]) for one in chance.index]
    names = [name for name in priors.uncertain() if name in set.union(*fitted)]
    rows = -(-len(names) // 3)
    figure, panels = _figure(2.5 * rows + 0.8, rows, 3, squeeze=False)
    for axes in panels.flat[len(names) :]:
        axes.remove()
    spans = {
        name: _marginal(axes, name, tables["posterior"], chance)
        for axes, name in zip(panels.flat, names, strict=False)
    }
    for axes in panels[:, 0]:
        axes.set_ylabel("density (prior: 1)")
    span, least = min((spans[name], name) for name in set.intersection(*fitted))
    text = "Best known in all structures is {}: its 90 % interval spans {:.0f} % of the prior's"
    _headline(figure, text.format(_words(least), 100 * span))
    patches = [Patch(color=GREY, alpha=NARROW, label="prior")]
    patches.append(Patch(color=BLUE, alpha=0.5, label="posterior"))
    _legend(figure, [*patches, _line("median and 90 % interval", BLACK, "o")])
    return figure


def _marginal(axes: Axes, name: str, draws: pd.DataFrame, chance: pd.Series) -> float:
    """Draw one parameter over the structures that fit it, each by its probability.

    They count alike where none has any. Returned is the 90 % interval over that of the prior.
    """
    own = chance[[name in priors.FITTED[one] for one in chance.index]]
    draws = draws[draws["structure"].isin(own.index)]
    odds = own if own.sum() > 0.0 else own + 1.0
    weight = (draws["weight"] * draws["structure"].map(odds)).to_numpy(float)
    values, prior, ends = draws[name].to_numpy(float), priors.uncertain()[name], metrics.INTERVAL
    edges = [priors.value(prior, u) for u in np.linspace(0.0, 1.0, BINS + 1)]
    density = BINS * np.histogram(values, edges, weights=weight)[0] / weight.sum()
    three = np.quantile(values, [ends[0], 0.5, ends[1]], weights=weight, method="inverted_cdf")
    low, middle, high = three.tolist()
    axes.fill_between([prior.low, prior.high], 0.0, 1.0, color=GREY, alpha=NARROW, lw=0)
    axes.stairs(density, edges, fill=True, color=BLUE, alpha=0.5)
    top = max(1.0, density.max())
    _interval(axes, 1.12 * top, (low, middle, high), BLACK, "o")
    _scale(axes, "x", prior)
    axes.set(ylim=(0.0, 1.25 * top), xlabel=_label(name))
    text = f"{report.number(middle)} [{report.span(low, high)}]\n"
    text += f"probability of its structures: {100 * own.sum():.0f} %"
    axes.set_title(text, fontsize=SMALL + 1)
    return (priors.share(prior, high) - priors.share(prior, low)) / (ends[1] - ends[0])


def _structures(tables: Tables) -> Figure:
    """Draw how probable each structure is, and what it gets wrong; the most probable first."""
    found = tables["structures"].sort_values("probability", ascending=False, kind="stable")
    names = list(found["structure"])
    ways: dict[str, pd.DataFrame] = {SEARCH: found}
    if "structure_probabilities" in tables:
        rejected = tables["structure_probabilities"].groupby("variant", sort=False)
        ways |= {str(way): rows for way, rows in rejected}
    figure, panels = _figure(
        0.75 * len(names) + 3.0, 1, 4, sharey=True, width_ratios=[2.2, 1, 1, 1]
    )
    for step, (way, rows) in enumerate(ways.items()):
        shift = 0.16 * (step - (len(ways) - 1) / 2.0)
        for row in rows[rows["structure"].isin(names)].to_dict("records"):
            three = 100 * _error(row["probability"], row["standard_error"])
            _interval(panels[0], names.index(row["structure"]) + shift, three, *WAYS[way])
    panels[0].axvline(0.0, color=GREY, lw=1, zorder=1)
    panels[0].set_xlabel("probability (%)")
    panels[0].set_yticks(range(len(names)), [_words(name) for name in names])
    for axes, name in zip(panels[1:], WRONG, strict=True):
        fits = tables["structure_fit"]
        _gets_wrong(axes, fits[(fits["id"] == name) & fits["structure"].isin(names)], names)
        axes.set_xlabel(fill(f"{report.LABELS[name]} (ratio)", 18), fontsize=SMALL + 1)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    text = "The most probable structure is {}: {:.0f} % (90 % Monte Carlo error: {:.0f} to {:.0f})"
    best = found[["probability", "standard_error"]].to_numpy(float)[0]
    low, share, high = 100 * _error(*best)
    _headline(figure, text.format(_words(names[0]), share, low, high))
    labels = [way if way == SEARCH else f"rejection, {way}" for way in ways]
    handles = [_line(label, *WAYS[way]) for label, way in zip(labels, ways, strict=True)]
    handles.append(_line("simulated median and 90 % interval", BLUE, "o"))
    handles.append(_line("simulated median outside the interval", BLUE, "o", hollow=True))
    _legend(figure, [*handles, *_survey()], 2)
    return figure


def _error(share: float, error: float) -> np.ndarray:
    """Return a share between the ends of its 90 % Monte Carlo error."""
    return np.clip([share - ERROR * error, share, share + ERROR * error], 0.0, 1.0)


def _gets_wrong(axes: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    """Draw one statistic of each structure against the evidence."""
    for row in rows.to_dict("records"):
        three, place = (row["sim_low"], row["simulated"], row["sim_high"]), row["structure"]
        _interval(axes, names.index(place), three, BLUE, "o", hollow=not row["within"])
    for value, low, high in rows[["observed", "low", "high"]].to_numpy(float)[:1]:
        axes.axvspan(low, high, color=VERMILION, alpha=NARROW, lw=0)
        axes.axvline(value, color=VERMILION, zorder=1)
        axes.plot(value, -0.5, "D", color=VERMILION, mfc="white", clip_on=False)


# ---------------------------------------------------------------- identification


def _confusion(tables: Tables) -> Figure:
    """Draw which structures are taken for which, with mean probabilities in brackets."""
    names = list(tables["confusion"]["selected"].unique())
    cells = tables["confusion"].pivot(index="true", columns="selected").reindex(names)
    chosen, mean = (100 * cells[name][names].to_numpy() for name in ("chosen", "probability"))
    tests = cells["tests"][names[0]].fillna(0).to_numpy(int)
    figure, axes = _figure(0.72 * len(names) + 2.0)
    axes.imshow(chosen, cmap="Blues", vmin=0.0, vmax=100.0, aspect="auto")
    axes.grid(False)
    for (row, column), share in np.ndenumerate(chosen):
        text = f"{share:.0f}\n({mean[row, column]:.0f})" if tests[row] else "no\nsurvey"
        colour = "white" if share > 55.0 else BLACK
        axes.text(column, row, text, ha="center", va="center", color=colour)
    for place in range(len(names)):
        axes.add_patch(Rectangle((place - 0.5, place - 0.5), 1, 1, fill=False, lw=1.5))
    rows = [f"{_words(name)} ({count})" for name, count in zip(names, tests, strict=True)]
    axes.set_yticks(range(len(names)), rows)
    axes.set_xticks(range(len(names)), [_words(name, "\n") for name in names])
    axes.set_xlabel("most probable structure: % of surveys (in brackets: mean probability, %)")
    axes.set_ylabel("true structure (number of simulated surveys)")
    text = "The true structure was the most probable in {:.0f} % of {} simulated surveys"
    right = np.nansum(np.diag(chosen) * tests) / tests.sum()
    _headline(figure, f"{text}; guessing: 1 in {{}}".format(right, tests.sum(), len(names)))
    return figure


def _coverage(tables: Tables) -> Figure:
    """Draw how often intervals hold the truth, against how often they ought to."""
    figure, axes = _figure(7.0)
    axes.plot([0, 100], [0, 100], color=GREY, linestyle=":", linewidth=1.5)
    handles: list[Any] = [_line("as it ought to be", GREY, style=":")]
    for name, rows in tables["coverage"].groupby("parameter", sort=False):
        colour, style = IDENTIFIED.get(str(name), (GREY, "-"))
        x, y = 100 * rows["level"], 100 * rows["covered"]
        if name == identification.POOLED:
            axes.fill_between(x, 100 * rows["low"], 100 * rows["high"], color=BLUE, alpha=0.2, lw=0)
            axes.plot(x, y, color=BLUE, linewidth=2.5)
        else:
            width = 1.2 if name in IDENTIFIED else 0.5
            axes.plot(x, y, color=colour, linestyle=style, linewidth=width)
        if name in IDENTIFIED:
            handles.append(_line(_words(str(name)), colour, style=style))
    axes.set(xlim=(0, 100), ylim=(0, 100), ylabel="intervals that held the truth (%)")
    axes.set_xlabel("nominal level of the central intervals (%)")
    at = tables["coverage"][np.isclose(tables["coverage"]["level"], 0.9)].set_index("parameter")
    share, tests = at.reindex([identification.POOLED])[["covered", "tests"]].to_numpy()[0]
    text = (
        "Intervals of 90 % held {:.0f} % of the true values (identified parameters, {:.0f} surveys)"
    )
    _headline(figure, text.format(100 * share, tests))
    handles.append(_line("each other parameter", GREY, width=0.5))
    handles.append(_line("identified parameters, pooled", BLUE, width=2.5))
    _legend(figure, [*handles, Patch(color=BLUE, alpha=0.2, label="95 % interval of the pooled")])
    return figure


def _recovery(tables: Tables) -> Figure:
    """Draw the identified parameters as estimated against the truth, one point a survey."""
    figure, panels = _figure(9.5, 2, 2)
    table = tables["recovery"]
    told = table[table["parameter"].isin(identification.IDENTIFIED)]
    inside = told["truth"].between(told["low"], told["high"])
    for axes, name in zip(panels.flat, identification.IDENTIFIED, strict=True):
        prior, own = priors.uncertain()[name], told["parameter"] == name
        for some, colour, marker in ((own & inside, BLUE, "o"), (own & ~inside, ORANGE, "s")):
            truth, low, middle, high = told[some][["truth", "low", "median", "high"]].to_numpy().T
            ends = [middle - low, high - middle]
            axes.errorbar(truth, middle, ends, fmt=marker, color=colour, ms=4, lw=0.8)
        axes.plot([prior.low, prior.high], [prior.low, prior.high], color=GREY, ls=":")
        _scale(axes, "x", prior)
        _scale(axes, "y", prior)
        axes.set(xlabel=f"true {_label(name)}", ylabel=f"estimated {_label(name)}")
        share = f"{100 * inside[own].mean():.0f} % of {own.sum()} true values inside"
        axes.set_title(share if own.any() else "no survey")
    text = "Posterior intervals of 90 % held {:.0f} % of the true values of identified parameters"
    _headline(figure, text.format(100 * inside.mean()))
    handles = [_line("median and 90 % interval, true value inside", BLUE, "o")]
    handles.append(_line("true value outside", ORANGE, "s"))
    _legend(figure, [*handles, _line("estimate equal to the truth", GREY, style=":")])
    return figure


# ---------------------------------------------------------------- validation


def _predictive(tables: Tables) -> Figure:
    """Draw predictions beside the evidence, in half-widths; the figures are in the margin."""
    table = tables["predictive"].sort_values("role", kind="stable")
    figure, axes = _figure(0.5 * len(table) + 2.3)
    columns = ("low", "observed", "high", "sim_low", "simulated", "sim_high")
    off = np.column_stack([_half_widths(table, name) for name in columns])
    for place, (row, (low, value, high, *three)) in enumerate(
        zip(table.to_dict("records"), off, strict=True)
    ):
        above, below, (colour, marker) = place - 0.17, place + 0.17, ROLES[row["role"]]
        axes.barh(place, high - low, 0.7, low, color=VERMILION, alpha=NARROW, lw=0)
        axes.plot(value, above, "D", color=VERMILION, mfc="white")
        ends, hollow = (-FARTHEST, FARTHEST), not row["within"]
        _interval(axes, below, three, colour, marker, ends, hollow)
        published = report.number(row["observed"]) if pd.notna(row["observed"]) else ""
        _margin(axes, above, published, report.span(row["low"], row["high"]), VERMILION)
        simulated = report.number(row["simulated"])
        _margin(axes, below, simulated, report.span(row["sim_low"], row["sim_high"]), colour)
    _margin(axes, -0.95, "published", "interval", VERMILION)
    _margin(axes, -0.65, "simulated", "90 %", BLACK)
    labels = [fill(report.LABELS.get(name, name), 30) for name in table["id"]]
    axes.set_yticks(range(len(table)), labels, fontsize=SMALL)
    axes.axvline(0.0, color=GREY, lw=1, zorder=1)
    axes.set(xlim=(-FARTHEST, FARTHEST), ylim=(len(table) - 0.5, -0.5))
    axes.set_xlabel("distance from the published value\n(half-widths of the evidence interval)")
    parts = [f"{own.sum()} of {len(own)} {role}" for role, own in table.groupby("role")["within"]]
    text = f"Simulated medians lie inside the evidence interval for {' and '.join(parts)} rows"
    _headline(figure, text)
    handles = [_line(f"simulated median and 90 %, {role}", *ROLES[role]) for role in ROLES]
    handles.append(_line("simulated median outside", GREY, "o", hollow=True))
    _legend(figure, [*handles, *_survey()])
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


def _leave_one_out(tables: Tables) -> Figure:
    """Draw what each model says of the row it was not shown, and mean scores below."""
    table = tables["leave_one_out"]
    ids, means = list(table["id"].unique()), validation.summary(table)["mean_crps"]
    models = [model for model in MODELS if model in means.index]
    figure, (axes, lower) = _figure(0.85 * len(ids) + 4.0, 2, 1, height_ratios=[len(ids), 1.6])
    end = min(1.05 * table["high"].max(), 2.0 * table["observed"].max())
    for row in table.to_dict("records"):
        place, value, (colour, marker) = ids.index(row["id"]), row["observed"], MODELS[row["model"]]
        axes.vlines(value, place - 0.4, place + 0.4, color=VERMILION, zorder=1)
        axes.plot(value, place - 0.3, "D", color=VERMILION, mfc="white")
        at = place + 0.2 * models.index(row["model"]) - 0.1
        three = (row["low"], row["median"], row["high"])
        _interval(axes, at, three, colour, marker, (0.0, end))
        _margin(axes, at, f"{row['crps']:,.0f}", "", BLACK)
    _margin(axes, -0.5, "CRPS", "", BLACK)
    axes.set_yticks(range(len(ids)), [_weeks(name) for name in ids])
    axes.set(xlim=(0.0, end), ylim=(len(ids) - 0.4, -0.6), ylabel="weeks left out")
    axes.set_xlabel("advertisements a week (three regular surveys)")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    bars = lower.barh(range(len(models)), means[models], color=[MODELS[one][0] for one in models])
    lower.bar_label(bars, [f"{mean:,.0f}" for mean in means[models]], padding=4)
    lower.set_yticks(range(len(models)), [fill(_words(one), 12) for one in models])
    lower.set(ylim=(len(models) - 0.5, -0.5), xlim=(0.0, 1.1 * means.max()))
    lower.set_xlabel("mean CRPS (advertisements a week; the smaller the better)")
    named = ", ".join(f"{_words(one)} {means[one]:,.0f}" for one in models)
    _headline(figure, f"Mean CRPS of the weeks left out: {named}")
    _legend(figure, [*(_line(_words(one), *MODELS[one]) for one in models), _survey()[1]], 4)
    return figure


def _weeks(name: str) -> str:
    first, last = validation.WEEKS[name]
    return f"week {first}" if first == last else f"weeks {first} to {last}"


def _replicates(tables: Tables) -> Figure:
    """Draw how variations settle over runs; a statistic that does not vary has no line."""
    table = tables["replicates"]
    wide = table.pivot(index="runs", columns="id", values="variation")[table["id"].unique()]
    final = wide.iloc[-1]
    ratio = wide.loc[:, final > 0.0] / final[final > 0.0]
    figure, axes = _figure(7.5)
    axes.axhspan(1.0 - TOLERANCE, 1.0 + TOLERANCE, color=GREY, alpha=NARROW, lw=0)
    text = f"within {100 * TOLERANCE:.0f} % of the variation over all runs (in brackets)"
    handles: list[Any] = [Patch(color=GREY, alpha=NARROW, label=text)]
    for name, (colour, style) in zip(map(str, ratio), cycle(LINES)):
        axes.plot(ratio.index, ratio[name], color=colour, linestyle=style, linewidth=1.2)
        label = f"{report.LABELS.get(name, name)} ({100 * final[name]:.0f} %)"
        handles.append(_line(label, colour, style=style))
    axes.set(xscale="log", ylim=(0.0, 2.0), xlim=(ratio.index[0], ratio.index[-1]))
    axes.xaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), minor_locator=NullLocator())
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("number of runs, counted from the first (log scale)")
    axes.set_ylabel("coefficient of variation over the first runs,\nover that of all runs (ratio)")
    _headline(figure, _settled(ratio))
    _legend(figure, handles, 2, SMALL)
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


# ---------------------------------------------------------------- parts of figures


def _figure(height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9.5, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def _interval(
    axes: Axes,
    place: float,
    three: Sequence[float] | np.ndarray,
    colour: str,
    marker: str,
    ends: tuple[float, float] = (-np.inf, np.inf),
    hollow: bool = False,
) -> None:
    """Draw low end, middle and high end at a height; what leaves the figure ends in an arrow."""
    low, middle, high = three
    axes.plot(np.clip([low, high], *ends), [place, place], color=colour, lw=1.8)
    for end, arrow, beyond in ((ends[0], "<", low < ends[0]), (ends[1], ">", high > ends[1])):
        if beyond:
            axes.plot(end, place, arrow, color=colour, clip_on=False)
    if ends[0] <= middle <= ends[1]:
        axes.plot(middle, place, marker, color=colour, mfc="white" if hollow else colour)


def _margin(axes: Axes, place: float, value: str, span: str, colour: str) -> None:
    """Write a value and its interval to the right of the axes."""
    text = f"{value} [{span}]".strip() if span else value
    across = axes.get_yaxis_transform()
    axes.text(1.03, place, text, transform=across, color=colour, fontsize=SMALL, va="center")


def _scale(axes: Axes, which: str, prior: Prior) -> None:
    """Give an axis the range and the scale of a prior, with few round ticks."""
    axis = getattr(axes, f"{which}axis")
    axes.set(**{f"{which}lim": (prior.low, prior.high)})
    if prior.form == "loguniform":
        axes.set(**{f"{which}scale": "log"})
        decades = np.log10(prior.high / prior.low)
        subs = (1, 2, 5) if decades < 1.6 else (1, 3) if decades < 2.0 else (1,)
        axis.set(major_locator=LogLocator(subs=subs), minor_locator=NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: report.number(value)))
    axis.set_tick_params(labelsize=SMALL + 1)


def _words(name: str, between: str = " ") -> str:
    return name.rpartition(".")[2].replace("_", between)


def _label(name: str) -> str:
    """Return a parameter's name with its unit."""
    group, key = name.split(".")
    unit = declared(getattr(Settings(), group))[key]["unit"]
    return f"{_words(key)} ({'no unit' if unit == '1' else unit})"


def _headline(figure: Figure, text: str) -> None:
    """Write a sentence with numbers of the figure, or that there are none."""
    known = not re.search(r"\bnan\b", text)
    text = text if known else "Nothing was found in these tables"
    figure.suptitle(text, x=0.01, ha="left", fontsize=12)


def _line(
    label: str, colour: str, marker: str = "", style: Any = "-", width: float = 1.5,
    hollow: bool = False,
) -> Line2D:  # fmt: skip
    """Return a line of the legend."""
    face = "white" if hollow else colour
    return Line2D([], [], color=colour, marker=marker, mfc=face, ls=style, lw=width, label=label)


def _survey() -> list[Any]:
    """Return the lines of the legend that explain what is TRAFFIC's."""
    band = Patch(color=VERMILION, alpha=NARROW, label="interval of the evidence")
    return [band, _line("TRAFFIC's survey", VERMILION, "D", "", hollow=True)]


def _legend(figure: Figure, handles: list[Any], columns: int = 3, size: float = SMALL + 1) -> None:
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=size)
