"""A published study runs again to the same tables, or is told where it does not."""

import copy
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from conftest import settings

from marketsim.commands import run as run_command
from marketsim.commands import verify as verify_command
from marketsim.commands.compare import compare
from marketsim.commands.verify import verify
from marketsim.errors import InputError
from marketsim.parameters import presets
from marketsim.parameters.settings import Comparison


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """Return a small published study."""
    of = settings(120, replicates=2, scenario__name="mine")
    del of.scenario.interventions["arrest_may"]
    return run_command.run_study(of, tmp_path_factory.mktemp("results")).folder


@pytest.fixture
def folder(published, tmp_path) -> Path:
    """Return a copy of it that may be damaged."""
    return Path(shutil.copytree(published, tmp_path / "published"))


def test_a_study_is_identical_to_itself(folder):
    """The same settings give the same tables, by content and by checksum."""
    assert verify(folder, threads=2) == []
    for name in ("daily.parquet", "survey.parquet", "fit.csv"):
        (folder / name).unlink()
    assert verify(folder) == []


def test_a_changed_cell_is_named(folder):
    """Negative control: one changed figure is found with its table, row and column."""
    table = pd.read_parquet(folder / "daily.parquet")
    table.loc[7, "visible"] += 1
    table.to_parquet(folder / "daily.parquet")
    (line,) = verify(folder)
    assert line.startswith("daily.parquet: row 8, column visible: published ")


