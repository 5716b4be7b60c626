"""Colours, style and shared elements of the figures.

Vermilion shows published values only. Figures are made without pyplot, so that no state is shared
with a caller, and from matplotlib's defaults, so that they are the same whatever a user has set.
"""

import contextlib
import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from marketsim.parameters import evidence
from marketsim.parameters.declaration import Prior
from marketsim.parameters.evidence import Fact
from marketsim.reporting.text import display_width, number
from marketsim.survey import statistics
from marketsim.survey.intervals import INTERVAL

Tables = Mapping[str, pd.DataFrame]

# Okabe and Ito's colours, distinguishable with colour blindness too
BLUE, VERMILION, GREEN, PURPLE, ORANGE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
BLACK, GREY, SKY = "#000000", "#595959", "#56B4E9"
WIDE, NARROW = 0.16, 0.22  # opacity of the 90 % interval, and of the middle half drawn over it
UNUSUAL = "published survey unusual for the model (p-value below 0.05)"  # of hollow points
SMALL = 9.0  # points
FAMILY = "DejaVu Sans"  # comes with matplotlib
# for letters that it lacks, in this order: families of Linux, macOS and Windows
OTHER_FAMILIES = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC",
    "Source Han Sans CN", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback",
    "PingFang SC", "Hiragino Sans GB", "Heiti SC", "Microsoft YaHei", "SimHei", "SimSun",
    "Arial Unicode MS",
)  # fmt: skip
STYLE: dict[Any, Any] = {
    "font.size": 11, "axes.titlesize": 12,
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.axisbelow": True, "axes.grid": True, "grid.color": "#e4e4e4", "legend.frameon": False,
}  # fmt: skip
LONGEST = 32  # letters of a name beside an axis; a Chinese one counts twice
_lock = threading.RLock()  # matplotlib's settings are shared by all threads


@contextlib.contextmanager
def project_style() -> Iterator[None]:
    """Draw in the project style on matplotlib's defaults, whatever the user has set."""
    with _lock, matplotlib.style.context(STYLE | {"font.family": families()}, after_reset=True):
        matplotlib.rcParams["timezone"] = "UTC"  # of dates: no matter of style to matplotlib
        yield


def families() -> list[str]:
    """Return the families of installed fonts that texts are drawn with, in order of preference."""
    installed = font_manager.fontManager.get_font_names()
    return [FAMILY, *(name for name in OTHER_FAMILIES if name in installed)]


def is_drawable(name: str) -> bool:
    """Return whether a name can be read in a figure: short enough, and of letters that fonts have.

    Letters that are written from right to left are not: beside numbers their order would change.

    Examples
    --------
    >>> [is_drawable(name) for name in ("no crackdown", "x" * 33, "العربية")]
    [True, False, False]
    """
    if (
        display_width(name) > LONGEST or "$" in name or not name.isprintable()
    ):  # $ would start a formula
        return False
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name):
        return False
    fonts = [font_manager.get_font(font_manager.findfont(family)) for family in families()]
    return all(any(font.get_char_index(ord(letter)) for font in fonts) for letter in name)


