"""Arms of a comparison: scenarios at their doses, over the same days."""

import copy
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from marketsim.analysis.comparison import effort
from marketsim.errors import InputError, MissingArgumentError, unknown_name
from marketsim.model.scenario import timeline
from marketsim.model.scenario.interventions import LEVERS
from marketsim.parameters import presets
from marketsim.parameters.settings import Comparison, Scenario, Settings


@dataclass(frozen=True)
class Arm:
    """A scenario at one dose."""

    name: str
    settings: Settings

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.settings.scenario


def make_arms(
    settings: Settings, options: Comparison, own: Mapping[str, Scenario] | None = None
) -> list[Arm]:
    """Return the arms of a comparison, the baseline first, all over the same days.

    Parameters
    ----------
    settings : Settings
        All but the scenario.
    options : Comparison
        Names of the scenarios, and the hours to match.
    own : mapping of str to Scenario, optional
        Scenarios of the user by name; they take precedence over shipped ones.

    Raises
    ------
    InputError
        For an unknown or repeated name, an invalid scenario, no scenario at all, or one that
        cannot reach the hours to match at any dose.
    """
    if not options.scenarios:
        raise MissingArgumentError("scenarios", "[]", "marketsim compare scenarios=[A,B]")
    for name in (options.baseline, *options.scenarios):
        if options.scenarios.count(name) + (name == options.baseline) > 1:
            raise InputError("scenarios", name, "each name once, and not the baseline")
    named = {
        name: _named(settings, name, own or {}) for name in (options.baseline, *options.scenarios)
    }
    last = max(timeline.horizon(one)[1] for one in named.values())
    for one in named.values():
        one.scenario.until = str(last)
    base = named.pop(options.baseline)
    out = [Arm(options.baseline, base)]
    for name, one in named.items():
        out += _at_doses(name, one, base, options)
    for arm in out:
        timeline.check_settings(arm.settings)
    return out


def scenarios(compared: Sequence[Arm]) -> list[Scenario]:
    """Return the scenarios of arms as specified, each once, the baseline first.

    They have no dose multiplier of an arm; that of the baseline is its own.
    """
    named = {arm.scenario.name: arm.scenario for arm in compared[1:]}
    plain = [replace(one, dose_multiplier=Scenario().dose_multiplier) for one in named.values()]
    return [compared[0].scenario, *plain]


def _named(settings: Settings, name: str, own: Mapping[str, Scenario]) -> Settings:
    """Return the settings with a scenario by name: one of the user, or a shipped one."""
    shipped = presets.names("scenario")
    if name == settings.scenario.name and name not in shipped:
        chosen = settings.scenario  # as chosen and changed on the command line
    elif name in own:
        chosen = own[name]
    elif name in shipped:
        chosen = Scenario(**presets.choice("scenario", name))
    else:
        raise unknown_name("scenarios", name, [*own, *shipped])
    return copy.deepcopy(replace(settings, scenario=chosen))


def _at_doses(name: str, one: Settings, base: Settings, options: Comparison) -> list[Arm]:
    """Return a scenario at each of its doses, or at the dose that matches the hours of work."""
    if options.hours_a_week is not None:
        if not one.scenario.scaled_interventions:
            raise InputError(
                "scenarios", name, "a scenario with dose multipliers, since hours_a_week is given"
            )
        start = evaluation_start([Arm(options.baseline, base), Arm(name, one)], options)
        return [Arm(name, effort.match_hours(one, base, start, options.hours_a_week))]
    dose_multipliers = one.scenario.dose_multipliers or [1.0]
    return [
        Arm(
            name if len(dose_multipliers) == 1 else f"{name}@{dose_multiplier:g}",
            replace(one, scenario=replace(one.scenario, dose_multiplier=dose_multiplier)),
        )
        for dose_multiplier in dose_multipliers
    ]


def evaluation_start(compared: Sequence[Arm], options: Comparison) -> dt.date:
    """Return the first day of the evaluation period.

    Raises
    ------
    InputError
        If `options.start` is no date of the horizon.
    """
    first, last = timeline.horizon(compared[0].settings)
    if options.start:
        day = dt.date.fromisoformat(options.start) if _is_date(options.start) else None
        if day is None or not first <= day <= last - dt.timedelta(6):
            raise InputError("start", options.start, f"a date from {first} to a week before {last}")
        return day
    return first_changed([arm.settings for arm in compared])


def first_changed(several: Sequence[Settings]) -> dt.date:
    """Return the first day on which a lever differs from the first settings.

    It is the first day of the run if no lever differs, and at least a week before the last day.
    """
    first, last = timeline.horizon(several[0])
    tables = [timeline.compile_table(one) for one in several]
    rows = [
        np.flatnonzero(getattr(table, lever) != getattr(tables[0], lever))[:1]
        for table in tables[1:]
        for lever in LEVERS
    ]
    differs = np.concatenate(rows) if rows else np.zeros(0)
    day = first + dt.timedelta(int(differs.min())) if differs.size else first
    return min(day, last - dt.timedelta(6))


def _is_date(text: str) -> bool:
    try:
        return str(dt.date.fromisoformat(text)) == text
    except ValueError:
        return False
