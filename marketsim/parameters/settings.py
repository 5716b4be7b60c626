"""Settings of a study: groups of parameters, their check, and the form the kernels read."""

import datetime as dt
import re
from collections import namedtuple
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path, PurePath
from typing import Any, get_args

from marketsim.errors import InputError, WrongTypeError, out_of_range, unknown_name
from marketsim.parameters.declaration import parameter
from marketsim.parameters.enforcement import Hours, Institutions, Moderation, Police
from marketsim.parameters.trade import (
    Buyers,
    Delivery,
    Demand,
    Legal,
    Payment,
    Prices,
    Resale,
    Retail,
    Supply,
    Upstream,
    Workshop,
)
from marketsim.parameters.traders import (
    TRADER_TYPES,
    Accounts,
    Displacement,
    Motive,
    Observer,
    Perception,
    Population,
    Posting,
    Recovery,
    Style,
    Turnover,
)

FULL, POSTING_ONLY = "full", "posting_only"
AGAIN, NEW = "again", "new"  # panels that are predicted (see panel.py)
# parameters where market=posting_only; traders without trade have no motive, and buyers no choice
# (conf/motive/none.yaml, conf/buyers/none.yaml)
WITHOUT_TRADE: dict[str, dict[str, float]] = {
    "retail": {"stock_effect_on_posting": 0.0},
    "police": {"referred": 0.0},
    "legal": {"customers": 0.0},
    "demand": {"inquiries_per_post": 0.0},
    "prices": {"adjust": 0.0, "speculation": 0.0, "extrapolate": 0.0},
    "motive": {
        name: 1.0 if name in ("follow", "start") else 0.0
        for name in Motive.__dataclass_fields__
        if name not in ("name", "about", "memory")
    },
    "upstream": {"spread": 0.0, "loyalty": 1.0, "price_sense": 0.0, "posts": 0.0, "recruit": 0.0},
    "institutions": {"staff": 0.0, "noise": 0.0, "vetting": 0.0, "publicity": 0.0},
    "buyers": {
        name: 0.0 for name in Buyers.__dataclass_fields__ if name not in ("name", "about", "budget")
    },
}
# of a scenario or a study: what every file system takes, and tables, spreadsheets and Hydra too
NAME = re.compile(r"""\w(?:[^/\\:*?"<>|@{}]{0,98}[^/\\:*?"<>|@{}. ])?""")
NAMED = '1 to 100 characters without / \\ : * ? " < > | @ { }, the first a letter, digit or _'
# what a spreadsheet (XML 1.0) or a CSV file cannot hold: control characters, half characters
UNWRITABLE = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass
class Horizon:
    """First and last day of a run."""

    start: str = "2015-03-06"
    end: str = "2015-07-31"


@dataclass
class Scenario:
    """A dated list of interventions (see model/scenario/timeline.py).

    `source` says where its doses come from. `until` is the last day simulated, where that is
    after `horizon.end`. `dose_multiplier` multiplies the doses of the interventions named in
    `scaled_interventions`, whose size has no source; a comparison simulates the scenario at each
    of `dose_multipliers`.
    """

    name: str = "unnamed"
    about: str = ""
    source: str = ""
    until: str = ""
    dose_multiplier: float = parameter(
        1.0, "ratio", 0.0, 1000.0, "multiplier of the doses without a source", "convention"
    )
    dose_multipliers: list[float] = field(default_factory=list)
    scaled_interventions: list[str] = field(default_factory=list)
    interventions: dict[str, Any] = field(default_factory=dict)


