"""What makes again what is on the page: commands for a shell, and a file of YAML."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import yaml

from marketsim import presets, report
from marketsim.dashboard.choices import OWN, Choice, Pair
from marketsim.settings import Settings

HEAD = """\
# Everything that is on the page, as differences from the defaults (docs/parameters.md).
# Saved as {name}.yaml, it is run by
#     marketsim run --config-dir . --config-name {name}
defaults:
  - run_schema
  - _self_
  - override hydra/job_logging: disabled
  - override hydra/hydra_logging: disabled
hydra: {{run: {{dir: .}}, output_subdir: null, job: {{chdir: false}}}}
"""


def run(pair: Pair) -> str:
    """Return the command that simulates the scenario on the page."""
    return report.command(asdict(pair.settings))


def compare(choice: Choice, pair: Pair) -> str:
    """Return the command that compares it with the reference on the page."""
    words = presets.overrides(asdict(pair.settings))
    if pair.changed:
        name = OWN
        words.append(f"scenario.name={OWN}")
        if pair.settings.scenario.scaled:
            words.append(f"scenario.strengths=[{pair.settings.scenario.strength}]")
    else:
        name = choice.scenario
        words = [word for word in words if not word.startswith("scenario")]
    asked = [
        f"scenarios=[{name}]",
        f"baseline={choice.reference}",
        f"prior={str(choice.prior).lower()}",
    ]
    return shlex.join(["marketsim", "compare", *asked, *words])


def as_yaml(settings: Settings, name: str) -> str:
    """Return a config that `marketsim run` reads as it is.

    Parameters
    ----------
    settings : Settings
        What the file gives.
    name : str
        Of the file, without its ending; said in its first lines.
    """
    tree = _less(asdict(settings), asdict(Settings()))
    return HEAD.format(name=name) + yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)


def _less(tree: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a tree has otherwise than another; a group of interventions is whole."""
    out = {}
    for key, value in tree.items():
        if key not in other:
            out[key] = value
        elif isinstance(value, Mapping) and isinstance(other[key], Mapping):
            inner = _less(value, other[key])
            if inner:
                out[key] = inner
        elif value != other[key]:
            out[key] = value
    return out
