"""Everything one study is made of: its groups of parameters, checked and handed to the kernels."""

import re
from collections import namedtuple
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any

from marketsim.errors import InputError, span
from marketsim.parameters.declaration import parameter
from marketsim.parameters.enforcement import Hours, Moderation, Police
from marketsim.parameters.trade import (
    Delivery,
    Demand,
    Legal,
    Payment,
    Resale,
    Retail,
    Supply,
    Workshop,
)
from marketsim.parameters.traders import (
    TRADER_TYPES,
    Accounts,
    Displacement,
    Observer,
    Perception,
    Population,
    Posting,
    Recovery,
    Turnover,
)

WHOLE, POSTS = "whole", "posts"
NAME = re.compile(r"\w[\w.-]{0,99}")  # of a scenario: safe in a path, a table, a spreadsheet


@dataclass
class Horizon:
    """First and last day of a run."""

    start: str = "2015-03-06"
    end: str = "2015-07-31"


@dataclass
class Scenario:
    """A dated list of interventions (see calendar.py).

    `source` says where its doses come from. `until` is the last day that it needs, where that is
    after `horizon.end`. `strength` multiplies the doses of the interventions named in `scaled`;
    of those no source says how large they are, and a comparison goes over all `strengths`.
    """

    name: str = "unnamed"
    about: str = ""
    source: str = ""
    until: str = ""
    strength: float = parameter(
        1.0, "ratio", 0.0, 1000.0, "doses without a source against those written", "convention"
    )
    strengths: list[float] = field(default_factory=list)
    scaled: list[str] = field(default_factory=list)
    interventions: dict[str, Any] = field(default_factory=dict)


@dataclass
class Settings:
    """Everything one study is made of.

    `market` is "whole", or "posts" for the posting side alone: nobody trades, and police
    have nothing to find.
    `posterior` names where uncertain parameters are drawn from (see posterior.py); `held` names
    those that keep the value given here all the same. `classes` names files of Python with
    interventions of the user's own (see own_interventions.py).
    """

    population: Population = field(default_factory=Population)
    posting: Posting = field(default_factory=Posting)
    perception: Perception = field(default_factory=Perception)
    recovery: Recovery = field(default_factory=Recovery)
    accounts: Accounts = field(default_factory=Accounts)
    displacement: Displacement = field(default_factory=Displacement)
    moderation: Moderation = field(default_factory=Moderation)
    turnover: Turnover = field(default_factory=Turnover)
    observer: Observer = field(default_factory=Observer)
    supply: Supply = field(default_factory=Supply)
    workshop: Workshop = field(default_factory=Workshop)
    retail: Retail = field(default_factory=Retail)
    resale: Resale = field(default_factory=Resale)
    demand: Demand = field(default_factory=Demand)
    payment: Payment = field(default_factory=Payment)
    delivery: Delivery = field(default_factory=Delivery)
    police: Police = field(default_factory=Police)
    legal: Legal = field(default_factory=Legal)
    hours: Hours = field(default_factory=Hours)
    horizon: Horizon = field(default_factory=Horizon)
    scenario: Scenario = field(default_factory=Scenario)
    market: str = WHOLE
    posterior: str = "none"
    held: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    seed: int = parameter(
        2015, "whole number", 0, 2**63 - 1, "every draw is a function of it", "convention"
    )
    replicates: int = parameter(
        200, "runs", 1, 1_000_000, "populations and panels, each with luck of its own", "convention"
    )


@dataclass
class Calibration:
    """How the posterior is searched for.

    `sampler` is multicore (the cores of this machine), single, or dask; `address` is that of a
    Dask scheduler, and a cluster on this machine is started if it is not given.
    """

    particles: int = parameter(
        1000, "particles", 20, 100_000, "accepted simulations of a generation", "convention"
    )
    simulations: int = parameter(
        50_000,
        "simulations",
        100,
        10_000_000,
        "the search ends once so many are done",
        "convention",
    )
    sampler: str = "multicore"
    address: str | None = None


@dataclass
class Comparison:
    """What is compared, over which days, and how precisely.

    `scenarios` are names, each compared with `baseline` at all its strengths. Days count from
    `start` on, by default the first on which an arm differs from the baseline. With
    `hours_a_week` each scenario is compared at the strength that takes so many extra hours.
    """

    scenarios: list[str] = field(default_factory=list)
    baseline: str = "baseline_2015"
    start: str = ""
    prior: bool = True
    precision: float | None = parameter(
        None, "share of the baseline", 1e-6, 1.0,
        "half-width of the 95 % interval of the mean effect on ivory sold: at which runs end",
        "convention",
    )  # fmt: skip
    hours_a_week: float | None = parameter(
        None, "hours a week per 1,000 traders", 1e-3, 1e9, "extra work of every arm", "convention"
    )


@dataclass
class Sensitivity:
    """How it is asked which uncertain parameters matter.

    The effects are of the scenario against `baseline`. `samples` is a power of two.
    """

    baseline: str = "baseline_2015"
    trajectories: int = parameter(
        10, "trajectories", 4, 10_000, "walks of the screening through all parameters", "convention"
    )
    samples: int = parameter(
        64, "samples", 8, 65_536, "base samples of the Sobol indices, a power of two", "convention"
    )
    kept: int = parameter(
        8, "parameters", 1, 100, "parameters that the Sobol indices are of", "convention"
    )
    runs_each: int = parameter(
        2, "runs", 2, 1000, "runs at every point, with the same luck at all points", "convention"
    )


