"""A published study runs again to the same tables, or is told where it does not."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
from conftest import settings

from marketsim.commands import run as run_command
from marketsim.commands import verify as verify_command
from marketsim.commands.verify import verify
from marketsim.errors import InputError
from marketsim.parameters import presets


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
