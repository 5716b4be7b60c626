"""The figures on trade: prices along the chain, the flow of ivory, and where trade moved to.

What they show is computed in `trade_sums`. Vermilion is the survey's alone.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from marketsim.model.ledger import PRODUCT_NAMES
from marketsim.parameters import evidence
from marketsim.parameters.evidence import Fact
from marketsim.reporting import trade_summary
from marketsim.reporting.figures import flow_chart, style
from marketsim.reporting.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    NARROW,
    ORANGE,
    PURPLE,
    VERMILION,
)
from marketsim.reporting.trade_summary import Tables
from marketsim.survey import statistics, targets
from marketsim.survey.intervals import column_intervals

# place: words, colour; from the source to the buyer
PLACES = {
    "import": ("bought of importers", BLUE),
    "upstream": ("bought of suppliers or workshops", BLUE),
    "asked": ("asked online, all inquiries", BLUE),
    "seen": ("asked online, labels surveyed", BLUE),
    "paid": ("paid online at a label's price", BLUE),
    "auction": ("paid online in group auctions", BLUE),
    "asked_stall": ("asked at physical markets", PURPLE),
    "paid_stall": ("paid at physical markets", PURPLE),
    "licensed": ("paid in licensed shops", GREEN),
}
PRODUCTS = {
    "raw": "Raw ivory",
    "semi_worked": "Semi-worked ivory",
    "uncarved": "Worked without carving",
    "carved": "Carved",
}
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
# posts on the left, sales on the right: name, words, colour; one pair a row
WHERE = (
    (("visible", "Moments", BLUE), ("moments", "Moments and backup accounts", BLUE)),
    (("groups", "groups and private messages", GREEN), ("groups", "groups", GREEN)),
    (("elsewhere", "other platforms", ORANGE), ("other", "other platforms", ORANGE)),
    (("backup", "backup accounts", PURPLE), ("physical", "physical markets", PURPLE)),
    (("withheld", "posted nowhere (withheld)", BLACK), ("all", "all illegal sales", BLACK)),
)


def draw(folder: Path, tables: Tables, retailers: int) -> list[Path]:
    """Write the figures on trade as PNG files.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    tables : mapping of str to DataFrame
        All tables of a study.
    retailers : int
        Traders at the start of each run.

    Returns
    -------
    list of Path
        The files written.
    """
    return style.save(folder, makers(tables, retailers))


def makers(tables: Tables, retailers: int) -> dict[str, Callable[[], Figure]]:
    """Return what makes each figure on trade from what `draw` takes, by its name."""
    return {
        "flow": partial(flow, tables, retailers),
        "prices": partial(prices, tables),
        "displacement": partial(displacement, tables),
    }


def flow(tables: Tables, retailers: int) -> Figure:
    """Return the picture of the ivory that went through the chain."""
    days = tables["daily"]["day"].nunique() - 1
    return flow_chart.draw(trade_summary.flows(tables, retailers), days)


def prices(tables: Tables) -> Figure:
    """Return the price of each product at each place of the chain, beside the published ones."""
    prices = trade_summary.prices(tables)
    figure, grid = style.figure(8.6, 2, 2, sharex=True, sharey=True)
    for axes, product in zip(grid.flat, PRODUCT_NAMES, strict=True):
        axes.set_title(PRODUCTS[product])
        _chain(axes, column_intervals(prices[[product]].droplevel(0, axis=1)))
        for place, fact in published(product).items():
            _point(axes, list(PLACES).index(place), fact)
    _price_axes(grid)
    middle = column_intervals(prices).loc["median"]
    facts = targets.targets()
    text = (
        "On labels uncarved ivory was offered at {:.0f} CNY a gram, in TRAFFIC's survey at {:.0f}"
    )
    style.headline(
        figure, text.format(middle["uncarved", "seen"], facts["price_uncarved"].value or np.nan)
    )
    style.legend(figure, _explained(), 2)
    return figure


def published(product: str) -> dict[str, Fact]:
    """Return the published prices of a product by the place of the chain they belong to."""
    found = {"seen": targets.targets()[f"price_{product}"]}
    stall = targets.context().get(f"physical_prices_{product}")
    return found | ({"asked_stall": stall} if stall else {})


def _chain(axes: Axes, prices: pd.DataFrame) -> None:
    """Draw medians and intervals, one row a place."""
    for row, (place, (_, colour)) in enumerate(PLACES.items()):
        middle, low, high = prices[place]
        if np.isfinite(middle):
            style.interval(axes, row, (low, middle, high), colour, "o")
        else:
            across = axes.get_yaxis_transform()
            axes.text(0.02, row, "none", va="center", transform=across, color=GREY, fontsize=9)


def _point(axes: Axes, row: int, fact: Fact) -> None:
    """Draw a published price with its interval, a little below the simulated one."""
    value, low, high = np.array([fact.value, fact.low, fact.high], dtype=float)
    axes.errorbar(
        value, row + 0.3, xerr=[[value - low], [high - value]], fmt="D", color=VERMILION,
        capsize=3, markerfacecolor="white", markersize=6, zorder=5,
    )  # fmt: skip


def _price_axes(grid: np.ndarray) -> None:
    """Write the places beside the rows and prices below, each step of which is a doubling."""
    first = grid.flat[0]
    first.set_xscale("log")
    low, high = first.get_xlim()
    first.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if low <= tick <= high]))
    first.xaxis.set_minor_locator(NullLocator())
    first.xaxis.set_major_formatter("{x:,.0f}")
    first.set_yticks(range(len(PLACES)), [words for words, _ in PLACES.values()])
    first.set_ylim(len(PLACES) - 0.4, -0.6)
    for axes in grid[-1]:
        axes.set_xlabel("CNY a gram (log scale)")


def _explained() -> list:
    return [
        style.line("median of the runs (bar: 90 % of the runs)", GREY, "o"),
        style.line("TRAFFIC (bar: interval of the evidence)", VERMILION, "D", "", hollow=True),
    ]


def displacement(tables: Tables) -> Figure:
    """Return where posts went week by week, and what was sold at each place."""
    daily = tables["daily"]
    figure, grid = style.figure(12.5, len(WHERE), 2, sharex=True)
    posts, sold = trade_summary.posts(daily), trade_summary.sold(daily)
    for (left, right), (post, sale) in zip(grid, WHERE, strict=True):
        _panel(left, 100.0 * posts[post[0]], f"Posts: {post[1]}", post[2])
        _panel(right, sold[sale[0]], f"Grams sold: {sale[1]}{_few(sold[sale[0]])}", sale[2])
        right.axhline(1.0, color=GREY, linewidth=1)
        left.set_ylabel("% of the posts meant", fontsize=10)
        right.set_ylabel("over weeks 1 to 4 (ratio)", fontsize=10)
    for axes in grid[-1]:
        axes.set_xlabel("week of the survey")
    text = (
        "In week {}, {:.0f} % of the posts meant stood in Moments, and {:.0f} % were posted nowhere"
    )
    week = statistics.CRACKDOWN_WEEK
    shares = [100.0 * posts[name][week].median() for name in ("visible", "withheld")]
    style.headline(figure, text.format(week, *shares))
    style.legend(figure, _bands(), 3)
    return figure


def _panel(axes: Axes, table: pd.DataFrame, title: str, colour: str) -> None:
    """Draw one series by week, and the day of the sweep."""
    _band(axes, table, colour)
    axes.axvline(_sweep()[0], color=GREY, linewidth=1.2, linestyle=(0, (2, 2)))
    axes.set(
        xlim=(0.8, statistics.WEEKS + 0.2), xticks=range(1, statistics.WEEKS + 1), ylim=(0, None)
    )
    axes.set_title(title, fontsize=11)


def _few(sold: pd.DataFrame) -> str:
    """Say in how many runs anything was sold in weeks 1 to 4, where not in all."""
    known = int(sold.notna().any(axis=1).sum())
    return "" if known == len(sold) else f" ({known} of {len(sold)} runs)"


def _band(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    """Draw median and 90 % interval over the runs along the weeks."""
    found = column_intervals(table)
    axes.fill_between(
        found.columns, *found.loc[["low", "high"]].to_numpy(), color=colour, alpha=NARROW, lw=0
    )
    axes.plot(found.columns, found.loc["median"], color=colour, linewidth=2)


def _sweep() -> tuple[float, str]:
    """Return where on the axis of weeks the sweep of 2015 lies, each week about its number."""
    facts = evidence.inputs()
    start, sweep = facts["survey_start"].date, facts["sweep_may"].date
    assert start is not None and sweep is not None
    return (sweep - start).days / 7.0 + 0.5, f"{sweep.day} {sweep:%B %Y}"


def _bands() -> list:
    return [
        style.line("median of the runs", GREY),
        Patch(color=GREY, alpha=NARROW, label="90 % of the runs"),
        style.line(f"the sweep of {_sweep()[1]}", GREY, style=(0, (2, 2))),
    ]
