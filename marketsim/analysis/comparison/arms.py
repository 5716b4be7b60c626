"""What is compared: the arms, each a scenario at one strength, over the same days."""

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
    """One scenario at one strength."""

    name: str
    settings: Settings

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.settings.scenario


def make(
    settings: Settings, asked: Comparison, own: Mapping[str, Scenario] | None = None
) -> list[Arm]:
    """Return what is compared, the baseline first, all over the same days.

    Parameters
    ----------
    settings : Settings
        All but the scenario.
    asked : Comparison
        Names and strengths.
    own : mapping of str to Scenario, optional
        Scenarios of the user's, by their names; they come before the package's.

    Raises
    ------
    InputError
        For a name that is not there or stands twice, a scenario that cannot be, no scenario at
        all, or one that no strength gives the hours asked for.
    """
    if not asked.scenarios:
        raise MissingArgumentError("scenarios", "[]", "marketsim compare scenarios=[A,B]")
    for name in (asked.baseline, *asked.scenarios):
        if asked.scenarios.count(name) + (name == asked.baseline) > 1:
            raise InputError("scenarios", name, "each name once, and not the baseline")
    named = {name: _named(settings, name, own or {}) for name in (asked.baseline, *asked.scenarios)}
    last = max(timeline.horizon(one)[1] for one in named.values())
    for one in named.values():
        one.scenario.until = str(last)
    base = named.pop(asked.baseline)
    out = [Arm(asked.baseline, base)]
    for name, one in named.items():
        out += _at_strengths(name, one, base, asked)
    for arm in out:
        timeline.check_settings(arm.settings)
    return out


def _named(settings: Settings, name: str, own: Mapping[str, Scenario]) -> Settings:
    """Return the settings with the scenario of a name: the user's own, or one that is shipped."""
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


def _at_strengths(name: str, one: Settings, base: Settings, asked: Comparison) -> list[Arm]:
    """Return a scenario at each strength, or at the one that takes the hours asked for."""
    if asked.hours_a_week is not None:
        if not one.scenario.scaled:
            raise InputError(
                "scenarios", name, "a scenario with strengths, since hours_a_week is given"
            )
        start = start_of([Arm(asked.baseline, base), Arm(name, one)], asked)
        return [Arm(name, effort.matched(one, base, start, asked.hours_a_week))]
    strengths = one.scenario.strengths or [1.0]
    return [
        Arm(
            name if len(strengths) == 1 else f"{name}@{strength:g}",
            replace(one, scenario=replace(one.scenario, strength=strength)),
        )
        for strength in strengths
    ]


def start_of(compared: Sequence[Arm], asked: Comparison) -> dt.date:
    """Return the first day that counts."""
    first, last = timeline.horizon(compared[0].settings)
    if asked.start:
        day = dt.date.fromisoformat(asked.start) if _is_date(asked.start) else None
        if day is None or not first <= day <= last - dt.timedelta(6):
            raise InputError("start", asked.start, f"a date from {first} to a week before {last}")
        return day
    return first_changed([arm.settings for arm in compared])


def first_changed(several: Sequence[Settings]) -> dt.date:
    """Return the first day on which one is under a lever that the first is not under.

    Where there is none it is the first day of the run; a week of days is left in any case.
    """
    first, last = timeline.horizon(several[0])
    tables = [timeline.compile_table(one) for one in several]
    rows = [
        np.flatnonzero(getattr(table, lever) != getattr(tables[0], lever))[:1]
        for table in tables[1:]
        for lever in LEVERS
    ]
    moved = np.concatenate(rows) if rows else np.zeros(0)
    day = first + dt.timedelta(int(moved.min())) if moved.size else first
    return min(day, last - dt.timedelta(6))


def _is_date(text: str) -> bool:
    try:
        return str(dt.date.fromisoformat(text)) == text
    except ValueError:
        return False
