"""Controls of the dashboard as settings and pairs of scenarios."""

import datetime as dt
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, NamedTuple

from marketsim.analysis.comparison import arms as comparison_arms
from marketsim.analysis.comparison.arms import Arm
from marketsim.model.scenario import timeline
from marketsim.model.scenario.interventions import KINDS
from marketsim.parameters import panel, presets
from marketsim.parameters.settings import AGAIN, NEW, Comparison, Settings, check

BASELINE, CALM = "baseline_2015", "no_crackdown"
OWN = "own"  # name of a changed scenario in a comparison
BESIDE = "beside_"  # prefix of the names of added interventions; no scenario uses it
MAY = ("sweep_may",)  # interventions of the baseline that can be changed
# parameters that the survey does not constrain and that matter most (docs/sensitivity.md)
UNCERTAIN = ("population.platform_traders", "perception.half_life", "perception.sensitivity")


class Added(NamedTuple):
    """Intervention that can be added to any scenario: kind, doses, neutral value and range."""

    label: str
    kind: str
    doses: tuple[str, ...]
    neutral: float
    low: float
    high: float
    step: float
    help: str


ADDED = {
    "pressure": Added(
        "Work of moderators and filters", "moderation_effort", ("capacity", "recall"),
        1.0, 0.0, 5.0, 0.5, "multiple of 2015: decisions of moderators and detections by filters",
    ),
    "closed": Added(
        "Other platforms closed to ivory", "channel_closure", ("share",),
        0.0, 0.0, 1.0, 0.1, "share of the other platforms closed to posts withheld from Moments",
    ),
    "police": Added(
        "Police work", "police_effort", ("police", "sharing"),
        1.0, 0.0, 20.0, 1.0, "multiple of 2015: cases investigated, stalls inspected and accounts "
        "referred by platforms",
    ),
    "parcels": Added(
        "Parcels intercepted", "police_effort", ("couriers",),
        0.0, 0.0, 1.0, 0.05, "share of parcels intercepted beyond those of 2015",
    ),
    "payments": Added(
        "Payments for ivory stopped", "payment_block", ("share",),
        0.0, 0.0, 1.0, 0.05, "share of online payments for ivory that are stopped",
    ),
    "border": Added(
        "Shipments seized at the border", "police_effort", ("border",),
        1.0, 0.0, 10.0, 0.5, "multiple of 2015",
    ),
    "demand": Added(
        "Buyers' willingness to pay", "campaign", ("willingness",),
        1.0, 0.5, 1.5, 0.05, "multiple of 2015; below 1 demand falls",
    ),
    "legal": Added(
        "Legal market closed", "closure", ("share",),
        0.0, 0.0, 1.0, 0.1, "share of licensed shops and processors that close",
    ),
}  # fmt: skip


class Dose(NamedTuple):
    """Dose of one of a scenario's own interventions: key, value, unit and range."""

    key: str
    value: float
    unit: str
    low: float
    high: float
    meaning: str


@dataclass(frozen=True)
class Choice:
    """Values of the controls.

    `doses` are changed doses of the scenario's own interventions, by NAME.KEY; `added` are
    interventions beside the scenario, by the names of `ADDED`, from `added_from` on; `fixed` are
    uncertain parameters with a fixed value. `panel` again becomes new where its pairs do not
    apply. With `prior` both scenarios are also simulated under the prior, which shows the effects
    that the survey does not constrain. Dates that are None are those of the scenario.
    """

    scenario: str = BASELINE
    reference: str = CALM
    dose_multiplier: float = 1.0
    first_day: dt.date | None = None
    until: dt.date | None = None
    doses: Mapping[str, float] = field(default_factory=dict)
    added: Mapping[str, float] = field(default_factory=dict)
    added_from: dt.date | None = None
    population: str = "survey"
    recovery: str = "mixture"
    posterior: str = presets.POSTERIOR
    fixed: Mapping[str, float] = field(default_factory=dict)
    replicates: int = 20
    seed: int = 2015
    panel: str = AGAIN
    prior: bool = False


@cache
def plain(scenario: str) -> Settings:
    """Return the settings of a named scenario; callers must not change them."""
    return presets.named(population="survey", scenario=scenario)


@cache
def own(scenario: str) -> tuple[str, ...]:
    """Return the names of a scenario's interventions that differ from the baseline."""
    if scenario == BASELINE:
        return MAY
    happened = plain(BASELINE).scenario.interventions
    entries = plain(scenario).scenario.interventions
    return tuple(name for name, entry in entries.items() if happened.get(name) != entry)


@cache
def doses(scenario: str) -> tuple[Dose, ...]:
    """Return the doses specified by a scenario's own interventions."""
    of = plain(scenario)
    written, made = of.scenario.interventions, timeline.interventions(of)
    out = []
    for name in own(scenario):
        for item in fields(KINDS[written[name]["kind"]]):
            if item.name in written[name] and "unit" in item.metadata:
                about = item.metadata
                value = float(getattr(made[name], item.name))
                limits = (about["low"], about["high"], about["meaning"])
                out.append(Dose(f"{name}.{item.name}", value, about["unit"], *limits))
    return tuple(out)