@dataclass
class Settings:
    """Settings of a study.

    `market` is "full", or "posting_only" for posting alone, without trade or police cases.
    `posterior` names the distribution of uncertain parameters (see posterior.py); the parameters
    in `fixed` are fixed at the value given here. `panel` is "new" for runs with fresh seeds, or
    "again" for the panel that TRAFFIC surveyed (see panel.py). `classes` lists the user's Python
    files with own interventions (see model/scenario/custom.py).
    """

    population: Population = field(default_factory=Population)
    posting: Posting = field(default_factory=Posting)
    style: Style = field(default_factory=Style)
    perception: Perception = field(default_factory=Perception)
    recovery: Recovery = field(default_factory=Recovery)
    accounts: Accounts = field(default_factory=Accounts)
    motive: Motive = field(default_factory=Motive)
    displacement: Displacement = field(default_factory=Displacement)
    moderation: Moderation = field(default_factory=Moderation)
    turnover: Turnover = field(default_factory=Turnover)
    observer: Observer = field(default_factory=Observer)
    supply: Supply = field(default_factory=Supply)
    workshop: Workshop = field(default_factory=Workshop)
    retail: Retail = field(default_factory=Retail)
    resale: Resale = field(default_factory=Resale)
    demand: Demand = field(default_factory=Demand)
    buyers: Buyers = field(default_factory=Buyers)
    payment: Payment = field(default_factory=Payment)
    delivery: Delivery = field(default_factory=Delivery)
    police: Police = field(default_factory=Police)
    legal: Legal = field(default_factory=Legal)
    prices: Prices = field(default_factory=Prices)
    upstream: Upstream = field(default_factory=Upstream)
    institutions: Institutions = field(default_factory=Institutions)
    hours: Hours = field(default_factory=Hours)
    horizon: Horizon = field(default_factory=Horizon)
    scenario: Scenario = field(default_factory=Scenario)
    market: str = FULL
    posterior: str = "none"
    panel: str = NEW
    fixed: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    seed: int = parameter(2015, "1", 0, 2**63 - 1, "seed of all random numbers", "convention")
    replicates: int = parameter(
        200, "runs", 1, 1_000_000, "replicate runs (independent random seeds)", "convention"
    )


@dataclass
class Inference:
    """Settings of the calibration of posting: how much is simulated in each of its steps."""

    simulations: int = parameter(
        200_000, "surveys", 200, 10_000_000, "surveys with parameters from the prior", "convention"
    )
    rounds: int = parameter(
        2, "rounds", 1, 10, "further rounds, each from a posterior", "convention"
    )
    round_simulations: int = parameter(
        100_000, "surveys", 100, 10_000_000, "surveys of each further round", "convention"
    )
    market_simulations: int = parameter(
        10_000, "surveys", 40, 1_000_000, "surveys of the whole market with trade", "convention"
    )
    held_out: int = parameter(
        2_000, "surveys", 20, 100_000, "of these, only to test the emulator", "convention"
    )
    draws: int = parameter(
        300, "draws", 10, 10_000, "draws of the posterior for each recovery mechanism", "convention"
    )
    tests: int = parameter(
        1_000, "surveys", 10, 10_000, "simulated surveys treated as observed", "convention"
    )
    pairs: int = parameter(
        400, "pairs", 0, 10_000, "pairs of a draw and a seed that repeat the panel", "convention"
    )


@dataclass
class Calibration:
    """Settings of the calibration of prices and products.

    `sampler` is multicore (the cores of this machine), single, or dask; `address` is that of a
    Dask scheduler. Without an address a cluster is started on this machine.
    """

    particles: int = parameter(
        1000, "particles", 20, 100_000, "accepted simulations per generation", "convention"
    )
    simulations: int = parameter(
        50_000,
        "simulations",
        100,
        10_000_000,
        "largest number of simulations",
        "convention",
    )
    sampler: str = "multicore"
    address: str | None = None


@dataclass
class Comparison:
    """Settings of a comparison of scenarios.

    `scenarios` are names; each is compared with `baseline` at all its dose multipliers. `start` is
    the first day of the evaluation period (default: first day on which an arm differs). `prior`
    also runs the comparison under the prior. With `hours_a_week` each scenario is compared at the
    dose multiplier that takes so many extra hours of work.
    """

    scenarios: list[str] = field(default_factory=list)
    baseline: str = "baseline_2015"
    start: str = ""
    prior: bool = True
    precision: float | None = parameter(
        None, "share of the baseline", 1e-6, 1.0,
        "stop at this half-width of the 95 % interval of the mean effect on ivory sold",
        "convention",
    )  # fmt: skip
    hours_a_week: float | None = parameter(
        None, "hours a week per 1,000 traders", 1e-3, 1e9, "extra work in each arm", "convention"
    )


