"""A sample of the campaign of inputs, and negative controls of its laws."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from campaigns import fuzz, inputs, laws
from conftest import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as options

from marketsim.commands import run as run_command
from marketsim.simulation import store

SAMPLE, CAMPAIGN = 30, 2600


def test_a_sample_of_the_campaign_holds():
    """Inputs of every kind: refused in one line, or a result that obeys the laws."""
    rows = fuzz.campaign(SAMPLE, new_processes=False)
    assert {row.what for row in rows if row.kind == "broken"} == set(inputs.BROKEN)
    kinds = [row.kind for row in rows]
    assert min(kinds.count(kind) for kind in ("valid", "broken", "garbage")) > 2


@pytest.mark.campaign
def test_the_campaign_holds():
    """About two thousand inputs, every 25th in a new process."""
    rows = fuzz.campaign(CAMPAIGN, workers=os.cpu_count() or 1)
    assert sum(row.kind == "valid" for row in rows) > 0.2 * CAMPAIGN


def drawn(strategy, number):
    """Return so many values of a strategy."""
    found = []

    @options(max_examples=number, deadline=None, database=None, derandomize=True,
             suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def note(one):
        found.append(one)

    note()
    return found


def test_every_parameter_and_kind_of_intervention_is_drawn():
    """Valid inputs name most parameters and all kinds of interventions; mistakes name all."""
    settings = [one.settings for one in drawn(inputs.valid(), 600)]
    kinds = {v for one in settings for key, v in one.items() if key.endswith(".kind")}
    assert kinds == set(inputs.KINDS)
    keys = {key for one in drawn(inputs.parameters(), 1000) for key in one}
    assert len(keys & set(inputs.RANGES)) > 0.9 * len(inputs.RANGES)
    assert {row.key for row in inputs.BROKEN["out of range"]} == set(inputs.PARAMETERS)


def test_an_outcome_that_breaks_a_law_is_seen():
    """Negative control: a correct input called broken, and a broken one called valid."""
    one = inputs.Input("broken", "nothing", tuple(inputs.SMALL), key="seed")
    with pytest.raises(laws.BrokenError, match="exit code 2, not 0"):
        fuzz.outcome_of(one)
    one = inputs.Input("valid", "run", (*inputs.SMALL, "nope=1"))
    with pytest.raises(laws.BrokenError, match="exit code 0, not 2"):
        fuzz.outcome_of(one)


@pytest.mark.parametrize(
    ("code", "out", "err", "law"),
    [
        (1, "", "marketsim: a=1: expected b\n", "exit code 2"),
        (2, "done", "marketsim: a=1: expected b\n", "nothing printed"),
        (2, "", "Traceback\nmarketsim: a=1: expected b\n", "marketsim's"),
        (2, "", "marketsim: a=1: expected\nb\n", "one line"),
        (2, "", "marketsim: a=\x1b: expected b\n", "terminal"),
        (2, "", "marketsim: b=1: expected b\n", "names a"),
        (2, "", "marketsim: a=1 is wrong\n", "what is allowed"),
    ],
)
def test_a_wrong_refusal_is_seen(code, out, err, law):
    """Negative controls of the law of one line."""
    laws.refused(2, "", "marketsim: a=1: expected b\n", "a=")
    with pytest.raises(laws.BrokenError, match=law):
        laws.refused(code, out, err, "a=")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Return a small result."""
    of = settings(30, replicates=2)
    return run_command.run_study(of, tmp_path_factory.mktemp("made"), figures=False).folder


def broken(place: Path, name: str, change) -> None:
    """Change a table of a result, and the manifest with it."""
    facts = json.loads((place / "manifest.json").read_text())
    del facts["sum"]
    path = place / name
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    facts["tables"][name]["sha256"] = store.hashlib.sha256(path.read_bytes()).hexdigest()
    facts["tables"][name]["rows"] = len(pd.read_parquet(path))
    store.write_manifest(place, facts)


def negative(table: pd.DataFrame, column: str, row: int = 0) -> pd.DataFrame:
    table.loc[row, column] = -1
    return table


CHANGES = {
    "balance": ("ledger.parquet", lambda table: negative(table, "balance"), "balance"),
    "a lost day": ("daily.parquet", lambda table: table.iloc[1:], "day"),
    "a count": ("daily.parquet", lambda table: negative(table, "visible"), "visible"),
    "a run": ("runs.parquet", lambda table: table.iloc[1:], "a row for each run"),
    "a price": ("prices.parquet", lambda table: negative(table, "mean"), "prices"),
}


@pytest.mark.parametrize("what", list(CHANGES))
def test_an_impossible_result_is_seen(made, tmp_path, what):
    """Negative controls of the laws of a result."""
    name, change, law = CHANGES[what]
    place = Path(shutil.copytree(made, tmp_path / made.name))
    facts = laws.result(place)
    laws.has_settings(facts, {"population.retailers": 30, "replicates": 2})
    with pytest.raises(laws.BrokenError, match="31"):
        laws.has_settings(facts, {"population.retailers": 31})
    broken(place, name, change)
    with pytest.raises(laws.BrokenError, match=law):
        laws.result(place)


def test_what_is_left_over_is_seen(made, tmp_path):
    """Negative control: a partial folder beside a result is noticed."""
    shutil.copytree(made, tmp_path / "results" / "study" / made.name)
    laws.whole_folder(tmp_path, tmp_path / "results")
    (tmp_path / "results" / "study" / ".x.partial").mkdir()
    with pytest.raises(laws.BrokenError, match="beside results"):
        laws.whole_folder(tmp_path, tmp_path / "results")
