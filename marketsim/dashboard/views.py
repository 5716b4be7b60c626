"""The views of the page: of the runs lived, a picture, a table, and what they show."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from marketsim.analysis.comparison import paired_runs
from marketsim.dashboard import figures, runs, text, traders
from marketsim.dashboard.choices import Choice, Pair
from marketsim.model.scenario import timeline
from marketsim.parameters import presets
from marketsim.parameters.settings import Settings
from marketsim.reporting import trade_summary
from marketsim.reporting.figures import trade as trade_figures
from marketsim.reporting.pages.study import FIGURES, TRADE_FIGURES
from marketsim.reporting.pages.study import table as fit_table
from marketsim.simulation import summary
from marketsim.simulation.run import Run, Tables

CAPTIONS = {file: caption for file, _, _, caption in (*FIGURES, *TRADE_FIGURES)}


class View(NamedTuple):
    """What a view shows: picture, table in words, what they are, and the table to take away."""

    picture: bytes | None
    shown: pd.DataFrame | None
    caption: str
    file: str
    table: pd.DataFrame


@dataclass(frozen=True)
class Shown:
    """The runs on the page, and the tables made of them when a view asks."""

    choice: Choice
    pair: Pair
    lived: Mapping[str, Sequence[Sequence[Run]]]

    @property
    def mine(self) -> Sequence[Run]:
        """The runs of the scenario."""
        return self.lived[paired_runs.POSTERIOR][-1]

    @property
    def theirs(self) -> Sequence[Run] | None:
        """The runs of what it is compared with, if there is any."""
        return self.lived[paired_runs.POSTERIOR][0] if self.pair.arms else None

    @property
    def retailers(self) -> int:
        """Traders at the start of a run."""
        return self.pair.settings.population.retailers

    @property
    def name(self) -> str:
        """The scenario in plain words."""
        return text.name(self.choice.scenario) + (", changed" if self.pair.changed else "")

    @property
    def other(self) -> str:
        """What it is compared with, in plain words."""
        return text.name(self.choice.reference)

    @property
    def days(self) -> str:
        """Which days were lived and which count."""
        first, last = timeline.horizon(self.pair.settings)
        out = f"{first} to {last}"
        return out + (f"; compared from {self.pair.start} on" if self.pair.start else "")

    def is_done(self) -> bool:
        """Return whether all runs asked for are there."""
        return len(self.mine) == self.choice.replicates

    @cached_property
    def tables(self) -> Tables:
        """The tables of the scenario, as `marketsim run` writes them."""
        return runs.tables(self.mine)

    @cached_property
    def others(self) -> Tables | None:
        """The tables of what it is compared with."""
        return None if self.theirs is None else runs.tables(self.theirs)

    @cached_property
    def sums(self) -> Tables:
        """`fit` and `headline`, as `marketsim run` writes them."""
        return summary.summarize(self.pair.settings, self.tables)

    @cached_property
    def effects(self) -> pd.DataFrame | None:
        """`effects`, as `marketsim compare` writes them."""
        if self.pair.start is None:
            return None
        return runs.effects(self.pair.arms, self.pair.start, self.lived)["effects"]

    @cached_property
    def weekly(self) -> dict[str, pd.DataFrame]:
        """The weeks of the scenario."""
        return runs.weekly(self.pair.settings, self.tables["daily"])

    @cached_property
    def other_weekly(self) -> dict[str, pd.DataFrame] | None:
        """The weeks of what it is compared with."""
        return (
            None if self.others is None else runs.weekly(self.pair.settings, self.others["daily"])
        )


def beliefs(choice: Choice, pair: Pair) -> list[tuple[str, list[Settings]]]:
    """Return what is to be lived: for each belief the settings, those of the scenario last."""
    of = [arm.settings for arm in pair.arms] or [pair.settings]
    out = [(paired_runs.POSTERIOR, of)]
    if choice.prior and choice.posterior == presets.POSTERIOR and pair.arms:
        out.append((paired_runs.PRIOR, [runs.under_prior(arm) for arm in pair.arms]))
    return out


def recovery(shown: Shown) -> View:
    """Show how posts fall and come back."""
    panel, others = runs.ratios(shown.tables["survey"]), None
    parts = {"scenario": panel}
    if shown.others is not None and shown.other_weekly is not None:
        others = (runs.ratios(shown.others["survey"]), shown.other_weekly["visible"])
        parts["reference"] = others[0]
    picture = figures.png(figures.recovery, panel, shown.weekly["visible"], others, shown.other)
    table = _levels(parts, "week")
    caption = (
        "Above, what a survey of 58 traders sees, each week over its own weeks 1 to 4, beside "
        "TRAFFIC's diamonds and box. Below, all posts standing in Moments. Dark band: half of the "
        "runs; light: 90 %."
    )
    return View(picture, _worded(table, "week"), caption, "recovery", table)


def effects(shown: Shown) -> View:
    """Show what the scenario changes, outcome by outcome."""
    if shown.effects is None:
        caption = "A scenario compared with itself changes nothing: choose another at the side."
        return View(None, None, caption, "effects", pd.DataFrame({"outcome": []}))
    caption = (
        f"Change against {shown.other} in the same run, from {shown.pair.start} on: median and 90 %"
        " of the runs. Better means less, of seizures and weeks held more. What rests on data or "
        "on assumption is told where that is switched on at the side."
    )
    table = text.effect_table(shown.effects, shown.other)
    return View(None, table, caption, "effects", shown.effects)


def places(shown: Shown) -> View:
    """Show where posts went, and what was sold."""
    picture = figures.png(figures.places, shown.weekly, shown.other_weekly, shown.other)
    parts = {}
    for name, title in figures.PANELS.items():
        parts[f"{title}, scenario"] = shown.weekly[name]
        if shown.other_weekly is not None:
            parts[f"{title}, reference"] = shown.other_weekly[name]
    table = _levels(parts, "week of")
    caption = (
        "Posts and grams a week per 1,000 traders. What is seen in Moments is not what is sold: "
        "posts move to backup accounts, groups and other platforms, or are not made."
    )
    return View(picture, _worded(table, "week of"), caption, "places", table)


def prices(shown: Shown) -> View:
    """Show what a gram costs along the chain."""
    picture = figures.png(trade_figures.prices, shown.tables)
    found = {"scenario": trade_summary.prices(shown.tables)}
    if shown.others is not None:
        found["reference"] = trade_summary.prices(shown.others)
    parts = []
    for of, by_place in found.items():
        levels = runs.levels(by_place).reset_index(names=["product", "place"])
        parts.append(levels.assign(of=of).dropna())
    table = pd.concat(parts, ignore_index=True)
    table["place"] = [trade_figures.PLACES[place][0] for place in table["place"]]
    table["product"] = [text.name(product) for product in table["product"]]
    columns = {"product": "product", "place": "place, CNY a gram", "of": "of"}
    worded = text.level_table(table, columns)
    return View(picture, worded, CAPTIONS["prices.png"], "prices", table)


def seizures(shown: Shown) -> View:
    """Show who seizes how much, and the volumes of trade."""
    mine = figures.seized(shown.tables, shown.retailers)
    others = None
    if shown.others is not None:
        others = figures.seized(shown.others, shown.retailers)
    picture = figures.png(figures.seizures, mine, others, shown.other)
    rows = trade_summary.report_rows(shown.tables, shown.sums["headline"], shown.retailers)
    worded = text.level_table(rows, {"meaning": "per 1,000 traders", "unit": "unit"})
    caption = (
        "Ivory seized over the whole run, and below the volumes of trade. Of seizures in this "
        "market hardly anything is published: they rest on assumptions."
    )
    return View(picture, worded, caption, "seizures", rows)


def chain(shown: Shown) -> View:
    """Show where the ivory goes."""
    flows = trade_summary.flows(shown.tables, shown.retailers)
    picture = figures.png(trade_figures.flow, shown.tables, shown.retailers)
    table = runs.levels(flows).reset_index(names=["from", "to"])
    worded = text.level_table(table, {"from": "from", "to": "to, kg per 1,000 traders"})
    return View(picture, worded, CAPTIONS["flow.png"], "chain", table)


def survey(shown: Shown) -> View:
    """Show every published figure beside the simulated one."""
    rows = pd.DataFrame(fit_table(shown.sums["fit"]))
    names = {"label": "figure", "published": "TRAFFIC", "interval": "its interval",
             "simulated": "simulated", "simulated_interval": "90 % of runs", "unit": "unit",
             "within": "within?", "luck": "share of luck"}  # fmt: skip
    worded = rows[list(names)].rename(columns=names).set_index("figure")
    caption = (
        "Every published figure on posting, prices and products, with the simulated one. Most were "
        "fitted: agreement proves little, disagreement tells more."
    )
    return View(None, worded, caption, "fit", shown.sums["fit"])


def trader(shown: Shown, days: traders.Days, other: traders.Days | None, number: int) -> View:
    """Show one trader, day by day."""
    table = traders.table(days, number)
    reference = None if other is None else traders.table(other, number)
    picture = figures.png(figures.trader, table, reference, shown.other)
    caption = traders.about(days, number)
    worded = table.assign(day=table["day"].astype(str)).rename(columns=text.name)
    return View(picture, worded.set_index("day"), caption, f"trader_{number}", table)


def _levels(parts: Mapping[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Return median and interval of tables with a row a run, one below the other."""
    out = []
    for of, table in parts.items():
        found = runs.levels(table).reset_index(names=column).assign(of=of)
        out.append(found[[column, "of", "median", "low", "high"]])
    return pd.concat(out, ignore_index=True)


def _worded(table: pd.DataFrame, column: str) -> pd.DataFrame:
    plain = table.copy()
    if plain[column].dtype.kind == "M":
        plain[column] = plain[column].dt.date.astype(str)
    return text.level_table(plain, {column: column, "of": "of"})


VIEWS: dict[str, Callable[[Shown], View]] = {
    "Recovery": recovery,
    "Effects": effects,
    "Where posts went": places,
    "Prices": prices,
    "Seizures and sales": seizures,
    "The chain": chain,
    "Beside the survey": survey,
}
