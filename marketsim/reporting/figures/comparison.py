"""Figures of a comparison: effects, weekly posts, displacement, effort and dose-response."""

import datetime as dt
import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from marketsim.analysis.comparison.effects import RANKED, main_doses, name_of, scenario_words
from marketsim.reporting.figures import style
from marketsim.reporting.figures.style import Tables
from marketsim.reporting.text import Estimate, estimate

COLUMNS = 3
ROW = 0.32  # inches per row of a forest plot
LINE = 0.155  # inches per row of a list
INTERVAL = "simulated median and 90 % interval"
# where the number of a point may be written: distances in points, and angles, beside it first
DISTANCES = (9.5, 13.0, 18.0, 25.0, 34.0, 45.0, 58.0, 73.0, 90.0)
ANGLES = np.radians([20, 340, 160, 200, 45, 315, 135, 225, 70, 290, 110, 250])


def labels(effects: pd.DataFrame) -> dict[str, str]:
    """Return what figures call each scenario: its name in words, or a number beside its name.

    A number stands in for a name that cannot be read in a figure.

    Parameters
    ----------
    effects : DataFrame
        Its scenarios are numbered in their order.
    """
    out = {}
    for number, name in enumerate(dict.fromkeys(effects["scenario"]), start=1):
        words = scenario_words(name)
        out[name] = words if style.is_drawable(words) else f"scenario #{number}"
    return out


def effects(tables: Tables) -> Figure:
    """Draw the effect of every scenario on ivory sales, under posterior and prior."""
    rows: Any = main_doses(tables["effects"])
    rows = rows[rows["outcome"] == RANKED].sort_values("effect", ascending=False)
    base, names = rows["baseline"].iloc[0], labels(tables["effects"])
    made, axes = style.figure(1.9 + ROW * len(rows))
    ends = _ends(rows, ("percent_q05", "percent_q95"))
    for place, (_, row) in enumerate(rows.iterrows()):
        prior = [100.0 * row[f"prior_{end}"] / base for end in ("q05", "q95")]
        if np.isfinite(prior).all():
            axes.plot(np.clip(prior, *ends), [place] * 2, color=style.GREY, lw=5, alpha=0.45)
        three = (row["percent_q05"], row["percent"], row["percent_q95"])
        style.interval(
            axes, place, three, style.BLUE, "o", ends, hollow=row["informed_by"] == "prior"
        )
        style.margin(axes, place, str(_percent(row)), style.BLUE)
    axes.axvline(0.0, color=style.GREY, lw=1)
    axes.set(yticks=range(len(rows)),
             yticklabels=[name_of(row, names) for _, row in rows.iterrows()],
             xlim=ends, xlabel="change in ivory sales relative to the baseline (%)")  # fmt: skip
    best = rows.iloc[-1]
    change, unsure = _percent(best), ""
    if best["percent_q05"] <= 0 <= best["percent_q95"]:
        unsure = "; cannot tell whether sales fall"
    style.headline(made, f"Lowest ivory sales: {name_of(best, names)}, change {change.value} % "
                   f"(90 % interval: {change.interval}){unsure}")  # fmt: skip
    handles = [style.line(INTERVAL, style.BLUE, "o")]
    if with_prior(tables["effects"]):
        handles.append(style.line("not constrained by the survey", style.BLUE, "o", hollow=True))
        handles.append(style.line("prior, 90 % interval", style.GREY, width=5))
    style.legend(made, handles)
    return made


def with_prior(effects: pd.DataFrame) -> bool:
    """Return whether the comparison was also run under the prior."""
    return bool(effects["prior_q05"].notna().any())


def _percent(row: Any) -> Estimate:
    return estimate(row["percent"], row["percent_q05"], row["percent_q95"])


def _ends(rows: pd.DataFrame, columns: tuple[str, str]) -> tuple[float, float]:
    """Return the ends of an axis that shows all intervals and zero."""
    low, high = min(rows[columns[0]].min(), 0.0), max(rows[columns[1]].max(), 0.0)
    room = 0.05 * max(high - low, 1e-9)
    return low - room, high + room


