"""The scenarios as a page: ``python -m docs.generate.scenarios > docs/scenarios.md``."""

import inspect
from dataclasses import MISSING, fields
from typing import Any

from marketsim.model.scenario.interventions import KINDS
from marketsim.parameters import presets

HEAD = """\
# Scenarios

Made from `conf/scenario/` and `marketsim/model/scenario/interventions.py`; do not edit. A
scenario is a dated list of interventions beside what happened in 2015. Where no source says how
large a dose is, the scenario has *strengths*, by which doses are multiplied in what they add to
doing nothing: a comparison goes over all of them, and says from which on there is an effect
(`break_even.csv`).

```sh
marketsim run scenario=repeated_sweeps scenario.strength=0.5
marketsim compare 'scenarios=[repeated_sweeps,demand_reduction]' start=2015-08-01
marketsim compare 'scenarios=[repeated_sweeps,permanent_pressure]' hours_a_week=10
```

The last compares both at the strengths that take ten extra hours a week per 1,000 traders, of
moderators and police together (`hours.*` in [parameters.md](parameters.md), all assumed).
"""
OWN = """\
## One of your own

A scenario of your own is a file of YAML, or some words on the command line; a kind of your own is a
small class in a file of yours. [How to write an intervention](own-intervention.md) shows all three.
"""


def as_markdown() -> str:
    """Return docs/scenarios.md."""
    lines = [HEAD, "## The scenarios", "", "| scenario | what it is | doses | strengths |"]
    lines.append("|---|---|---|---|")
    for name in presets.names("scenario"):
        of = presets.choice("scenario", name)
        sizes = ", ".join(f"{size:g}" for size in of.get("strengths", []))
        lines.append(f"| `{name}` | {of['about']}. | {of['source']}. | {sizes} |")
    lines += ["", "## Kinds of interventions", ""]
    for name, kind in KINDS.items():
        lines += _kind(name, kind)
    return "\n".join([*lines, OWN])


def _kind(name: str, kind: Any) -> list[str]:
    about = inspect.cleandoc(kind.__doc__ or "")
    lines = [f"### `{name}`", "", about, "", "| key | at rest | unit | range | meaning |"]
    lines.append("|---|---|---|---|---|")
    for item in fields(kind):
        lines.append(f"| `{item.name}` | {' | '.join(_cells(item))} |")
    return [*lines, ""]


def _cells(item: Any) -> tuple[str, str, str, str]:
    """Return default, unit, range and meaning of a field."""
    about = item.metadata
    if "unit" in about:
        span = f"{about['low']:g} to {about['high']:g}"
        return f"{item.default:g}", about["unit"], span, about["meaning"]
    if "pattern" in about:
        return str(item.default), "", about["allowed"], ""
    meaning = {"date": "the day", "start": "first day", "end": "last day, or of the run"}
    needed = "" if item.default is MISSING else "open"
    return needed, "date", "days of the run", meaning.get(item.name, item.name)


if __name__ == "__main__":
    print(as_markdown(), end="")
