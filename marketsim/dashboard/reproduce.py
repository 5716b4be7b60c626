"""Commands and YAML that reproduce the results on the page."""

import re
import shlex
from dataclasses import asdict

import yaml

from marketsim.dashboard.choices import OWN, Choice, Pair
from marketsim.parameters import overrides
from marketsim.parameters.settings import Settings
from marketsim.reporting.pages import study as study_page

OF_SCENARIO = re.compile(r"[+~]*scenario[=.]")
HEAD = """\
# Scenario of the dashboard. Save as scenario/{name}.yaml in a folder DIR, and run
#     {command}
"""


def run(pair: Pair) -> str:
    """Return the command that simulates the scenario on the page."""
    return study_page.command(asdict(pair.settings))


def compare(choice: Choice, pair: Pair) -> str:
    """Return the command that compares the scenario with its reference."""
    words = overrides.overrides(asdict(pair.settings))
    if pair.changed:
        name = OWN
        words.append(f"scenario.name={OWN}")
        if pair.settings.scenario.scaled_interventions:
            words.append(f"scenario.dose_multipliers=[{pair.settings.scenario.dose_multiplier}]")
    else:
        name = choice.scenario
        words = [word for word in words if not word.startswith("scenario")]
    options = [
        f"scenarios=[{name}]",
        f"baseline={choice.reference}",
        f"prior={str(choice.prior).lower()}",
    ]
    return shlex.join(["marketsim", "compare", *options, *words])


def as_yaml(settings: Settings, name: str) -> str:
    """Return the scenario as a YAML file, with the command that runs it.

    Parameters
    ----------
    settings : Settings
        Settings of the scenario.
    name : str
        File name without extension.
    """
    rest = [word for word in overrides.overrides(asdict(settings)) if not OF_SCENARIO.match(word)]
    words = ["marketsim", "run", "--config-dir", "DIR", f"scenario={name}", *rest]
    scenario = asdict(settings.scenario) | {"name": name}
    text = yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True)
    return HEAD.format(name=name, command=shlex.join(words)) + text
