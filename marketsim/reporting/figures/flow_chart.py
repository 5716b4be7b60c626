"""Flow chart of ivory through the supply chain, with bands as wide as the flows.

Positions are in inches. Each column of nodes has the main flow in the middle, what leaves the
market above, and stocks and the legal market below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path

from marketsim.reporting.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    ProjectFigure,
)
from marketsim.reporting.text import estimate, number
from marketsim.reporting.trade_summary import HOLDERS
from marketsim.survey.intervals import column_intervals

Flows = dict[tuple[str, str], pd.Series]

STOCK = "#8a6d00"
WIDE, COLUMN, BAR = 10.8, 1.78, 0.12  # of the figure, a column, a node
TALLEST, LINE, GAP = 2.8, 0.18, 0.14  # largest node, line of a label, gap of nodes
LEAST = 0.02  # changes of stock below this share of the largest node are not drawn
ABOVE, MAIN, BELOW = 1, 0, -1
# node: column, lane, label, colour; ordered from the middle outwards, in the main lane downwards
NODES = {
    "poached": (0, MAIN, "raw ivory\nfrom poachers", BLUE),
    "suppliers": (1, MAIN, "suppliers", BLUE),
    "processors": (2, MAIN, "workshops", BLUE),
    "retailers": (3, MAIN, "traders", BLUE),
    "couriers": (4, MAIN, "sold online,\nsent by courier", BLUE),
    "stalls": (4, MAIN, "sold at\nphysical markets", BLUE),
    "buyers": (5, MAIN, "buyers", BLUE),
    "border": (1, ABOVE, "seized at the border", PURPLE),
    "supplier_raids": (2, ABOVE, "seized from suppliers", PURPLE),
    "waste": (3, ABOVE, "dust and waste", GREY),
    "processor_raids": (3, ABOVE, "seized in workshops", PURPLE),
    "arrests": (4, ABOVE, "seized from traders", PURPLE),
    "parcels": (5, ABOVE, "seized in parcels", PURPLE),
    "lost": (5, ABOVE, "lost in transit", GREY),
    "raw": (2, BELOW, "raw, to traders", BLUE),
    "laundered": (3, BELOW, "sold as legal", ORANGE),
    "licensed": (4, BELOW, "licensed shops", GREEN),
    "legal_stock": (3, BELOW, "legal stocks", GREEN),
}
# flows that pass by an intermediate node, and the name of their path
ROUND = {("suppliers", "retailers"): "raw", ("processors", "licensed"): "laundered"}
SEIZED = {name for name, (*_, colour) in NODES.items() if colour == PURPLE}
STOCKS = {f"{who}_stock" for who in HOLDERS}
OWNERS = ("suppliers'", "workshops'", "traders'", "couriers'")
COLOURS = (
    (BLUE, "illegal trade"), (GREEN, "legal market"), (ORANGE, "illegal, sold as legal"),
    (PURPLE, "seized"), (GREY, "wasted or lost"), (STOCK, "into or out of stock"),
)  # fmt: skip


@dataclass
class Node:
    """Node of the flow chart: its position, label, colour and height."""

    column: int
    lane: int
    name: str
    colour: str
    height: float = 0.0
    top: float = 0.0
    label: str = ""


def flow_chart(flows: pd.DataFrame, days: int) -> Figure:
    """Draw the flow chart.

    Parameters
    ----------
    flows : DataFrame
        From `trade_summary.flows`.
    days : int
        Days of the flows.
    """
    given = directed(flows)
    through = passing(given)
    largest = max(float(node.median()) for node in through.values())
    figure = ProjectFigure(figsize=(WIDE, 7.0))
    if not largest > 0:
        _headline(figure, "No trade in these runs")
        return figure
    shown = _significant(given, largest)
    nodes = _nodes(shown, through, TALLEST / largest)
    _place(nodes)
    _paint(figure, nodes, shown, TALLEST / largest)
    text = (
        "Per 1,000 traders {} kg of illegal ivory reached buyers, {} kg were seized, {} kg wasted"
    )
    _headline(figure, text.format(*map(number, ends(flows).median())))
    note = f"kg per 1,000 traders in {days} days"
    if len(flows) > 1:
        note += ": simulated median (90 % interval). Medians need not add up."
    figure.text(0.02, 1.0 - 0.4 / figure.get_figheight(), note, fontsize=11, color=GREY, va="top")
    return figure


def ends(flows: pd.DataFrame) -> pd.DataFrame:
    """Return for each run the kilograms `sold` illegally to buyers, `seized` and `wasted`."""
    given = directed(flows)
    sold = given["couriers", "buyers"] + given["stalls", "buyers"]
    seized = _sum([given[key] for key in given if key[1] in SEIZED])
    return pd.DataFrame({"sold": sold, "seized": seized, "wasted": given["processors", "waste"]})


def directed(flows: pd.DataFrame) -> Flows:
    """Return each flow by giver and taker; a stock with a falling median is a giver."""
    out: Flows = {}
    for place, name in enumerate(flows.columns):
        giver, taker = (str(part) for part in name)
        flow = flows.iloc[:, place]
        if taker in STOCKS and flow.median() < 0:
            giver, taker, flow = taker, giver, -flow
        out[giver, taker] = flow
    return out


def passing(flows: Flows) -> dict[str, pd.Series]:
    """Return the throughput of each node in each run: its inflow, or its outflow if it has none."""
    found: dict[str, pd.Series] = {}
    for name in dict.fromkeys(name for key in flows for name in key):
        taken = [flow for (_, taker), flow in flows.items() if taker == name]
        found[name] = _sum(taken or [flow for key, flow in flows.items() if key[0] == name])
    return found | {way: flows[key] for key, way in ROUND.items()}


def _sum(flows: list[pd.Series]) -> pd.Series:
    return pd.concat(flows, axis=1).sum(axis=1)


def _significant(flows: Flows, largest: float) -> dict[tuple[str, str], float]:
    """Return the median flows to draw: those of any run, and sufficient changes of stock."""
    shown = {}
    for key, flow in flows.items():
        middle = float(flow.median())
        if middle >= LEAST * largest if STOCKS & set(key) else flow.max() > 0:
            shown[key] = max(middle, 0.0)
    return shown


def _nodes(shown: Mapping, through: Mapping[str, pd.Series], scale: float) -> dict[str, Node]:
    """Return the nodes of the flows, as tall as the larger of inflow and outflow."""
    nodes = {}
    names = {name for key in shown for name in key} | {ROUND[key] for key in shown if key in ROUND}
    known = _stocks(shown) | NODES
    for name in [one for one in known if one in names]:
        comes = sum(shown[key] for key in shown if key[1] == name)
        goes = sum(shown[key] for key in shown if key[0] == name)
        round_it = sum(shown[key] for key, way in ROUND.items() if way == name and key in shown)
        node = Node(*known[name], height=scale * max(comes, goes, round_it))
        flow = estimate(*column_intervals(through[name].to_frame(name))[name])
        interval = f"\n({flow.interval})" if len(through[name]) > 1 else ""
        node.label = f"{node.name}\n{flow.value} kg{interval}"
        nodes[name] = node
    return nodes


def _stocks(shown: Mapping) -> dict[str, tuple[int, int, str, str]]:
    """Return the nodes of stocks: right of their holder if they grow, else left of it."""
    found = {}
    for who, owner in zip(HOLDERS, OWNERS, strict=True):
        column = NODES[who][0]
        if (who, f"{who}_stock") in shown:
            found[f"{who}_stock"] = (column + 1, BELOW, f"into\n{owner} stock", STOCK)
        elif (f"{who}_stock", who) in shown:
            found[f"{who}_stock"] = (column - 1, BELOW, f"out of\n{owner} stock", STOCK)
    return found


def _place(nodes: Mapping[str, Node]) -> None:
    """Set the top of every node: the main lane in the middle, the others outwards from it."""
    for column in range(6):
        mine = [node for node in nodes.values() if node.column == column]
        main = [node for node in mine if node.lane == MAIN]
        full = sum(_slot(node) for node in main) + GAP * max(len(main) - 1, 0)
        ends = {ABOVE: full / 2.0 + GAP, MAIN: full / 2.0, BELOW: -full / 2.0 - GAP}
        for node in mine:
            slot, upward = _slot(node), node.lane == ABOVE
            start = ends[node.lane] + (slot if upward else 0.0)
            node.top = start - (slot - node.height) / 2.0
            ends[node.lane] += (slot + GAP) * (1.0 if upward else -1.0)


def _slot(node: Node) -> float:
    return max(node.height, LINE * (node.label.count("\n") + 1))


def _paint(figure: Figure, nodes: Mapping[str, Node], shown: Mapping, scale: float) -> None:
    """Draw bands, nodes, labels and the legend."""
    axes = _canvas(figure, nodes)
    starts, ends = (_tops(nodes, shown, scale, side) for side in (0, 1))
    for key, flow in shown.items():
        _band(axes, nodes, key, (starts[key], ends[key]), scale * flow)
    for name, node in nodes.items():
        _write(axes, node, name not in ROUND.values())
    handles = [Patch(color=colour, alpha=0.6, label=label) for colour, label in COLOURS]
    figure.legend(handles=handles, loc="lower center", ncols=3, fontsize=11)


def _canvas(figure: Figure, nodes: Mapping[str, Node]) -> Axes:
    """Fit the height of the figure to its nodes and labels, and return axes in inches."""
    middles = [(node.top - node.height / 2.0, _slot(node) / 2.0) for node in nodes.values()]
    high = max(middle + half for middle, half in middles) + 0.1
    low = min(middle - half for middle, half in middles) - 0.1
    tall = high - low + 1.5
    figure.set_size_inches(WIDE, tall)
    axes = figure.add_axes((0.0, 0.75 / tall, 1.0, (high - low) / tall))
    axes.set(xlim=(-0.2, WIDE - 0.2), ylim=(low, high))
    axes.set_axis_off()
    return axes


def _tops(nodes: Mapping[str, Node], shown: Mapping, scale: float, side: int) -> dict:
    """Return the top of each band at its giver (0) or its taker (1).

    Bands at a node are ordered by the position of their other end.
    """
    free = {name: node.top for name, node in nodes.items()}
    tops = {}
    for key in sorted(shown, key=lambda key: -nodes[ROUND.get(key, key[1 - side])].top):
        tops[key] = free[key[side]]
        free[key[side]] -= scale * shown[key]
    return tops


def _band(
    axes: Axes, nodes: Mapping[str, Node], key: tuple, tops: tuple[float, float], width: float
) -> None:
    """Draw a band from node to node, past an intermediate node where its path requires."""
    giver, taker = nodes[key[0]], nodes[key[1]]
    stops = [(giver.column * COLUMN + BAR, tops[0]), (taker.column * COLUMN, tops[1])]
    if key in ROUND:
        way = nodes[ROUND[key]]
        stops[1:1] = [(way.column * COLUMN, way.top), (way.column * COLUMN + BAR, way.top)]
    upper, lower = _edge(stops), _edge([(x, y - width) for x, y in stops[::-1]])
    codes = [Path.MOVETO, *[Path.CURVE4] * (len(upper) - 1), Path.LINETO]
    codes += [Path.CURVE4] * (len(lower) - 1)
    colour = nodes[ROUND[key]].colour if key in ROUND else _colour(giver, taker)
    axes.add_patch(PathPatch(Path(upper + lower, codes), fc=colour, ec=colour, lw=0.6, alpha=0.38))


def _edge(stops: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points of cubic curves from stop to stop, horizontal at each."""
    points = [stops[0]]
    for (x0, y0), (x1, y1) in pairwise(stops):
        half = (x0 + x1) / 2.0
        points += [(half, y0), (half, y1), (x1, y1)]
    return points


def _colour(giver: Node, taker: Node) -> str:
    """Return the colour of a flow: that of its taker, or of its giver within the illegal trade."""
    return giver.colour if taker.colour == BLUE else taker.colour


def _write(axes: Axes, node: Node, solid: bool) -> None:
    """Draw a node, and its label to the right of it."""
    corner = (node.column * COLUMN, node.top - node.height)
    if solid:
        axes.add_patch(Rectangle(corner, BAR, max(node.height, 0.015), color=node.colour, lw=0))
    axes.text(
        corner[0] + BAR + 0.06, node.top - node.height / 2.0, node.label, fontsize=11,
        va="center", linespacing=1.1,
        path_effects=[patheffects.withStroke(linewidth=3, foreground="white", alpha=0.85)],
    )  # fmt: skip


def _headline(figure: Figure, text: str) -> None:
    place = 1.0 - 0.12 / figure.get_figheight()
    figure.suptitle(text, x=0.02, y=place, ha="left", va="top", fontsize=13)
