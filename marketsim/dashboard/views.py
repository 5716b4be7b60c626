"""Views of the dashboard: figure, table and caption, from the simulated runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from marketsim.analysis.comparison import paired_runs
from marketsim.analysis.comparison.effects import scenario_words
from marketsim.dashboard import figures, runs, text, traders
from marketsim.dashboard.choices import Choice, Pair
from marketsim.model.scenario import timeline
from marketsim.parameters import presets
from marketsim.parameters.settings import AGAIN, Settings
from marketsim.reporting import trade_summary
from marketsim.reporting.figures import style
from marketsim.reporting.figures import trade as trade_figures
from marketsim.reporting.figures.registry import TRADE
from marketsim.reporting.pages.study import table as fit_table
from marketsim.reporting.text import plain_name, unusual_rows
from marketsim.simulation import summary
from marketsim.simulation.run import Run, Tables
from marketsim.survey.intervals import column_intervals

SPECS = {spec.name: spec for spec in TRADE}


class View(NamedTuple):
    """Content of a view: figure, table as text, caption, file name, and table to download."""

    picture: bytes | None
    shown: pd.DataFrame | None
    caption: str
    file: str
    table: pd.DataFrame


@dataclass(frozen=True)
class Shown:
    """The runs on the page, and their tables, made when first used."""

    choice: Choice
    pair: Pair
    simulated: Mapping[str, Sequence[Sequence[Run]]]  # by source of the parameters, then arm

    @property
    def runs(self) -> Sequence[Run]:
        """The runs of the scenario."""
        return self.simulated[paired_runs.POSTERIOR][-1]

    @property
    def reference_runs(self) -> Sequence[Run] | None:
        """The runs of the reference, if there is one."""
        return self.simulated[paired_runs.POSTERIOR][0] if self.pair.arms else None

    @property
    def retailers(self) -> int:
        """Traders at the start of a run."""
        return self.pair.settings.population.retailers

    @property
    def name(self) -> str:
        """The scenario in plain words."""
        return scenario_words(self.choice.scenario) + (", changed" if self.pair.changed else "")

    @property
    def reference(self) -> str:
        """The reference in plain words."""
        return scenario_words(self.choice.reference)

    @property
    def reference_label(self) -> str:
        """What figures call the reference."""
        return self.reference if style.is_drawable(self.reference) else "reference"

    @property
    def days(self) -> str:
        """Simulated days, and the evaluation period."""
        first, last = timeline.horizon(self.pair.settings)
        out = f"{first} to {last}"
        return out + (f"; compared from {self.pair.start} on" if self.pair.start else "")

    def is_done(self) -> bool:
        """Return whether all runs are simulated."""
        return len(self.runs) == self.choice.replicates

    @cached_property
    def tables(self) -> Tables:
        """The tables of the scenario, as `marketsim run` writes them."""
        return runs.tables(self.runs)

    @cached_property
    def reference_tables(self) -> Tables | None:
        """The tables of the reference."""
        return None if self.reference_runs is None else runs.tables(self.reference_runs)

    @cached_property
    def sums(self) -> Tables:
        """`fit` and `headline`, as `marketsim run` writes them."""
        return summary.summarize(self.pair.settings, self.tables)

    @cached_property
    def effects(self) -> pd.DataFrame | None:
        """`effects`, as `marketsim compare` writes them."""
        if self.pair.start is None:
            return None
        return runs.effects(self.pair.arms, self.pair.start, self.simulated)["effects"]

    @cached_property
    def weekly(self) -> dict[str, pd.DataFrame]:
        """The weeks of the scenario."""
        return runs.weekly(self.pair.settings, self.tables["daily"])

    @cached_property
    def reference_weekly(self) -> dict[str, pd.DataFrame] | None:
        """The weeks of the reference."""
        return (
            None
            if self.reference_tables is None
            else runs.weekly(self.pair.settings, self.reference_tables["daily"])
        )


def parameter_sources(choice: Choice, pair: Pair) -> list[tuple[str, list[Settings]]]:
    """Return what to simulate: posterior and prior, each with settings, the scenario's last."""
    settings = [arm.settings for arm in pair.arms] or [pair.settings]
    out = [(paired_runs.POSTERIOR, settings)]
    if choice.prior and choice.posterior == presets.POSTERIOR and pair.arms:
        out.append((paired_runs.PRIOR, [runs.under_prior(arm) for arm in pair.arms]))
    return out


def recovery(shown: Shown) -> View:
    """Show the fall and the recovery of posts."""
    panel, reference = runs.ratios(shown.tables["survey"]), None
    parts = {"scenario": panel}
    if shown.reference_tables is not None and shown.reference_weekly is not None:
        ratios = runs.ratios(shown.reference_tables["survey"])
        reference = (ratios, shown.reference_weekly["visible"])
        parts["reference"] = ratios
    visible = shown.weekly["visible"]
    picture = figures.png(figures.recovery, panel, visible, reference, shown.reference_label)
    table = _levels(parts, "week")
    caption = (
        "Above: advertisements observed by a survey of 58 traders, each week relative to the run's "
        "weeks 1 to 4, with published values (diamonds and box). Below: all visible posts in "
        "Moments. Dark band: middle half of the runs; light band: 90 % interval."
    )
    return View(picture, _worded(table, "week"), caption, "recovery", table)