@cache
def first_day(scenario: str) -> dt.date | None:
    """Return the first day of a scenario's own interventions; None if it has none."""
    made = timeline.interventions(plain(scenario))
    days = [_begins(made[name]) for name in own(scenario)]
    return min(days, default=None)


def _begins(intervention: Any) -> dt.date:
    day: dt.date = getattr(intervention, "date", None) or intervention.start
    return day


def horizon(scenario: str) -> tuple[dt.date, dt.date]:
    """Return the first and last day of a named scenario."""
    return timeline.horizon(plain(scenario))


def settings(choice: Choice) -> Settings:
    """Return the settings of a choice.

    Parameters
    ----------
    choice : Choice
        Values of the controls.

    Raises
    ------
    InputError
        For a name that does not exist or a value that is not allowed.
    """
    out = _market(choice)
    out.scenario = deepcopy(out.scenario)
    out.seed, out.replicates = choice.seed, choice.replicates
    out.scenario.dose_multiplier = float(choice.dose_multiplier)
    entries = out.scenario.interventions
    _shift(entries, choice)
    for key, value in choice.doses.items():
        name, dose = key.split(".")
        entries[name][dose] = float(value)
    if choice.until and choice.until != horizon(choice.scenario)[1]:
        out.scenario.until = str(choice.until)
    for name, value in choice.added.items():
        lever = ADDED[name]
        if value != lever.neutral:
            start = choice.added_from or first_day(BASELINE)
            beside: dict[str, Any] = {"kind": lever.kind, "start": str(start)}
            entries[BESIDE + name] = beside | dict.fromkeys(lever.doses, float(value))
    out.panel = NEW if choice.panel == NEW else panel.by_default(out)
    check(out)
    return out


def _market(choice: Choice) -> Settings:
    """Return the settings of a choice with its scenario as specified, seed and runs aside."""
    names = {"population": choice.population, "recovery": choice.recovery}
    out = presets.named(**names, scenario=choice.scenario)
    out.posterior = choice.posterior
    for key, value in choice.fixed.items():
        group, name = key.split(".")
        of = getattr(out, group)
        setattr(of, name, type(getattr(of, name))(value))
    out.fixed = sorted(choice.fixed)
    return out


def usual_panel(choice: Choice) -> str:
    """Return the panel of a choice for which none is chosen: again where its pairs apply."""
    return panel.by_default(_market(choice))


def _shift(entries: dict[str, Any], choice: Choice) -> None:
    """Shift a scenario's own interventions so that the first begins on the chosen day."""
    begins = first_day(choice.scenario)
    if begins is None or choice.first_day in (None, begins):
        return
    assert choice.first_day is not None
    late = choice.first_day - begins
    made = timeline.interventions(plain(choice.scenario))
    for name in own(choice.scenario):
        for key in ("date", "start", "end"):
            if key in entries[name]:
                entries[name][key] = str(getattr(made[name], key) + late)


# ---------------------------------------------------------------- two scenarios


class Pair(NamedTuple):
    """A scenario and its reference.

    `settings` are those of `marketsim run`. `arms` are those of the comparison, the reference
    first; empty if a scenario is its own reference. All have the same days.
    """

    settings: Settings
    changed: bool
    arms: tuple[Arm, ...]
    start: dt.date | None

    @property
    def row(self) -> int:
        """Days of a run before `start`, on which both arms are identical."""
        if self.start is None:
            return 0
        return (self.start - timeline.horizon(self.settings)[0]).days


def pair(choice: Choice) -> Pair:
    """Return the chosen scenario and its reference.

    Raises
    ------
    InputError
        For invalid settings, before any run.
    """
    own_settings = settings(choice)
    timeline.check_settings(own_settings)
    changed = own_settings.scenario != plain(choice.scenario).scenario
    if not changed and choice.scenario == choice.reference:
        return Pair(own_settings, changed, (), None)
    scenario = own_settings.scenario
    if changed:
        dose_multipliers = [scenario.dose_multiplier] if scenario.scaled_interventions else []
        scenario = replace(scenario, name=OWN, dose_multipliers=dose_multipliers)
    options = Comparison([scenario.name], choice.reference)
    base, *others = comparison_arms.make_arms(replace(own_settings, scenario=scenario), options)
    (arm,) = (one for one in others if one.scenario.dose_multiplier == scenario.dose_multiplier)
    last = timeline.horizon(arm.settings)[1]
    if last != timeline.horizon(own_settings)[1]:  # the reference needs longer
        own_settings.scenario.until = str(last)
    return Pair(
        own_settings, changed, (base, arm), comparison_arms.evaluation_start([base, arm], options)
    )
