"""The scenarios that ship: what they say of themselves, and that each of them can be run."""

from pathlib import Path

import documents
import pytest
from conftest import settings

from docs.generate import scenarios
from marketsim.model.scenario.interventions import LEVERS
from marketsim.model.scenario.timeline import compile_levers, compile_table, interventions
from marketsim.parameters import presets

NAMES = presets.names("scenario")


def scenario(name: str, dose_multiplier: float = 1.0):
    """Return settings of a scenario at a dose multiplier."""
    of = settings(1000, name)
    of.scenario.dose_multiplier = dose_multiplier
    return of


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_is(name):
    """A sentence of what it is, where its doses come from, and all dose multipliers can be run."""
    of = scenario(name).scenario
    assert of.name == name and not of.about[0].islower() and not of.about.endswith(".")
    assert of.source
    for dose_multiplier in of.dose_multipliers or [1.0]:
        compile_levers(scenario(name, dose_multiplier))


@pytest.mark.parametrize("name", NAMES)
def test_a_dose_without_a_source_is_a_curve(name):
    """Where the source says "assumed", dose multipliers are named, and only there."""
    of = scenario(name).scenario
    if name in ("baseline_2015", "no_crackdown", "domestic_ban"):  # what happened, or all of it
        assert not of.dose_multipliers and not of.scaled_interventions
        return
    assert "assumed" in of.source
    assert len(of.dose_multipliers) >= 2 and of.scaled_interventions
    assert set(of.scaled_interventions) <= set(of.interventions)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("baseline_2015", "no_crackdown")])
def test_each_differs_from_the_baseline_by_its_own_interventions(name):
    """What is not of the scenario itself is the calendar of 2015; at no dose it is that."""
    own, base = interventions(scenario(name)), interventions(scenario("baseline_2015"))
    assert {key: own[key] for key in base} == base and len(own) > len(base)
    none = scenario(name, 0.0)
    none.scenario.scaled_interventions = [key for key in own if key not in base]
    rest = scenario("baseline_2015")
    rest.scenario.until = none.scenario.until
    one, two = compile_table(none), compile_table(rest)
    assert all((getattr(one, lever) == getattr(two, lever)).all() for lever in LEVERS)


def test_the_page_of_scenarios_is_up_to_date():
    """docs/scenarios.md is what the scenarios and the kinds of interventions say."""
    page = Path(__file__).parents[1] / "docs" / "scenarios.md"
    assert page.read_text(encoding="utf-8") == scenarios.as_markdown()


def test_the_example_of_the_page_works(tmp_path):
    """The class that docs/own-intervention.md shows moves the lever that the page says."""
    page = Path(__file__).parents[1] / "docs" / "own-intervention.md"
    shown = documents.Page(page.read_text(encoding="utf-8"), page.name)
    file = tmp_path / "mine.py"
    file.write_text(
        next(block.parsed for block in shown if documents.file_name(block.parsed) == "mine.py"),
        encoding="utf-8",
    )
    of = settings(1000)
    of.classes = [str(file)]
    of.scenario.interventions = {
        "rest": {"kind": "long_holiday", "date": "2015-05-01", "rest": 1.0}
    }
    assert (compile_levers(of).capacity == 0).sum() == 7
