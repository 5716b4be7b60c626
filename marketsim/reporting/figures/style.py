"""Parts that the figures of a calibration and of what tests it are drawn with.

In the style of `plots`: vermilion is the survey's alone, headlines are sentences with numbers of
the tables, legends lie outside. An interval that leaves its figure ends in an arrow.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from marketsim.parameters import evidence
from marketsim.parameters.declaration import Prior
from marketsim.reporting import text as report_text
from marketsim.survey import statistics
from marketsim.survey.intervals import INTERVAL

SKY = "#56B4E9"  # the last of Okabe and Ito's colours that shows on white
SMALL = 9.0  # points

Tables = Mapping[str, pd.DataFrame]


def write(
    folder: Path, tables: Tables, makers: Mapping[str, Callable[[Tables], Figure]]
) -> list[Path]:
    """Draw each figure from the tables and write it by its name, and return the files.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    tables : mapping of str to DataFrame
        All that the figures show.
    makers : mapping of str to callable
        By the name of each figure, what makes it of the tables.
    """
    return save(folder, {name: partial(make, tables) for name, make in makers.items()})


def figure(height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of a height in inches, and its axes."""
    made = Figure(figsize=(9.5, height), layout="constrained")
    return made, made.subplots(rows, columns, **options)


def interval(
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


def margin(axes: Axes, place: float, value: str, span: str, colour: str) -> None:
    """Write a value and its interval to the right of the axes."""
    text = f"{value} [{span}]".strip() if span else value
    across = axes.get_yaxis_transform()
    axes.text(1.03, place, text, transform=across, color=colour, fontsize=SMALL, va="center")


def scale(axes: Axes, which: str, prior: Prior) -> None:
    """Give an axis the range and the scale of a prior, with few round ticks."""
    axis = getattr(axes, f"{which}axis")
    axes.set(**{f"{which}lim": (prior.low, prior.high)})
    if prior.form == "loguniform":
        axes.set(**{f"{which}scale": "log"})
        decades = np.log10(prior.high / prior.low)
        subs = (1, 2, 5) if decades < 1.6 else (1, 3) if decades < 2.0 else (1,)
        axis.set(major_locator=LogLocator(subs=subs), minor_locator=NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: report_text.number(value)))
    axis.set_tick_params(labelsize=SMALL + 1)


def headline(figure: Figure, text: str) -> None:
    """Write a sentence with numbers of the figure, or that there are none."""
    known = not re.search(r"\bnan\b", text)
    text = text if known else "Nothing was found in these tables"
    figure.suptitle(text, x=0.01, ha="left", fontsize=12)


def line(
    label: str, colour: str, marker: str = "", style: Any = "-", width: float = 1.5,
    hollow: bool = False,
) -> Line2D:  # fmt: skip
    """Return a line of the legend."""
    face = "white" if hollow else colour
    return Line2D([], [], color=colour, marker=marker, mfc=face, ls=style, lw=width, label=label)


def survey() -> list[Any]:
    """Return the lines of the legend that explain what is TRAFFIC's."""
    band = Patch(color=VERMILION, alpha=NARROW, label="interval of the evidence")
    return [band, line("TRAFFIC's survey", VERMILION, "D", "", hollow=True)]


def legend(figure: Figure, handles: list[Any], columns: int = 3, size: float = SMALL + 1) -> None:
    """Write a legend below a figure."""
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=size)


# Okabe and Ito's colours, told apart by colour-blind people too. Vermilion is the survey's alone.
BLUE, VERMILION, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
BLACK, GREY = "#000000", "#595959"
WIDE, NARROW = 0.16, 0.22  # opacity of the 90 % band, and of the middle half drawn over it
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans", "font.size": 11, "axes.titlesize": 12,
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.axisbelow": True, "axes.grid": True, "grid.color": "#e4e4e4", "legend.frameon": False,
}  # fmt: skip


def save(folder: Path, makers: Mapping[str, Callable[[], Figure]]) -> list[Path]:
    """Make each figure in the house's style, write it by its name, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with matplotlib.rc_context(STYLE):
        for name, make in makers.items():
            files.append(folder / f"{name}.png")
            make().savefig(files[-1], dpi=150)
    return files


def band(axes: Axes, table: pd.DataFrame, colour: str, style: Any = "-") -> None:
    """Draw the median over the rows (runs) and its two intervals along the columns."""
    places, (low, high) = np.asarray(table.columns), INTERVAL
    levels = table.astype(float).quantile([low, 0.25, 0.5, 0.75, high]).to_numpy()
    for first, last, alpha in ((0, 4, WIDE), (1, 3, NARROW)):
        axes.fill_between(places, levels[first], levels[last], color=colour, alpha=alpha, lw=0)
    axes.plot(places, levels[2], color=colour, linestyle=style, linewidth=2)


def week_axis(axes: Axes, label: str) -> None:
    """Write each week's number with its first day below, and what is counted."""
    start = str(evidence.inputs()["survey_start"].date)
    days = pd.date_range(start, periods=statistics.WEEKS, freq="7D")
    labels = [f"{week}\n{day.day} {day:%b}" for week, day in enumerate(days, 1)]
    axes.set_xticks(range(1, statistics.WEEKS + 1), labels)
    axes.set(xlim=(0.6, statistics.WEEKS + 0.4), ylim=(0, None), ylabel=label)
    axes.set_xlabel(f"week of the survey, and its first day in {days[0].year}")
