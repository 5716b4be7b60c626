"""Figures of a comparison: effects, weekly posts, displacement, effort and dose-response."""

import datetime as dt
import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from marketsim.analysis.comparison.effects import RANKED, main_doses
from marketsim.analysis.comparison.effects import name_of as full_name
from marketsim.reporting.figures import style
from marketsim.reporting.figures.style import Tables
from marketsim.reporting.text import Estimate, estimate, plain_name

COLUMNS = 3
ROW = 0.32  # inches per row of a forest plot
INTERVAL = "simulated median and 90 % interval"


def name_of(row: Any) -> str:
    """Return the name of a scenario with its dose, or the key that stands in for it."""
    return style.letters(full_name(row))


def effects(tables: Tables) -> Figure:
    """Draw the effect of every scenario on ivory sales, under posterior and prior."""
    rows: Any = main_doses(tables["effects"])
    rows = rows[rows["outcome"] == RANKED].sort_values("effect", ascending=False)
    base = rows["baseline"].iloc[0]
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
    axes.set(yticks=range(len(rows)), yticklabels=[name_of(row) for _, row in rows.iterrows()],
             xlim=ends, xlabel="change in ivory sales relative to the baseline (%)")  # fmt: skip
    best = rows.iloc[-1]
    change, unsure = _percent(best), ""
    if best["percent_q05"] <= 0 <= best["percent_q95"]:
        unsure = "; cannot tell whether sales fall"
    style.headline(made, f"Lowest ivory sales: {name_of(best)}, change {change.value} % "
                   f"(90 % interval: {change.interval}){unsure}")  # fmt: skip
    handles = [style.line(INTERVAL, style.BLUE, "o")]
    if (rows["informed_by"] == "prior").any():
        handles.append(style.line("not constrained by the survey", style.BLUE, "o", hollow=True))
    if rows["prior_q05"].notna().any():
        handles.append(style.line("prior, 90 % interval", style.GREY, width=5))
    style.legend(made, handles)
    return made


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
    lines = -(-len(rows) // COLUMNS)
    made, panels = style.figure(
        1.7 + 1.9 * lines, lines, min(COLUMNS, len(rows)), sharex=True, sharey=True, squeeze=False
    )
    for axes, (_, row) in zip(panels.flat, rows.iterrows(), strict=False):
        mine = weeks[weeks["arm"] == row["arm"]]
        axes.plot(base["week"], base["visible"], color=style.GREY, lw=1.2)
        axes.fill_between(mine["week"], mine["visible_q05"], mine["visible_q95"], color=style.BLUE,
                          alpha=0.15, lw=0)  # fmt: skip
        axes.plot(mine["week"], mine["visible"], color=style.BLUE, lw=1.6)
        axes.set_title(name_of(row), fontsize=style.SMALL + 1, loc="left")
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
    left.set(yticks=range(len(seen)), yticklabels=[name_of(row) for _, row in seen.iterrows()],
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
    made, axes = style.figure(max(5.6, 1.6 + 0.19 * len(rows)))
    names = []
    for number_of, (_, row) in enumerate(rows.iterrows(), start=1):
        error = [[row["grams_avoided"] - row["grams_avoided_q05"]],
                 [row["grams_avoided_q95"] - row["grams_avoided"]]]  # fmt: skip
        axes.errorbar(row["total_hours"], row["grams_avoided"], yerr=np.maximum(error, 0.0),
                      fmt="o", color=style.BLUE, elinewidth=0.8, alpha=0.8, ms=4)  # fmt: skip
        names.append(f"{number_of} {name_of(row)}")
    axes.text(1.02, 1.0, "\n".join(names), transform=axes.transAxes, va="top",
              fontsize=style.SMALL)  # fmt: skip
    axes.axhline(0.0, color=style.GREY, lw=1)
    axes.set_xscale("symlog", linthresh=1.0)
    axes.set_xlim(left=min(rows["total_hours"].min(), 0.0) - 0.3)
    points = rows[["total_hours", "grams_avoided"]].to_numpy(float)
    _number_points(made, axes, points)
    axes.set(xlabel="extra hours of moderators and police per week and 1,000 traders (assumed)",
             ylabel="reduction in ivory sales, g per week and 1,000 traders")  # fmt: skip
    paid = rows[rows["total_hours"] > 0].sort_values("grams_avoided_per_hour")
    text = "No scenario needs extra hours of moderators or police"
    if len(paid):
        most = paid.iloc[-1]
        less = [most[f"grams_avoided{end}"] / most["total_hours"] for end in ("", "_q05", "_q95")]
        per_hour = estimate(*less)
        text = f"Largest reduction in sales per hour: {name_of(most)}, {per_hour.value} g "
        text += f"(90 % interval: {per_hour.interval})"
    style.headline(made, text)
    style.legend(made, [style.line(INTERVAL, style.BLUE, "o")])
    return made


def _number_points(made: Figure, axes: Any, points: np.ndarray) -> None:
    """Write numbers at points; one that would cover another moves away, with a line to it."""
    made.draw_without_rendering()  # the layout decides where points are
    size, taken = style.SMALL, axes.transData.transform(points)
    room = np.array([1.5, 1.1]) * size * made.dpi / 72.0  # of two digits
    for number_of, place in enumerate(axes.transData.transform(points), start=1):
        for distance, angle in itertools.product(np.arange(1.0, 9.0, 0.5), np.arange(16) * 22.5):
            turn = np.radians(30.0 + angle)
            centre = place + distance * room * [np.cos(turn), np.sin(turn)]
            if not (np.abs(taken - centre) < room).all(axis=1).any():
                break
        taken = np.vstack([taken, centre])
        line = {"arrowstyle": "-", "color": style.GREY, "lw": 0.5} if distance > 1.0 else None
        offset = (centre - place) * 72.0 / made.dpi
        axes.annotate(str(number_of), points[number_of - 1], xytext=offset, ha="center",
                      textcoords="offset points", va="center", fontsize=size, arrowprops=line,
                      in_layout=False)  # fmt: skip


def dose_response(tables: Tables) -> Figure:
    """Draw the dose-response of ivory sales for doses without a source."""
    rows: Any = tables["effects"]
    rows = rows[rows["outcome"] == RANKED]
    curved = [name for name, part in rows.groupby("scenario", sort=False) if len(part) > 1]
    lines = max(-(-len(curved) // COLUMNS), 1)
    made, panels = style.figure(1.4 + 1.9 * lines, lines, COLUMNS, sharey=True, squeeze=False)
    for axes, name in zip(panels.flat, curved, strict=False):
        part = rows[rows["scenario"] == name].sort_values("dose_multiplier")
        ends = (part["percent_q05"], part["percent_q95"])
        axes.fill_between(part["dose_multiplier"], *ends, color=style.BLUE, alpha=0.2, lw=0)
        axes.plot(part["dose_multiplier"], part["percent"], "o-", color=style.BLUE, ms=4)
        axes.axhline(0.0, color=style.GREY, lw=1)
        axes.set_title(style.letters(plain_name(name)), fontsize=style.SMALL + 1, loc="left")
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