def test_other_differences_are_named(folder):
    """Missing rows, foreign columns, an unreadable table and a wrong checksum each have a line."""
    pd.read_csv(folder / "fit.csv").iloc[:-1].to_csv(folder / "fit.csv", index=False)
    pd.read_parquet(folder / "runs.parquet").assign(more=1).to_parquet(folder / "runs.parquet")
    (folder / "survey.parquet").write_bytes(b"PAR1 nothing PAR1")
    (folder / "daily.parquet").unlink()
    facts = json.loads((folder / "manifest.json").read_text())
    facts["tables"]["daily.parquet"]["sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(facts))
    lines = verify(folder)
    for name, word in [
        ("fit.csv", "rows"),
        ("runs.parquet", "columns"),
        ("survey.parquet", "cannot be read"),
        ("daily.parquet", "checksum differs"),
    ]:
        assert sum(line.startswith(name) and word in line for line in lines) == 1


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Path:
    """Return a small comparison of two scenarios of the user's with a third."""
    of = settings(60, replicates=2)
    own = {name: copy.deepcopy(of.scenario) for name in ("mine", "base")}
    own["mine"].name, own["base"].name = "mine", "base"
    del own["mine"].interventions["arrest_may"]
    own["base"].interventions["sweep_may"]["accounts"] = 100
    own["base"].scaled_interventions, own["base"].dose_multiplier = ["sweep_may"], 2.0
    own["mine"].scaled_interventions, own["mine"].dose_multipliers = ["sweep_may"], [0.5, 2.0]
    options = Comparison(["mine", "no_crackdown"], "base", prior=False)
    return compare(of, options, tmp_path_factory.mktemp("compared"), own=own)


def test_a_comparison_is_identical_to_itself(compared, tmp_path, capsys):
    """It is run again from its manifest alone, scenarios and doses of the user's included."""
    folder = Path(shutil.copytree(compared, tmp_path / "copy"))
    shutil.rmtree(folder / "scenario")
    assert verify(folder) == []
    facts = json.loads((folder / "manifest.json").read_text())
    assert [one["name"] for one in facts["scenarios"]] == ["base", "mine", "no_crackdown"]
    assert facts["scenarios"][0]["dose_multiplier"] == 2.0
    facts["scenarios"][1]["interventions"]["sweep_may"]["accounts"] = 5000
    (folder / "manifest.json").write_text(json.dumps(facts))
    differences = verify(folder)
    assert any(line.startswith("effects.csv: row") for line in differences)
    with pytest.raises(SystemExit) as stop:
        verify_command.main([str(folder), "progress=false"])
    assert stop.value.code == 1


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("comparison", "precision", 7),
        ("comparison", "nope", 1),
        ("comparison", "scenarios", []),
        ("comparison", "scenarios", 5),
        ("comparison", "baseline", 5),
        ("scenarios", 0, {"name": 5}),
        ("scenarios", 1, {"name": "mine", "about": 5}),
        ("scenarios", 1, {"name": ["mine"]}),
        ("scenarios", 1, 5),
    ],
)
def test_options_by_hand_are_refused(compared, tmp_path, group, key, value):
    """Options of a comparison that were changed by hand are checked too."""
    folder = Path(shutil.copytree(compared, tmp_path / "copy"))
    facts = json.loads((folder / "manifest.json").read_text())
    facts[group][key] = value
    (folder / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(InputError):
        verify(folder)


def test_the_result_of_another_command_is_named(folder):
    """A calibration or a sensitivity analysis is no study: one line, and nothing is run."""
    facts = json.loads((folder / "manifest.json").read_text())
    facts["tables"] = {"point.csv": facts["tables"]["fit.csv"]}
    for tree in (facts["settings"], {}):  # also of an older version
        facts["settings"] = tree
        (folder / "manifest.json").write_text(json.dumps(facts))
        with pytest.raises(InputError, match="of another command; studies and comparisons"):
            verify(folder)


def test_another_seed_is_not_identical(folder):
    """Negative control: a manifest with another seed does not give the published tables."""
    facts = json.loads((folder / "manifest.json").read_text())
    facts["settings"]["seed"] += 1
    (folder / "manifest.json").write_text(json.dumps(facts))
    assert len(verify(folder)) >= 3


@pytest.mark.parametrize(
    "text", [None, "", "{}", "[]", '{"settings": {}}', '{"settings": 3, "tables": {}}']
)
def test_a_folder_without_a_study_is_refused(tmp_path, text):
    """Anything but a manifest of this version is refused in one line."""
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match="manifest.json"):
        verify(tmp_path)


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("posting", "weekend", 99),
        ("posting", "weekend", "much"),
        ("posting", "weekend", True),
        ("posting", "weekend", [1.0]),
        ("population", "retailers", 30.0),
        ("scenario", "name", 5),
        ("scenario", "about", ["a"]),
        ("scenario", "dose_multipliers", 2.0),
        ("scenario", "scaled_interventions", "sweep_may"),
        ("recovery", "name", None),
        ("horizon", "start", 7),
        ("scenario", "interventions", ["sweep"]),
    ],
)
def test_settings_by_hand_are_refused(folder, group, key, value):
    """A manifest changed by hand is checked like any other input: values and types."""
    facts = json.loads((folder / "manifest.json").read_text())
    facts["settings"][group][key] = value
    (folder / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match=f"{group}.{key}="):
        verify(folder)


def test_the_command_says_identical_or_exits_with_one(folder, capsys):
    """Exit code 0 and one word, or 1 and what differs; wrong words are refused."""
    verify_command.main([str(folder), "threads=1", "progress=false"])
    assert capsys.readouterr().out == "identical\n"
    (folder / "fit.csv").write_text("id\nnothing\n")
    with pytest.raises(SystemExit) as stop:
        verify_command.main([str(folder), "progress=false"])
    assert stop.value.code == 1
    assert capsys.readouterr().out.startswith("fit.csv: columns are id;")
    for words in ([], [str(folder), "threads=0"], [str(folder), "speed=9"]):
        with pytest.raises(InputError):
            verify_command.main(words)


PUBLISHED = Path(__file__).parent.parent / "experiments" / "baseline_2015"


def test_the_published_baseline_is_that_of_the_defaults():
    """The published study has the settings of today's defaults; republish it when they change."""
    facts = json.loads((PUBLISHED / "manifest.json").read_text())
    assert facts["settings"] == asdict(presets.named())
    assert not facts["changed_since_commit"]


@pytest.mark.campaign
def test_the_published_baseline_is_identical():
    """The published study runs again to the same tables."""
    assert verify(PUBLISHED, threads=2) == []