def curves(tables: Tables, start: dt.date) -> Figure:
    """Draw visible posts by week, each scenario and the baseline."""
    weeks, rows = tables["weeks"], main_doses(tables["effects"]).drop_duplicates("arm")
    base = weeks[weeks["arm"] == weeks["arm"].iloc[0]]
    lines, names = -(-len(rows) // COLUMNS), labels(tables["effects"])
    made, panels = style.figure(
        1.7 + 1.9 * lines, lines, min(COLUMNS, len(rows)), sharex=True, sharey=True, squeeze=False
    )
    for axes, (_, row) in zip(panels.flat, rows.iterrows(), strict=False):
        mine = weeks[weeks["arm"] == row["arm"]]
        axes.plot(base["week"], base["visible"], color=style.GREY, lw=1.2)
        axes.fill_between(mine["week"], mine["visible_q05"], mine["visible_q95"], color=style.BLUE,
                          alpha=0.15, lw=0)  # fmt: skip
        axes.plot(mine["week"], mine["visible"], color=style.BLUE, lw=1.6)
        axes.set_title(name_of(row, names), fontsize=style.SMALL + 1, loc="left")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in panels.flat[len(rows) :]:
        axes.set_visible(False)
    _label_below(panels, len(rows), "week of the run")
    made.supylabel(
        "visible posts in Moments,\nper week and 1,000 traders",
        fontsize=style.SMALL + 2,
        linespacing=1.3,
    )
    style.headline(made, f"Visible posts by week; effects are evaluated from {start} on")
    style.legend(made, [style.line("scenario: simulated median", style.BLUE),
                        style.line("90 % interval", style.BLUE, width=6),
                        style.line("baseline: simulated median", style.GREY)])  # fmt: skip
    return made


def displacement(tables: Tables) -> Figure:
    """Draw the change of visible posts beside that of the share of posts made elsewhere."""
    rows: Any = main_doses(tables["effects"]).set_index("arm")
    seen = rows[rows["outcome"] == "visible"].sort_values("percent", ascending=False)
    moved = rows[rows["outcome"] == "displaced"].loc[seen.index]
    names = labels(tables["effects"])
    made, (left, right) = style.figure(1.9 + ROW * len(seen), 1, 2, sharey=True)
    for place, arm in enumerate(seen.index):
        for axes, row, name in (
            (left, seen.loc[arm], "percent"),
            (right, moved.loc[arm], "effect"),
        ):
            three = (row[f"{name}_q05"], row[name], row[f"{name}_q95"])
            style.interval(axes, place, three, style.BLUE, "o")
    for axes in (left, right):
        axes.axvline(0.0, color=style.GREY, lw=1)
    left.set(yticks=range(len(seen)),
             yticklabels=[name_of(row, names) for _, row in seen.iterrows()],
             xlabel="visible posts in Moments,\nchange (%)")  # fmt: skip
    right.set(xlabel="share of posts on backup accounts, in groups\nor elsewhere, change (points)")
    most = moved.loc[moved["effect"].idxmax()]
    change = estimate(most["effect"], most["effect_q05"], most["effect_q95"])
    style.headline(made, "Displacement: the share of posts made elsewhere rises by up to "
                   f"{change.value} points (90 % interval: {change.interval})")  # fmt: skip
    style.legend(made, [style.line(INTERVAL, style.BLUE, "o")])
    return made


def effort(tables: Tables) -> Figure:
    """Draw the reduction in ivory sales against the enforcement effort."""
    about = main_doses(tables["effects"]).drop_duplicates("arm")[
        ["arm", "scenario", "dose_multiplier"]
    ]
    rows: Any = (
        tables["effort"].merge(about, on="arm").sort_values("grams_avoided", ascending=False)
    )
    names = labels(tables["effects"])
    made, axes = style.figure(max(5.6, 1.6 + LINE * len(rows)))
    for _, row in rows.iterrows():
        error = [[row["grams_avoided"] - row["grams_avoided_q05"]],
                 [row["grams_avoided_q95"] - row["grams_avoided"]]]  # fmt: skip
        axes.errorbar(row["total_hours"], row["grams_avoided"], yerr=np.maximum(error, 0.0),
                      fmt="o", color=style.BLUE, elinewidth=0.8, alpha=0.8, ms=4)  # fmt: skip
    listed = [f"{k} {name_of(row, names)}" for k, (_, row) in enumerate(rows.iterrows(), start=1)]
    axes.text(1.02, 1.0, "\n".join(listed), transform=axes.transAxes, va="top",
              fontsize=style.SMALL)  # fmt: skip
    axes.axhline(0.0, color=style.GREY, lw=1)
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(left=min(rows["total_hours"].min(), 0.0) - 0.3)
    axes.set(xlabel="extra hours of moderators and police per week and 1,000 traders (assumed)",
             ylabel="reduction in ivory sales, g per week and 1,000 traders")  # fmt: skip
    paid = rows[rows["total_hours"] > 0].sort_values("grams_avoided_per_hour")
    text = "No scenario needs extra hours of moderators or police"
    if len(paid):
        most = paid.iloc[-1]
        less = [most[f"grams_avoided{end}"] / most["total_hours"] for end in ("", "_q05", "_q95")]
        per_hour = estimate(*less)
        text = f"Largest reduction in sales per hour: {name_of(most, names)}, {per_hour.value} g "
        text += f"(90 % interval: {per_hour.interval})"
    style.headline(made, text)
    style.legend(made, [style.line(INTERVAL, style.BLUE, "o")])
    _number(made, axes, rows[["total_hours", "grams_avoided"]].to_numpy(float))
    return made


def _number(figure: Figure, axes: Axes, points: np.ndarray) -> None:
    """Write numbers at points, each where it covers no other number and no point.

    Parameters
    ----------
    figure : Figure
        With all that decides where the axes are.
    axes : Axes
        Of the points.
    points : ndarray of float64, shape (points, 2)
        In the order of their numbers.
    """
    figure.draw_without_rendering()  # lays the figure out
    scale = 72.0 / figure.dpi  # the layout is in dots, the numbers are placed in points
    places = scale * axes.transData.transform(points)
    low, high = scale * axes.get_window_extent().get_points()
    half = style.SMALL * np.array([0.32 * len(str(len(points))), 0.45]) + 0.5  # of a number
    corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * half
    taken: list[np.ndarray] = []
    for number, place in enumerate(places, start=1):
        for distance, angle in itertools.product(DISTANCES, ANGLES):
            centre = place + distance * np.array([np.cos(angle), np.sin(angle)])
            inside = (low < centre + corners).all() and (centre + corners < high).all()
            free = not _near(centre, places, half + 2.0) and not _near(centre, taken, 2.0 * half)
            if inside and free:
                break
        taken.append(centre)
        line = {"arrowstyle": "-", "color": style.GREY, "lw": 0.6, "shrinkA": 0, "shrinkB": 2}
        axes.annotate(
            str(number), points[number - 1], xytext=centre - place, textcoords="offset points",
            ha="center", va="center", fontsize=style.SMALL, in_layout=False,
            arrowprops=line if distance > DISTANCES[0] else None,
            path_effects=[patheffects.withStroke(linewidth=2.0, foreground="white")],
        )  # fmt: skip


def _near(centre: np.ndarray, others: Any, room: np.ndarray) -> bool:
    """Return whether any of some places is nearer than `room` in both directions."""
    return any((np.abs(other - centre) < room).all() for other in others)


def dose_response(tables: Tables) -> Figure:
    """Draw the dose-response of ivory sales for doses without a source."""
    rows: Any = tables["effects"]
    rows = rows[rows["outcome"] == RANKED]
    curved = [name for name, part in rows.groupby("scenario", sort=False) if len(part) > 1]
    lines, names = max(-(-len(curved) // COLUMNS), 1), labels(tables["effects"])
    made, panels = style.figure(1.4 + 1.9 * lines, lines, COLUMNS, sharey=True, squeeze=False)
    for axes, name in zip(panels.flat, curved, strict=False):
        part = rows[rows["scenario"] == name].sort_values("dose_multiplier")
        ends = (part["percent_q05"], part["percent_q95"])
        axes.fill_between(part["dose_multiplier"], *ends, color=style.BLUE, alpha=0.2, lw=0)
        axes.plot(part["dose_multiplier"], part["percent"], "o-", color=style.BLUE, ms=4)
        axes.axhline(0.0, color=style.GREY, lw=1)
        axes.set_title(names[name], fontsize=style.SMALL + 1, loc="left")
        axes.set_xlim(left=0)
    for axes in panels.flat[len(curved) :]:
        axes.set_visible(False)
    _label_below(panels, len(curved), "dose multiplier (1: as specified)")
    made.supylabel("change in ivory sales (%)", fontsize=style.SMALL + 2)
    style.headline(made, f"Dose-response of doses without a source (scenarios: {len(curved)})")
    style.legend(made, [style.line("simulated median", style.BLUE, "o"),
                        style.line("90 % interval", style.BLUE, width=6)])  # fmt: skip
    return made


def _label_below(panels: np.ndarray, shown_panels: int, text: str) -> None:
    """Label the x axis below the lowest panel of each column."""
    for column in range(panels.shape[1]):
        lowest = [row for row in range(panels.shape[0])
                  if row * panels.shape[1] + column < shown_panels]  # fmt: skip
        if lowest:
            axes = panels[lowest[-1], column]
            axes.set_xlabel(text, fontsize=style.SMALL + 1)
            axes.tick_params(labelbottom=True)
