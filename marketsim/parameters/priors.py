"""Prior distributions and candidate recovery mechanisms.

A parameter declared with a prior is uncertain. The survey informs few: these are fitted, for
each mechanism (structure). The others are nuisance parameters: they are sampled from their priors
together with every fitted set, so that their uncertainty propagates.
"""

import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from marketsim.numerics import rng
from marketsim.numerics.elementary import exp_each, log, log_each
from marketsim.numerics.rng import Purpose
from marketsim.parameters import presets
from marketsim.parameters.declaration import Prior
from marketsim.parameters.settings import NEW, Settings, declared
from marketsim.parameters.traders import Recovery

_COMMON = (
    "posting.base_posts",
    "population.gamma_shape",
    "posting.full_grid",
    "posting.video_share",
    "posting.daily_shape",
    "population.platform_traders",
)
# Candidate structures, and at most eight fitted parameters of each.
FITTED = {
    "none": (*_COMMON, "perception.sensitivity"),
    "forgetting": (*_COMMON, "perception.sensitivity", "perception.half_life"),
    "thresholds": (*_COMMON, "perception.threshold", "perception.half_life"),
    "log_thresholds": (*_COMMON, "perception.threshold", "perception.half_life"),
    "lying_low": (*_COMMON, "perception.lie_low", "perception.low_days"),
    "social_learning": (*_COMMON, "perception.sensitivity", "perception.learning"),
    "backup_confidence": (*_COMMON, "perception.sensitivity", "accounts.confidence"),
    "trend": (*_COMMON, "perception.sensitivity", "posting.trend"),
    "combined": (*_COMMON, "perception.sensitivity", "perception.half_life"),
}
STRUCTURES = tuple(FITTED)
# Parameters that act through one mechanism alone
OWN = {
    "perception.threshold": "thresholds",
    "perception.half_life": "forgetting",
    "perception.lie_low": "lying_low",
    "perception.low_days": "lying_low",
    "perception.learning": "social_learning",
    "accounts.confidence": "backup_confidence",
    "posting.trend": "trend",
}
# Parameters of what a survey of posts hardly sees: where posts go, and how many friends follow
HARDLY_SEEN = ("displacement.moved", "accounts.kept_cold", "accounts.kept_announced")
# Groups of parameters of trade: the counts of advertisements do not inform them.
TRADE = (
    "supply",
    "workshop",
    "retail",
    "resale",
    "demand",
    "payment",
    "delivery",
    "police",
    "legal",
    "motive",
    "prices",
    "buyers",
    "upstream",
    "institutions",
)
# Fitted to prices and the mix of products, given the posterior of posting.
FITTED_TRADE = (
    "supply.cost",
    "workshop.top_grade_share",
    "workshop.grade_value",
    "workshop.semi_share",
    "workshop.wage_uncarved",
    "workshop.wage_carved",
    "retail.raw_share",
    "retail.physical_premium",
)

# A sample is keyed by the name under which the parameter was first published: an identity, so that
# renaming a parameter changes no sample.
FIRST_NAMES = {
    "workshop.top_grade_share": "workshop.best",
    "legal.switch_to_illegal": "legal.turn",
}


@cache
def uncertain() -> dict[str, Prior]:
    """Return the parameters of posting that have a prior, in declared order."""
    return {key: prior for key, prior in everything().items() if not _is_trade(key)}


@cache
def uncertain_trade() -> dict[str, Prior]:
    """Return the parameters of trade that have a prior, in declared order."""
    return {key: prior for key, prior in everything().items() if _is_trade(key)}


@cache
def everything() -> dict[str, Prior]:
    """Return the parameters that have a prior, by their dotted names, in declared order."""
    return {
        f"{item.name}.{name}": one["prior"]
        for item in fields(Settings)
        if is_dataclass(item.default_factory)
        for name, one in declared(item.default_factory).items()
        if one["prior"] is not None
    }


def acts(key: str, structure: str) -> bool:
    """Return whether a parameter acts in a structure: its mechanism has a weight there."""
    weight = presets.choice("recovery", structure).get(OWN[key], 0.0) if key in OWN else 1.0
    return bool(weight > 0.0)


def _is_trade(key: str) -> bool:
    return key.split(".")[0] in TRADE


def values(prior: Prior, shares: np.ndarray) -> np.ndarray:
    """Return quantiles of a prior at shares, shape (n,), identical on every machine."""
    if prior.form == "loguniform":
        low, high = log(prior.low), log(prior.high)
        return np.clip(exp_each(low + shares * (high - low)), prior.low, prior.high)
    return np.clip(prior.low + shares * (prior.high - prior.low), prior.low, prior.high)


def shares(prior: Prior, values: np.ndarray) -> np.ndarray:
    """Return the shares of a prior below values, shape (n,): the inverse of `values`."""
    low, high = prior.low, prior.high
    if prior.form == "loguniform":
        low, high, values = log(low), log(high), log_each(values)
    return (values - low) / (high - low)


def value(prior: Prior, share: float) -> float:
    """Return the quantile of a prior at one share."""
    return float(values(prior, np.array([share]))[0])


def share(prior: Prior, value: float) -> float:
    """Return the share of a prior below one value."""
    return float(shares(prior, np.array([value]))[0])


def sample(parameters: Mapping[str, Prior], seed: int, number: int = 0) -> dict[str, float]:
    """Sample parameters from their priors.

    Parameters
    ----------
    parameters : mapping of str to Prior
        Priors by dotted names.
    seed : int
        Seed, 0 to 2**63 - 1.
    number : int
        Which sample of that seed.

    Returns
    -------
    dict[str, float]
        Values by dotted names. Each depends on seed, number and its own name only (see
        `FIRST_NAMES`): declaring another parameter changes none.
    """

    def uniform(name: str) -> float:
        key = zlib.crc32(FIRST_NAMES.get(name, name).encode())
        return rng.uniform(seed, int(Purpose.PRIOR), 0, key, number)

    return {name: value(prior, uniform(name)) for name, prior in parameters.items()}


def kept_parameters(settings: Settings) -> set[str]:
    """Return the parameters that keep their values: fixed ones, and those of a group ``none``."""
    kept = {*settings.fixed}
    for group in ("motive", "prices", "buyers", "upstream", "institutions"):
        if getattr(settings, group).name == "none":  # neutral by choice, not uncertain
            kept |= {key for key in everything() if key.startswith(f"{group}.")}
    return kept


def with_values(settings: Settings, structure: str, values: dict[str, float]) -> Settings:
    """Return settings with a structure and sampled values; fixed parameters keep theirs.

    Parameters
    ----------
    settings : Settings
        Not changed.
    structure : str
        One of `STRUCTURES`.
    values : dict[str, float]
        By dotted names.
    """
    groups: dict[str, Any] = {"recovery": Recovery(**presets.choice("recovery", structure))}
    kept = kept_parameters(settings)
    free = {key: drawn for key, drawn in values.items() if key not in kept}
    return replace(_with_values(settings, free), **groups, posterior="none", panel=NEW, fixed=[])


def _with_values(settings: Settings, values: dict[str, float]) -> Settings:
    groups: dict[str, Any] = {}
    for key, drawn in values.items():
        group, name = key.split(".")
        groups[group] = replace(groups.get(group, getattr(settings, group)), **{name: drawn})
    return replace(settings, **groups)