def effects(shown: Shown) -> View:
    """Show the treatment effect on each outcome."""
    if shown.effects is None:
        caption = "A scenario compared with itself has no effects: choose another reference."
        return View(None, None, caption, "effects", pd.DataFrame({"outcome": []}))
    caption = (
        f"Change relative to {shown.reference} in the same run, from {shown.pair.start} on: median "
        "and 90 % interval. Better: lower; for seizures and weeks of fewer posts, higher. The last "
        "column is filled if the comparison is also run under the prior."
    )
    table = text.effect_table(shown.effects, shown.reference)
    return View(None, table, caption, "effects", shown.effects)


def displacement(shown: Shown) -> View:
    """Show posts by channel, and ivory sales."""
    weekly, reference = shown.weekly, shown.reference_weekly
    picture = figures.png(figures.places, weekly, reference, shown.reference_label)
    parts = {}
    for name, title in figures.PANELS.items():
        parts[f"{title}: scenario"] = weekly[name]
        if reference is not None:
            parts[f"{title}: reference"] = reference[name]
    table = _levels(parts, "week of")
    caption = (
        "Posts and grams per week and 1,000 traders. Posts that disappear from Moments move to "
        "backup accounts, groups and other platforms, or are withheld. Advertisements are not "
        "sales."
    )
    return View(picture, _worded(table, "week of"), caption, "displacement", table)


def prices(shown: Shown) -> View:
    """Show prices along the supply chain."""
    spec = SPECS["prices"]
    found = {"scenario": trade_summary.prices(shown.tables)}
    if shown.reference_tables is not None:
        found["reference"] = trade_summary.prices(shown.reference_tables)
    parts = [
        column_intervals(by_place).T.reset_index(names=["product", "place"]).assign(of=of).dropna()
        for of, by_place in found.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    table["place"] = [trade_figures.PLACES[place][0] for place in table["place"]]
    table["product"] = [plain_name(product) for product in table["product"]]
    columns = {"product": "product", "place": "place, CNY per gram", "of": "of"}
    worded = text.level_table(table, columns)
    return View(figures.png(spec.draw, shown.tables), worded, spec.caption, "prices", table)


def seizures(shown: Shown) -> View:
    """Show seizures by who seizes, and the volumes of trade."""
    mine, reference = trade_summary.seizure_rows(shown.tables, shown.retailers), None
    if shown.reference_tables is not None:
        reference = trade_summary.seizure_rows(shown.reference_tables, shown.retailers)
    picture = figures.png(figures.seizures, mine, reference, shown.reference_label)
    rows = pd.concat([shown.sums["headline"], mine], ignore_index=True)
    worded = text.level_table(rows, {"meaning": "per 1,000 traders", "unit": "unit"})
    caption = (
        "Ivory seized over the whole run; the table also has the volumes of trade. Few seizures of "
        "this market were published: these values depend on assumptions."
    )
    return View(picture, worded, caption, "seizures", rows)


def supply_chain(shown: Shown) -> View:
    """Show the flow of ivory."""
    spec = SPECS["flow"]
    picture = figures.png(spec.draw, shown.tables, retailers=shown.retailers)
    flows = trade_summary.flows(shown.tables, shown.retailers)
    table = column_intervals(flows).T.reset_index(names=["from", "to"])
    worded = text.level_table(table, {"from": "from", "to": "to, kg per 1,000 traders"})
    return View(picture, worded, spec.caption, "supply_chain", table)


def survey(shown: Shown) -> View:
    """Show the survey statistics, published and simulated."""
    rows = pd.DataFrame(fit_table(shown.sums["fit"]))
    names = {"label": "statistic", "published": "published", "interval": "interval of the evidence",
             "simulated": "simulated median", "simulated_interval": "90 % interval", "unit": "unit",
             "p_value": "p-value", "in_words": "in words", "stochastic_share": "stochastic share",
             "role": "role"}  # fmt: skip
    worded = rows[list(names)].rename(columns=names).set_index("statistic")
    fitted = {"target": "target", "validation": "reported unfitted"}
    worded["role"] = worded["role"].map(fitted)
    worded = worded.sort_values("role", key=lambda role: role != "target", kind="stable")
    caption = (
        "All published statistics on posting, prices and products, and the simulated ones. Most "
        "were fitted: disagreement is more informative than agreement. "
        f"{unusual_rows(shown.sums['fit'])}"
    )
    if shown.pair.settings.panel == AGAIN:
        caption += " These runs were selected by them: agreement is no evidence."
    return View(None, worded, caption, "fit", shown.sums["fit"])


def trader(shown: Shown, days: traders.Days, other: traders.Days | None, number: int) -> View:
    """Show one trader by day."""
    table = traders.table(days, number)
    reference = None if other is None else traders.table(other, number)
    picture = figures.png(figures.trader, table, reference, shown.reference_label)
    caption = traders.describe(days, number)
    worded = table.assign(day=table["day"].astype(str)).rename(columns=plain_name)
    return View(picture, worded.set_index("day"), caption, f"trader_{number}", table)


def _levels(parts: Mapping[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Return median and interval of tables with one row per run, one below the other."""
    levels = [
        column_intervals(table).T.reset_index(names=column).assign(of=of)
        for of, table in parts.items()
    ]
    return pd.concat(levels, ignore_index=True)[[column, "of", "median", "q05", "q95"]]


def _worded(table: pd.DataFrame, column: str) -> pd.DataFrame:
    plain = table.copy()
    if plain[column].dtype.kind == "M":
        plain[column] = plain[column].dt.date.astype(str)
    return text.level_table(plain, {column: column, "of": "of"})


VIEWS: dict[str, Callable[[Shown], View]] = {
    "Recovery": recovery,
    "Effects": effects,
    "Displacement": displacement,
    "Prices": prices,
    "Seizures and sales": seizures,
    "Supply chain": supply_chain,
    "Survey statistics": survey,
}
