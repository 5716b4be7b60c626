"""The named choices of a study: the YAML files of conf, read without Hydra."""

from copy import deepcopy
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from marketsim.errors import InputError, one_of
from marketsim.parameters.settings import Settings

PACKAGE = Path(__file__).parents[1]
DEFAULTS = {"population": "wechat", "recovery": "mixture", "scenario": "baseline_2015"}
TRADE_POSTERIOR = "market_2015"  # the same of the chain behind the posts
POSTERIOR = "calibration_2015"  # where a study draws uncertain parameters from


def folder() -> Path:
    """Return the folder of the YAML files: in the package, or beside it in a checkout."""
    shipped = PACKAGE / "conf"
    return shipped if shipped.is_dir() else PACKAGE.parent / "conf"


def names(group: str) -> list[str]:
    """Return the choices of a group, in the order of the alphabet."""
    return sorted(path.stem for path in (folder() / group).glob("*.yaml"))


def named(**choices: str) -> Settings:
    """Return the settings of named choices, as ``marketsim GROUP=NAME ...`` composes them.

    Parameters
    ----------
    **choices : str
        `population`, `recovery` and `scenario`; those not given are the defaults of the command.

    Raises
    ------
    InputError
        For a group or a name that does not exist.

    Examples
    --------
    >>> named(population="survey", scenario="no_crackdown").population.retailers
    1000
    """
    for group in choices:
        if group not in DEFAULTS:
            raise InputError(group, choices[group], "one of the groups " + ", ".join(DEFAULTS))
    settings = Settings(posterior=POSTERIOR)
    for group, name in (DEFAULTS | choices).items():
        for key, value in choice(group, name).items():
            setattr(getattr(settings, group), key, deepcopy(value))
    return settings


@cache
def choice(group: str, name: str) -> dict[str, Any]:
    """Return what one named choice sets: keys of its group to values.

    Raises
    ------
    InputError
        For a name that does not exist.
    """
    if name not in names(group):
        raise InputError(group, name, one_of(name, names(group)))
    text = (folder() / group / f"{name}.yaml").read_text(encoding="utf-8")
    tree = yaml.load(text, Loader=yaml.BaseLoader)
    kinds = {item.name: item for item in fields(getattr(Settings(), group))}
    out: dict[str, Any] = {}
    for other in tree.pop("defaults", []):  # as Hydra reads them: what this one goes on from
        if other != "_self_":
            out = _merged(out, deepcopy(choice(group, other)))
    for key, value in tree.items():
        kind = kinds[key]  # dates stay texts, as in the command
        is_float = kind.type in (float, "float", list[float], "list[float]")
        typed = _typed(value, is_float, isinstance(kind.default, int))
        out = _merged(out, {key: typed})
    return out


def _merged(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """Return a tree with another written over it."""
    out = dict(one)
    for key, value in two.items():
        deeper = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = _merged(out[key], value) if deeper else value
    return out


def _typed(value: Any, is_float: bool, is_whole: bool) -> Any:
    """Give texts of YAML their type: numbers where they look like numbers."""
    if isinstance(value, dict):
        return {key: _typed(inner, False, False) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner, is_float, is_whole) for inner in value]
    if is_float:
        return float(value)
    if is_whole:
        return int(value)
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value
