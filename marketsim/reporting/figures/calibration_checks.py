"""Figures of the checks of a calibration: coverage, confusion of mechanisms, weeks left out."""

from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from marketsim.analysis.inference import checks, forecasts
from marketsim.reporting import text as report_text
from marketsim.reporting.figures import style
from marketsim.reporting.figures.style import Tables
from marketsim.reporting.text import plain_name

# Parameters that the survey counted: the level and the spread of posting, the content of posts
COUNTED = {
    "posting.base_posts": (style.ORANGE, "-"),
    "population.gamma_shape": (style.GREEN, "--"),
    "posting.full_grid": (style.PURPLE, "-."),
    "posting.video_share": (style.SKY, "-"),
}
# colour and marker
MODELS = {
    "marketsim": (style.BLUE, "o"),
    "interrupted_time_series": (style.ORANGE, "s"),
    "constant_mean": (style.GREY, "^"),
}


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
        colour, dashes = COUNTED.get(str(name), (style.GREY, "-"))
        x, y = 100 * rows["level"], 100 * rows["covered"]
        if name == checks.POOLED:
            axes.fill_between(
                x, 100 * rows["ci_low"], 100 * rows["ci_high"], color=style.BLUE, alpha=0.2, lw=0
            )
            axes.plot(x, y, color=style.BLUE, linewidth=2.5)
        else:
            width = 1.2 if name in COUNTED else 0.5
            axes.plot(x, y, color=colour, linestyle=dashes, linewidth=width)
        if name in COUNTED:
            handles.append(style.line(plain_name(str(name)), colour, dashes=dashes))
    axes.set(xlim=(0, 100), ylim=(0, 100), ylabel="intervals that contain the true value (%)")
    axes.set_xlabel("nominal level of the central intervals (%)")
    at = tables["coverage"][np.isclose(tables["coverage"]["level"], 0.9)].set_index("parameter")
    share, tests = at.reindex([checks.POOLED])[["covered", "tests"]].to_numpy()[0]
    text = "90 % intervals contain {:.0f} % of the true values (fitted parameters, {:.0f} surveys)"
    style.headline(figure, text.format(100 * share, tests))
    handles.append(style.line("other parameters, each", style.GREY, width=0.5))
    handles.append(style.line("fitted parameters, pooled", style.BLUE, width=2.5))
    style.legend(
        figure,
        [
            *handles,
            Patch(color=style.BLUE, alpha=0.2, label="95 % interval of the pooled coverage"),
        ],
    )
    return figure


def leave_one_out(tables: Tables) -> Figure:
    """Draw the predictions of each model for the weeks left out, and its mean score."""
    table = tables["leave_one_out"]
    ids, means = list(table["id"].unique()), table.groupby("model", sort=False)["crps"].mean()
    models = [model for model in MODELS if model in means.index]
    figure, (axes, lower) = style.figure(0.85 * len(ids) + 4.0, 2, 1, height_ratios=[len(ids), 1.6])
    end = min(1.05 * table["q95"].max(), 2.0 * table["observed"].max())
    for row in table.to_dict("records"):
        place, value, (colour, marker) = ids.index(row["id"]), row["observed"], MODELS[row["model"]]
        axes.vlines(value, place - 0.4, place + 0.4, color=style.VERMILION, zorder=1)
        axes.plot(value, place - 0.3, "D", color=style.VERMILION, mfc="white")
        at = place + 0.2 * models.index(row["model"]) - 0.1
        three = (row["q05"], row["median"], row["q95"])
        style.interval(axes, at, three, colour, marker, (0.0, end))
        style.margin(axes, at, f"{row['crps']:,.0f}", style.BLACK)
    style.margin(axes, -0.5, "CRPS", style.BLACK)
    axes.set_yticks(range(len(ids)), [_weeks(name) for name in ids])
    axes.set(xlim=(0.0, end), ylim=(len(ids) - 0.4, -0.6), ylabel="weeks left out")
    axes.set_xlabel("advertisements per week (three regular surveys)")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    bars = lower.barh(range(len(models)), means[models], color=[MODELS[one][0] for one in models])
    lower.bar_label(bars, [f"{mean:,.0f}" for mean in means[models]], padding=4)
    lower.set_yticks(range(len(models)), [fill(report_text.plain_name(one), 12) for one in models])
    lower.set(ylim=(len(models) - 0.5, -0.5), xlim=(0.0, 1.1 * means.max()))
    lower.set_xlabel("mean CRPS (advertisements per week; smaller is better)")
    named = ", ".join(f"{report_text.plain_name(one)} {means[one]:,.0f}" for one in models)
    style.headline(figure, f"Mean CRPS of the weeks left out: {named}")
    style.legend(
        figure,
        [
            *(style.line(report_text.plain_name(one), *MODELS[one]) for one in models),
            style.survey()[1],
        ],
        4,
    )
    return figure


def _weeks(name: str) -> str:
    first, last = forecasts.WEEKS[name]
    return f"week {first}" if first == last else f"weeks {first} to {last}"
