"""Composition of settings from keywords of Python."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from marketsim.commands import compose, options
from marketsim.errors import WrongTypeError
from marketsim.parameters import overrides, presets
from marketsim.parameters.settings import Scenario, plain

OF_SCENARIO = {item.name for item in fields(Scenario)}  # keywords that mean scenario.KEYWORD


def run_command(
    scenario: str, config_dir: str | Path | None, settings: Mapping[str, Any]
) -> options.RunCommand:
    """Return the checked options of a study.

    Parameters
    ----------
    scenario, config_dir, settings
        As in `marketsim.run`.

    Raises
    ------
    InputError
        For invalid input.
    """
    words = words_of({"scenario": scenario} | dict(settings))
    folder = None if config_dir is None else str(config_dir)
    command: options.RunCommand = compose.composed(words, "run", options.RunCommand, folder)
    return command


def words_of(settings: Mapping[str, Any]) -> list[str]:
    """Return keywords as overrides of the command line.

    Parameters
    ----------
    settings : mapping of str to object
        As in `run`.

    Examples
    --------
    >>> words_of({"scenario": "baseline_2015", "dose_multiplier": 2, "horizon.end": "2015-12-31"})
    ['scenario=baseline_2015', 'scenario.dose_multiplier=2', 'horizon.end=2015-12-31']
    >>> words_of({"interventions": {"news": None, "sweep": {"accounts": 200}}})
    ['~scenario.interventions.news', '++scenario.interventions.sweep.accounts=200']
    """
    named = {f"scenario.{key}" if key in OF_SCENARIO else key: settings[key] for key in settings}
    for key in _empty(named):
        compose.check_entry(key, "{}")
    return [
        word for key, value in overrides.flat(plain(named)).items() for word in [_word(key, value)]
    ]


def _empty(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of dicts without entries."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _empty(value, f"{prefix}{key}.") if value else [f"{prefix}{key}"]


def _word(key: str, value: Any) -> str:
    if key in presets.DEFAULTS and not isinstance(value, str):
        raise WrongTypeError(key, value, f"a name, a text such as '{value}'")
    if key.startswith(f"{compose.INTERVENTIONS}."):
        return f"~{key}" if value is None else f"++{key}={overrides.word(value)}"
    return f"{key}={overrides.word(value)}"