@dataclass
class Sensitivity:
    """Settings of a sensitivity analysis.

    Effects are those of the scenario against `baseline`. `samples` is a power of two.
    """

    baseline: str = "baseline_2015"
    trajectories: int = parameter(
        10, "trajectories", 4, 10_000, "Morris trajectories through all parameters", "convention"
    )
    samples: int = parameter(
        64, "samples", 8, 65_536, "base samples of the Sobol indices (a power of two)", "convention"
    )
    kept: int = parameter(
        8, "parameters", 1, 100, "parameters for which Sobol indices are computed", "convention"
    )
    runs_each: int = parameter(
        2, "runs", 2, 1000, "runs at each point, with common random numbers", "convention"
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


def to_tree(settings: Settings) -> dict[str, Any]:
    """Return settings as a tree of plain values, as a manifest has them; inverse of `from_tree`.

    Files of own interventions are named without their folders: a result has no path of a user.
    """
    tree: dict[str, Any] = plain(asdict(settings))
    return tree | {"classes": [Path(file).name for file in settings.classes]}


def plain(value: Any) -> Any:
    """Return a value as Python's own numbers, texts, lists and dicts.

    Those of numpy and pandas, tuples and paths are converted.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"seed": np.int64(3), "dose_multipliers": np.array([0.5, 1.0])})
    {'seed': 3, 'dose_multipliers': [0.5, 1.0]}
    """
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def declared(group: Any) -> dict[str, dict[str, Any]]:
    """Return the declared parameters of a group: name to unit, range, meaning, source, default."""
    return {
        item.name: dict(item.metadata) | {"default": item.default}
        for item in fields(group)
        if "unit" in item.metadata and item.default is not MISSING
    }


def dotted_keys(schema: Any, prefix: str = "") -> list[str]:
    """Return the dotted keys of a dataclass of settings, its groups included."""
    keys = []
    for item in fields(schema):
        keys.append(f"{prefix}{item.name}")
        if is_dataclass(item.default_factory):
            keys += dotted_keys(item.default_factory, f"{prefix}{item.name}.")
    return keys


def value_of(settings: Settings, key: str) -> float:
    """Return the value of a parameter by its dotted name."""
    group, name = key.split(".")
    return float(getattr(getattr(settings, group), name))


def check(settings: Settings) -> None:
    """Refuse any value outside its range; numbers of numpy become Python's own.

    Raises
    ------
    InputError
        Naming the key, the value and the allowed range.
    """
    check_ranges(settings, "")
    _check_texts(settings)
    if not is_name(settings.scenario.name):
        raise InputError("scenario.name", settings.scenario.name, NAMED)
    if settings.market not in (FULL, POSTING_ONLY):
        raise unknown_name("market", settings.market, (FULL, POSTING_ONLY))
    if settings.panel not in (AGAIN, NEW):
        raise unknown_name("panel", settings.panel, (AGAIN, NEW))
    if not isinstance(settings.scenario.dose_multipliers, list):
        key = "scenario.dose_multipliers"
        raise WrongTypeError(key, settings.scenario.dose_multipliers, "a list of numbers")
    for dose_multiplier in settings.scenario.dose_multipliers:
        if not _is_number(dose_multiplier):
            raise WrongTypeError("scenario.dose_multipliers", dose_multiplier, "numbers")
        if not 0.0 < dose_multiplier <= 1000.0:
            raise InputError(
                "scenario.dose_multipliers", dose_multiplier, "numbers above 0, up to 1000"
            )
    population = settings.population
    if not any(getattr(population, f"type_{letter}") > 0 for letter in TRADER_TYPES):
        allowed = "a weight above 0 of at least one type of trader"
        raise InputError("population.type_a", 0, allowed)
    posting = settings.posting
    least = posting.silent_share / (1.0 - posting.silent_share)
    if posting.silent_days < least * (1.0 - 1e-9):
        allowed = f"{least:.3g} days or more, for posting.silent_share={posting.silent_share:g}"
        raise InputError("posting.silent_days", posting.silent_days, allowed)
    demand = settings.demand
    if demand.taste_uncarved + demand.taste_carved <= 0.0:
        raise InputError("demand.taste_uncarved", 0, "above 0, or demand.taste_carved above 0")
    buyers = settings.buyers
    shares = buyers.collector + buyers.investor + buyers.traveller
    if shares > 1.0 + 1e-9:
        allowed = "at most 1 together with buyers.investor and buyers.traveller"
        raise InputError("buyers.collector", buyers.collector, allowed)
    moved = settings.displacement
    if moved.moved > 0 and moved.groups + moved.elsewhere <= 0:
        allowed = "above 0, or displacement.elsewhere above 0"
        raise InputError("displacement.groups", moved.groups, allowed)


def check_ranges(group: Any, prefix: str) -> None:
    """Refuse a value outside its range anywhere below a group; `prefix` is the group's name.

    Numbers of numpy become Python's own.
    """
    for item in fields(group):
        key, value = prefix + item.name, getattr(group, item.name)
        if is_dataclass(value):
            check_ranges(value, key + ".")
            continue
        if not _is_plain(value):
            value = plain(value)
            setattr(group, item.name, value)
        if "unit" in item.metadata and value is not None:
            low, high, unit = (item.metadata[name] for name in ("low", "high", "unit"))
            if not _is_number(value):
                raise WrongTypeError(key, value, "a number")
            if not low <= value <= high:
                raise out_of_range(key, value, low, high, unit)
            if int in (item.type, *get_args(item.type)) and not isinstance(value, int):
                raise WrongTypeError(key, value, "a whole number")
        elif item.type is str and not isinstance(value, str | dt.date):
            raise WrongTypeError(key, value, "a text")
        elif item.type == list[str] and not _is_list_of_texts(value):
            raise WrongTypeError(key, value, "a list of names")


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_plain(value: Any) -> bool:
    """Return whether `plain` would return the value as it is."""
    if isinstance(value, dict | list):
        return all(map(_is_plain, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, tuple | PurePath) and not hasattr(value, "tolist")


def _check_texts(settings: Settings) -> None:
    """Refuse a text that no spreadsheet or page can hold, anywhere but in the names of files."""
    for key, text in _texts({**asdict(settings), "classes": []}, ""):
        found = UNWRITABLE.search(text)
        if found:
            allowed = f"a text without control characters (character {found.start() + 1} is one)"
            raise InputError(key, text, allowed)


def _texts(value: Any, key: str) -> list[tuple[str, str]]:
    """Return every text of a tree with its dotted name; names of entries are texts too."""
    if isinstance(value, str):
        return [(key, value)]
    if isinstance(value, list):
        return [found for one in value for found in _texts(one, key)]
    if not isinstance(value, dict):
        return []
    named = [(key, str(name)) for name in value]
    below = [_texts(one, f"{key}.{name}".lstrip(".")) for name, one in value.items()]
    return [*named, *(found for one in below for found in one)]


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a scenario or a study."""
    return text.isprintable() and NAME.fullmatch(text) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# the groups of parameters that the kernels read, each as a named tuple of its own
Params = namedtuple(
    "Params",
    "posting style perception recovery accounts motive displacement moderation turnover "
    "supply workshop retail resale demand buyers payment delivery police legal prices "
    "upstream institutions",
)
_VALUES: dict[str, Any] = {
    name: namedtuple(f"{type(group).__name__}Values", list(declared(group)), module=__name__)
    for name, group in vars(Settings()).items()
    if name in Params._fields
}
# numba's cache pickles the types, which are looked up in their module by name
globals().update({values.__name__: values for values in _VALUES.values()})


def kernel_params(settings: Settings) -> Params:
    """Return the parameters as the kernels read them: named tuples of floats.

    Every value is made a float here, once, since an integer would compile the kernels anew.
    """
    groups = {name: getattr(settings, name) for name in Params._fields}
    if settings.market == POSTING_ONLY:  # nobody trades, so nothing that trade does may move a post
        for name, changes in WITHOUT_TRADE.items():
            groups[name] = replace(groups[name], **changes)
    return Params(
        *(
            values(*(float(getattr(groups[name], key)) for key in values._fields))
            for name, values in _VALUES.items()
        )
    )