class ProjectFigure(Figure):
    """A figure in the project style, also where it is drawn or saved under other settings."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw the figure."""
        with project_style():
            super().draw(renderer)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save the figure to a file."""
        with project_style():
            super().savefig(fname, **options)


def figure(height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """Return a figure of a height in inches, and its axes."""
    made = ProjectFigure(figsize=(9.5, height), layout="constrained")
    return made, made.subplots(rows, columns, **options)


# ---------------------------------------------------------------- data


def band(
    axes: Axes, table: pd.DataFrame, colour: str, dashes: Any = "-", middle_half: bool = True
) -> None:
    """Draw the median and the 90 % interval over the rows (runs), and the middle half."""
    places, (low, high) = np.asarray(table.columns), INTERVAL
    levels = table.astype(float).quantile([low, 0.25, 0.5, 0.75, high]).to_numpy()
    parts = ((0, 4, WIDE), (1, 3, NARROW)) if middle_half else ((0, 4, NARROW),)
    for first, last, alpha in parts:
        axes.fill_between(places, levels[first], levels[last], color=colour, alpha=alpha, lw=0)
    axes.plot(places, levels[2], color=colour, linestyle=dashes, linewidth=2)


def interval(
    axes: Axes,
    place: float,
    three: Sequence[float] | np.ndarray,
    colour: str,
    marker: str,
    ends: tuple[float, float] = (-np.inf, np.inf),
    hollow: bool = False,
) -> None:
    """Draw low end, median and high end at a height; an arrow marks what exceeds the axis."""
    low, middle, high = three
    axes.plot(np.clip([low, high], *ends), [place, place], color=colour, lw=1.8)
    for end, arrow, beyond in ((ends[0], "<", low < ends[0]), (ends[1], ">", high > ends[1])):
        if beyond:
            axes.plot(end, place, arrow, color=colour, clip_on=False)
    if ends[0] <= middle <= ends[1]:
        axes.plot(middle, place, marker, color=colour, mfc="white" if hollow else colour)


def published(axes: Axes, x: Sequence, y: Sequence, size: float = 7, **errors: Any) -> None:
    """Draw published values with the intervals of the evidence (`xerr`, `yerr`)."""
    axes.errorbar(
        x, y, fmt="D", color=VERMILION, capsize=size - 3, markerfacecolor="white",
        markersize=size, zorder=5, **errors,
    )  # fmt: skip


def value_and_ends(fact: Fact) -> np.ndarray:
    """Return value, low and high end of a fact, shape (3,); nan where there is none."""
    return np.array([fact.value, fact.low, fact.high], dtype=float)


def margin(axes: Axes, place: float, text: str, colour: str) -> None:
    """Write a text to the right of the axes."""
    across = axes.get_yaxis_transform()
    axes.text(1.03, place, text, transform=across, color=colour, fontsize=SMALL, va="center")


# ---------------------------------------------------------------- axes


def scale(axes: Axes, which: str, prior: Prior) -> None:
    """Give an axis the range and the scale of a prior, with few round ticks."""
    axis = getattr(axes, f"{which}axis")
    axes.set(**{f"{which}lim": (prior.low, prior.high)})
    if prior.form == "loguniform":
        axes.set(**{f"{which}scale": "log"})
        decades = np.log10(prior.high / prior.low)
        subs = (1, 2, 5) if decades < 1.6 else (1, 3) if decades < 2.0 else (1,)
        axis.set(major_locator=LogLocator(subs=subs), minor_locator=NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_tick_params(labelsize=SMALL + 1)


def week_axis(axes: Axes, label: str) -> None:
    """Label the axes with the weeks of the survey, their first days, and what is counted."""
    start = str(evidence.inputs()["survey_start"].date)
    days = pd.date_range(start, periods=statistics.WEEKS, freq="7D")
    labels = [f"{week}\n{day.day} {day:%b}" for week, day in enumerate(days, 1)]
    axes.set_xticks(range(1, statistics.WEEKS + 1), labels)
    axes.set(xlim=(0.6, statistics.WEEKS + 0.4), ylim=(0, None), ylabel=label)
    axes.set_xlabel(f"week of the survey, and its first day in {days[0].year}")


def date_axis(axes: Axes, first: Any, last: Any, label: str = "from") -> None:
    """Give an axis dates from the first to the last, which are named in its label."""
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))
    axes.set_xlim(first, last)
    axes.set_xlabel(f"{label} {first:%Y-%m-%d} to {last:%Y-%m-%d}")


# ---------------------------------------------------------------- titles and legends


def headline(figure: Figure, text: str) -> None:
    """Write a title with numbers of the figure, or that there are no data."""
    known = not re.search(r"\bnan\b", text)
    figure.suptitle(text if known else "No data in these tables", x=0.01, ha="left", fontsize=12)


def line(
    label: str, colour: str, marker: str = "", dashes: Any = "-", width: float = 1.5,
    hollow: bool = False,
) -> Line2D:  # fmt: skip
    """Return an entry of the legend."""
    face = "white" if hollow else colour
    return Line2D([], [], color=colour, marker=marker, mfc=face, ls=dashes, lw=width, label=label)


def survey() -> list[Any]:
    """Return the entries of the legend that explain published values."""
    band = Patch(color=VERMILION, alpha=NARROW, label="interval of the evidence")
    return [band, line("published", VERMILION, "D", "", hollow=True)]


def legend(figure: Figure, handles: list[Any], columns: int = 3, size: float = SMALL + 1) -> None:
    """Write a legend below a figure."""
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=size)