def from_tree(tree: dict[str, Any]) -> Settings:
    """Return the settings that ``dataclasses.asdict`` made a tree of.

    Raises
    ------
    KeyError, TypeError
        Where the tree is not one of settings.
    """
    values = {}
    for item in fields(Settings):
        group, value = item.default_factory, tree[item.name]
        values[item.name] = group(**value) if is_dataclass(group) else value
    return Settings(**values)


def declared(group: Any) -> dict[str, dict[str, Any]]:
    """Return the declared parameters of a group: name to unit, range, meaning, source, default."""
    return {
        item.name: dict(item.metadata) | {"default": item.default}
        for item in fields(group)
        if "unit" in item.metadata and item.default is not MISSING
    }


def value_of(settings: Settings, key: str) -> float:
    """Return the value of a parameter by its dotted name."""
    group, name = key.split(".")
    return float(getattr(getattr(settings, group), name))


def check(settings: Settings) -> None:
    """Refuse any value outside its range.

    Raises
    ------
    InputError
        Naming the key, the value and the allowed range.
    """
    check_ranges(settings, "")
    if not NAME.fullmatch(settings.scenario.name):
        allowed = "up to 100 letters, digits, _ - and . (not - or . first)"
        raise InputError("scenario.name", settings.scenario.name, allowed)
    if settings.market not in (WHOLE, POSTS):
        raise InputError("market", settings.market, f"{WHOLE}, {POSTS}")
    if not isinstance(settings.held, list):
        raise InputError("held", settings.held, "a list of parameters")
    if not isinstance(settings.classes, list):
        raise InputError("classes", settings.classes, "a list of files")
    for strength in settings.scenario.strengths:
        is_number = isinstance(strength, int | float) and not isinstance(strength, bool)
        if not is_number or not 0.0 < strength <= 1000.0:
            raise InputError("scenario.strengths", strength, "numbers above 0, to 1,000")
    shares = settings.population
    if not any(getattr(shares, f"type_{letter}") > 0 for letter in TRADER_TYPES):
        raise InputError("population.type_a", 0, "at least one type with a weight above 0")
    silent = settings.posting
    least = silent.silent_share / (1.0 - silent.silent_share)
    if silent.silent_days < least * (1.0 - 1e-9):
        allowed = f"{least:.3g} days or more, for a silent share of {silent.silent_share:g}"
        raise InputError("posting.silent_days", silent.silent_days, allowed)
    tastes = settings.demand
    if tastes.taste_uncarved + tastes.taste_carved <= 0.0:
        raise InputError("demand.taste_uncarved", 0, "above 0, or demand.taste_carved above 0")
    moved = settings.displacement
    if moved.moved > 0 and moved.groups + moved.elsewhere <= 0:
        raise InputError("displacement.groups", moved.groups, "above 0, or elsewhere above 0")


def check_ranges(group: Any, prefix: str) -> None:
    """Refuse a value outside its range anywhere below a group; `prefix` is the group's name."""
    for item in fields(group):
        key, value = prefix + item.name, getattr(group, item.name)
        if is_dataclass(value):
            check_ranges(value, key + ".")
        elif "unit" in item.metadata and value is not None:
            low, high = item.metadata["low"], item.metadata["high"]
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                raise InputError(key, value, span(low, high, item.metadata["unit"]))


def _kernel_tuple(group: type) -> Any:
    name = f"{group.__name__}Values"
    return namedtuple(name, list(declared(group)), module=__name__)


PostingValues = _kernel_tuple(Posting)
PerceptionValues = _kernel_tuple(Perception)
RecoveryValues = _kernel_tuple(Recovery)
AccountsValues = _kernel_tuple(Accounts)
DisplacementValues = _kernel_tuple(Displacement)
ModerationValues = _kernel_tuple(Moderation)
TurnoverValues = _kernel_tuple(Turnover)
SupplyValues = _kernel_tuple(Supply)
WorkshopValues = _kernel_tuple(Workshop)
RetailValues = _kernel_tuple(Retail)
ResaleValues = _kernel_tuple(Resale)
DemandValues = _kernel_tuple(Demand)
PaymentValues = _kernel_tuple(Payment)
DeliveryValues = _kernel_tuple(Delivery)
PoliceValues = _kernel_tuple(Police)
LegalValues = _kernel_tuple(Legal)
Params = namedtuple(
    "Params",
    "posting perception recovery accounts displacement moderation turnover "
    "supply workshop retail resale demand payment delivery police legal",
)


def kernel_params(settings: Settings) -> Params:
    """Return the parameters as the kernels read them: named tuples of floats.

    Every value is made a float here, once, since an integer would compile the kernels anew.
    """

    def values(kind: Any, group: Any) -> Any:
        return kind(*(float(getattr(group, name)) for name in kind._fields))

    retail, police, legal = settings.retail, settings.police, settings.legal
    demand = settings.demand
    if settings.market == POSTS:  # who does not trade is not moved by trade, and nobody else trades
        retail = replace(retail, drop=0.0, push=0.0)
        police, legal = replace(police, referred=0.0), replace(legal, customers=0.0)
        demand = replace(demand, asked=0.0)
    return Params(
        values(PostingValues, settings.posting),
        values(PerceptionValues, settings.perception),
        values(RecoveryValues, settings.recovery),
        values(AccountsValues, settings.accounts),
        values(DisplacementValues, settings.displacement),
        values(ModerationValues, settings.moderation),
        values(TurnoverValues, settings.turnover),
        values(SupplyValues, settings.supply),
        values(WorkshopValues, settings.workshop),
        values(RetailValues, retail),
        values(ResaleValues, settings.resale),
        values(DemandValues, demand),
        values(PaymentValues, settings.payment),
        values(DeliveryValues, settings.delivery),
        values(PoliceValues, police),
        values(LegalValues, legal),
    )
