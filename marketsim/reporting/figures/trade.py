"""Figures of trade: prices along the supply chain, the flow of ivory, and displacement."""

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
from marketsim.reporting.figures.style import Tables
from marketsim.survey import statistics, targets
from marketsim.survey.intervals import column_intervals

# place of the supply chain: label, colour
PLACES = {
    "import": ("paid to importers", style.BLUE),
    "upstream": ("paid to suppliers or workshops", style.BLUE),
    "asked": ("asked online, all inquiries", style.BLUE),
    "seen": ("advertised online, surveyed", style.BLUE),
    "paid": ("paid online, advertised items", style.BLUE),
    "auction": ("paid online in group auctions", style.BLUE),
    "asked_stall": ("asked at physical markets", style.PURPLE),
    "paid_stall": ("paid at physical markets", style.PURPLE),
    "licensed": ("paid in licensed shops", style.GREEN),
}
PRODUCTS = {
    "raw": "Raw ivory",
    "semi_worked": "Semi-worked ivory",
    "uncarved": "Uncarved ivory",
    "carved": "Carved ivory",
}
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
# posts on the left, sales on the right: name, label, colour; one pair per row
WHERE = (
    (("visible", "Moments", style.BLUE), ("moments", "Moments and backup accounts", style.BLUE)),
    (("groups", "groups and private messages", style.GREEN), ("groups", "groups", style.GREEN)),
    (("elsewhere", "other platforms", style.ORANGE), ("other", "other platforms", style.ORANGE)),
    (("backup", "backup accounts", style.PURPLE), ("physical", "physical markets", style.PURPLE)),
    (("withheld", "withheld (not posted)", style.BLACK), ("all", "all illegal sales", style.BLACK)),
)


def flow(tables: Tables, retailers: int) -> Figure:
    """Draw the flow of ivory through the supply chain."""
    days = tables["daily"]["day"].nunique() - 1
    return flow_chart.flow_chart(trade_summary.flows(tables, retailers), days)


def prices(tables: Tables) -> Figure:
    """Draw the price of each product at each place of the supply chain."""
    prices = trade_summary.prices(tables)
    figure, grid = style.figure(8.6, 2, 2, sharex=True, sharey=True)
    for axes, product in zip(grid.flat, PRODUCT_NAMES, strict=True):
        axes.set_title(PRODUCTS[product])
        _chain(axes, column_intervals(prices[[product]].droplevel(0, axis=1)))
        for place, fact in published(product).items():
            value, low, high = style.value_and_ends(fact)
            ends = [[value - low], [high - value]]
            style.published(axes, [value], [list(PLACES).index(place) + 0.3], 6, xerr=ends)
    _price_axes(grid)
    middle = column_intervals(prices).loc["median"]
    facts = targets.targets()
    text = "Uncarved ivory was advertised at {:.0f} CNY per gram; published: {:.0f} CNY per gram"
    style.headline(
        figure, text.format(middle["uncarved", "seen"], facts["price_uncarved"].value or np.nan)
    )
    style.legend(figure, _explained(), 2)
    return figure


def published(product: str) -> dict[str, Fact]:
    """Return the published prices of a product by place of the supply chain."""
    found = {"seen": targets.targets()[f"price_{product}"]}
    stall = targets.context().get(f"physical_prices_{product}")
    return found | ({"asked_stall": stall} if stall else {})


def _chain(axes: Axes, prices: pd.DataFrame) -> None:
    """Draw medians and intervals, one row per place."""
    for row, (place, (_, colour)) in enumerate(PLACES.items()):
        middle, low, high = prices[place]
        if np.isfinite(middle):
            style.interval(axes, row, (low, middle, high), colour, "o")
        else:
            across = axes.get_yaxis_transform()
            axes.text(
                0.02, row, "none", va="center", transform=across, color=style.GREY, fontsize=9
            )


def _price_axes(grid: np.ndarray) -> None:
    """Label the rows with places and the columns with prices on a logarithmic scale."""
    first = grid.flat[0]
    first.set_xscale("log")
    low, high = first.get_xlim()
    first.xaxis.set_major_locator(FixedLocator([tick for tick in TICKS if low <= tick <= high]))
    first.xaxis.set_minor_locator(NullLocator())
    first.xaxis.set_major_formatter("{x:,.0f}")
    first.set_yticks(range(len(PLACES)), [label for label, _ in PLACES.values()])
    first.set_ylim(len(PLACES) - 0.4, -0.6)
    for axes in grid[-1]:
        axes.set_xlabel("CNY per gram (log scale)")


def _explained() -> list:
    return [
        style.line("simulated median (bar: 90 % interval)", style.GREY, "o"),
        style.line(
            "published (bar: interval of the evidence)", style.VERMILION, "D", "", hollow=True
        ),
    ]


def displacement(tables: Tables) -> Figure:
    """Draw the displacement of posts and of sales, week by week."""
    daily = tables["daily"]
    figure, grid = style.figure(12.5, len(WHERE), 2, sharex=True)
    posts, sold = trade_summary.posts(daily), trade_summary.sold(daily)
    for (left, right), (post, sale) in zip(grid, WHERE, strict=True):
        _panel(left, 100.0 * posts[post[0]], f"Posts: {post[1]}", post[2])
        _panel(right, sold[sale[0]], f"Sales: {sale[1]}{_few(sold[sale[0]])}", sale[2])
        right.axhline(1.0, color=style.GREY, linewidth=1)
        left.set_ylabel("% of intended posts", fontsize=10)
        right.set_ylabel("relative to weeks 1 to 4 (ratio)", fontsize=10)
    for axes in grid[-1]:
        axes.set_xlabel("week of the survey")
    text = (
        "In week {}, {:.0f} % of intended posts were visible in Moments, and {:.0f} % were withheld"
    )
    week = statistics.CRACKDOWN_WEEK
    shares = [100.0 * posts[name][week].median() for name in ("visible", "withheld")]
    style.headline(figure, text.format(week, *shares))
    style.legend(figure, _bands(), 3)
    return figure


def _panel(axes: Axes, table: pd.DataFrame, title: str, colour: str) -> None:
    """Draw one series by week, and the day of the sweep."""
    style.band(axes, table, colour, middle_half=False)
    axes.axvline(_sweep()[0], color=style.GREY, linewidth=1.2, linestyle=(0, (2, 2)))
    axes.set(
        xlim=(0.8, statistics.WEEKS + 0.2), xticks=range(1, statistics.WEEKS + 1), ylim=(0, None)
    )
    axes.set_title(title, fontsize=11)


def _few(sold: pd.DataFrame) -> str:
    """Return in how many runs anything was sold in weeks 1 to 4, if not in all."""
    known = int(sold.notna().any(axis=1).sum())
    return "" if known == len(sold) else f" ({known} of {len(sold)} runs)"


def _sweep() -> tuple[float, str]:
    """Return the place of the sweep of 2015 on the axis of weeks, and its date."""
    facts = evidence.inputs()
    start, sweep = facts["survey_start"].date, facts["sweep_may"].date
    assert start is not None and sweep is not None
    return (sweep - start).days / 7.0 + 0.5, f"{sweep.day} {sweep:%B %Y}"


def _bands() -> list:
    return [
        style.line("simulated median", style.GREY),
        Patch(color=style.GREY, alpha=style.NARROW, label="90 % interval"),
        style.line(f"sweep of {_sweep()[1]}", style.GREY, dashes=(0, (2, 2))),
    ]
