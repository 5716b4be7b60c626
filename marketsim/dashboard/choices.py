"""What the levers of the page stand for: settings, scenarios in pairs, and what can be moved."""

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
from marketsim.parameters import posterior as posterior_draws
from marketsim.parameters import presets
from marketsim.parameters.settings import Comparison, Settings, check

BASELINE, CALM = "baseline_2015", "no_crackdown"
OWN = "own"  # what a changed scenario is called while it is compared
BESIDE = "beside_"  # before the name of a lever beside the scenario; no scenario has such a name
MAY = ("sweep_may",)  # what of the baseline can be moved: the sweep is what the survey is about
# parameters that the survey leaves open and that move what people quote (docs/sensitivity.md)
UNCERTAIN = ("population.platform_traders", "perception.half_life", "perception.sensitivity")


class Added(NamedTuple):
    """A lever beside the scenario: kind of intervention, doses that it sets, rest and range."""

    label: str
    kind: str
    doses: tuple[str, ...]
    rest: float
    low: float
    high: float
    step: float
    help: str


ADDED = {
    "pressure": Added(
        "Everyday work of moderators and filters", "effort", ("capacity", "recall"),
        1.0, 0.0, 5.0, 0.5, "times that of 2015: moderators decide, and filters find, so many "
        "times as much",
    ),
    "closed": Added(
        "Other platforms closed to ivory", "blocking", ("share",),
        0.0, 0.0, 1.0, 0.1, "share: posts kept out of Moments find so much of the other platforms "
        "closed",
    ),
    "police": Added(
        "Police work", "chase", ("police", "sharing"),
        1.0, 0.0, 20.0, 1.0, "times that of 2015: cases decided, stalls inspected and accounts "
        "referred by platforms",
    ),
    "parcels": Added(
        "Parcels intercepted", "chase", ("couriers",),
        1.0, 0.0, 50.0, 1.0, "times as many as in 2015",
    ),
    "border": Added(
        "Shipments seized at the border", "chase", ("border",),
        1.0, 0.0, 10.0, 0.5, "times as many as in 2015",
    ),
    "demand": Added(
        "What buyers would pay", "campaign", ("willingness",),
        1.0, 0.5, 1.5, 0.05, "times as much as in 2015; below 1 they want ivory less",
    ),
    "legal": Added(
        "Legal market closed", "closure", ("share",),
        0.0, 0.0, 1.0, 0.1, "share of licensed shops and makers that close",
    ),
}  # fmt: skip


class Dose(NamedTuple):
    """A number of one of a scenario's own interventions: its key, and what is allowed."""

    key: str
    value: float
    unit: str
    low: float
    high: float
    meaning: str


@dataclass(frozen=True)
class Choice:
    """Where the levers of the page stand.

    `doses` are those of the scenario's own interventions that were changed, by NAME.KEY; `added`
    are levers beside the scenario, by the names of `ADDED`, in force from `added_from` on; `held`
    are uncertain parameters that are given and no longer drawn. With `prior` the pair is lived
    under the prior too, which tells what rests on assumption. Dates that are None are the
    scenario's own.
    """

    scenario: str = BASELINE
    reference: str = CALM
    strength: float = 1.0
    first_day: dt.date | None = None
    until: dt.date | None = None
    doses: Mapping[str, float] = field(default_factory=dict)
    added: Mapping[str, float] = field(default_factory=dict)
    added_from: dt.date | None = None
    population: str = "survey"
    recovery: str = "mixture"
    posterior: str = presets.POSTERIOR
    held: Mapping[str, float] = field(default_factory=dict)
    replicates: int = 20
    seed: int = 2015
    prior: bool = False


@cache
def plain(scenario: str) -> Settings:
    """Return the settings of a named scenario; they are not to be changed."""
    return presets.named(population="survey", scenario=scenario)


@cache
def own(scenario: str) -> tuple[str, ...]:
    """Return the names of what a scenario does beyond what happened in 2015."""
    if scenario == BASELINE:
        return MAY
    happened = plain(BASELINE).scenario.interventions
    entries = plain(scenario).scenario.interventions
    return tuple(name for name, entry in entries.items() if happened.get(name) != entry)


@cache
def doses(scenario: str) -> tuple[Dose, ...]:
    """Return the doses that a scenario's own interventions are written with."""
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
    """Return the day on which a scenario's own interventions begin; None where it has none."""
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
    """Return the settings that the levers stand for.

    Parameters
    ----------
    choice : Choice
        Where the levers stand.

    Raises
    ------
    InputError
        For a name that does not exist or a value that is not allowed.
    """
    names = {"population": choice.population, "recovery": choice.recovery}
    out = presets.named(**names, scenario=choice.scenario)
    out.scenario = deepcopy(out.scenario)
    out.posterior, out.seed, out.replicates = choice.posterior, choice.seed, choice.replicates
    out.scenario.strength = float(choice.strength)
    entries = out.scenario.interventions
    _shift(entries, choice)
    for key, value in choice.doses.items():
        name, dose = key.split(".")
        entries[name][dose] = float(value)
    if choice.until and choice.until != horizon(choice.scenario)[1]:
        out.scenario.until = str(choice.until)
    for name, value in choice.added.items():
        lever = ADDED[name]
        if value != lever.rest:
            start = choice.added_from or first_day(BASELINE)
            beside: dict[str, Any] = {"kind": lever.kind, "start": str(start)}
            entries[BESIDE + name] = beside | dict.fromkeys(lever.doses, float(value))
    for key, value in choice.held.items():
        group, name = key.split(".")
        of = getattr(out, group)
        setattr(of, name, type(getattr(of, name))(value))
    out.held = sorted(choice.held)
    check(out)
    return out


def _shift(entries: dict[str, Any], choice: Choice) -> None:
    """Move a scenario's own interventions so that the first begins on the day chosen."""
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
    """What is shown: a scenario's settings, and, where there is any, what it is compared with.

    `settings` are what `marketsim run` would take. `arms` are those of the comparison, the
    reference first; empty where a scenario would be compared with itself. Both have the same days.
    """

    settings: Settings
    changed: bool
    arms: tuple[Arm, ...]
    start: dt.date | None

    @property
    def row(self) -> int:
        """Days of a run before `start`: up to there both arms are one."""
        if self.start is None:
            return 0
        return (self.start - timeline.horizon(self.settings)[0]).days


def pair(choice: Choice) -> Pair:
    """Return what the levers stand for, beside what it is compared with.

    Raises
    ------
    InputError
        For anything that cannot be, before any run.
    """
    mine = settings(choice)
    posterior_draws.check(mine)
    timeline.compile_levers(mine)
    changed = mine.scenario != plain(choice.scenario).scenario
    if not changed and choice.scenario == choice.reference:
        return Pair(mine, changed, (), None)
    called = mine.scenario
    if changed:
        strengths = [called.strength] if called.scaled else []
        called = replace(called, name=OWN, strengths=strengths)
    asked = Comparison([called.name], choice.reference)
    base, *others = comparison_arms.make_arms(replace(mine, scenario=called), asked)
    (arm,) = (one for one in others if one.scenario.strength == called.strength)
    last = timeline.horizon(arm.settings)[1]
    if last != timeline.horizon(mine)[1]:  # the reference needs longer
        mine.scenario.until = str(last)
    return Pair(mine, changed, (base, arm), comparison_arms.evaluation_start([base, arm], asked))
