"""Scenarios and intervention kinds: ``python -m docs.generate.scenarios > docs/scenarios.md``."""

import inspect
from dataclasses import MISSING, fields
from typing import Any

from marketsim.model.scenario.interventions import KINDS
from marketsim.parameters import presets

HEAD = """\
# Scenarios

Generated from `conf/scenario/` and `marketsim/model/scenario/interventions.py`; do not edit. A
scenario is a dated list of interventions in addition to the events of 2015. Where doses have no
source, the scenario lists *dose multipliers*: multipliers of the difference between its doses and
their neutral values. A comparison simulates all of them, and `break_even.csv` has the smallest one
whose 90 % interval excludes zero.

```sh
marketsim run scenario=repeated_sweeps scenario.dose_multiplier=0.5
marketsim compare 'scenarios=[repeated_sweeps,demand_reduction]' start=2015-08-01
marketsim compare 'scenarios=[repeated_sweeps,permanent_pressure]' hours_a_week=10
```

The last command compares both scenarios at the doses that need ten extra hours of moderators
and police per week and 1,000 traders (`hours.*` in [parameters.md](parameters.md), all assumed).
"""
OWN = """\
## Your own scenarios

A scenario of your own is a YAML file, or overrides on the command line; an intervention kind of
your own is a small class in a Python file. See [How to write an intervention](own-intervention.md).
"""


def as_markdown() -> str:
    """Return docs/scenarios.md."""
    lines = [
        HEAD,
        "## The scenarios",
        "",
        "| scenario | description | source of doses | dose multipliers |",
    ]
    lines.append("|---|---|---|---|")
    for name in presets.names("scenario"):
        of = presets.choice("scenario", name)
        sizes = ", ".join(f"{size:g}" for size in of.get("dose_multipliers", []))
        lines.append(f"| `{name}` | {of['about']}. | {of['source']}. | {sizes} |")
    lines += ["", "## Intervention kinds", ""]
    for name, kind in KINDS.items():
        lines += _kind(name, kind)
    return "\n".join([*lines, OWN])


def _kind(name: str, kind: Any) -> list[str]:
    about = inspect.cleandoc(kind.__doc__ or "")
    lines = [f"### `{name}`", "", about, "", "| key | neutral value | unit | range | meaning |"]
    lines.append("|---|---|---|---|---|")
    for item in fields(kind):
        lines.append(f"| `{item.name}` | {' | '.join(_cells(item))} |")
    return [*lines, ""]


def _cells(item: Any) -> tuple[str, str, str, str]:
    """Return neutral value, unit, range and meaning of a field."""
    about = item.metadata
    if "unit" in about:
        span = f"{about['low']:g} to {about['high']:g}"
        return f"{item.default:g}", about["unit"], span, about["meaning"]
    if "pattern" in about:
        return str(item.default), "", about["allowed"], ""
    meaning = {"date": "day", "start": "first day", "end": "last day (default: end of the run)"}
    neutral = "" if item.default is MISSING else "none"
    return neutral, "date", "days of the run", meaning.get(item.name, item.name)


if __name__ == "__main__":
    print(as_markdown(), end="")
