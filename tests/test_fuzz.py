"""A sample of the fuzz campaign, and what its laws catch."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from campaigns import fuzz, inputs, laws
from conftest import settings

from marketsim.commands import run as run_command
from marketsim.simulation import run

TESTS = Path(__file__).parent
SAMPLE = 60


def campaign(first: int, end: int, *more: str) -> subprocess.CompletedProcess:
    """Run inputs of the campaign in a process of its own, which forks."""
    words = [sys.executable, "-m", "campaigns.fuzz", str(first), str(end), *more]
    return subprocess.run(words, cwd=TESTS, capture_output=True, text=True, check=False)


def test_a_sample_of_the_campaign_holds():
    """Sixty inputs: each is refused in one line or gives a result that obeys the laws."""
    ended = campaign(0, SAMPLE, "--forks-only")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    kinds = [inputs.draw(fuzz.SEED, number).kind for number in range(SAMPLE)]
    assert min(map(kinds.count, inputs.KINDS_OF_INPUT)) > 2


@pytest.mark.campaign
def test_the_campaign_holds(tmp_path):
    """Five thousand inputs."""
    ended = campaign(0, 5000, "--table", str(tmp_path / "fuzz.csv"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    table = pd.read_csv(tmp_path / "fuzz.csv")
    assert table["tried"].sum() == 5000
    assert table[table["kind"] == "valid"]["tried"].sum() >= 1500


def test_an_input_is_a_function_of_its_number():
    """The same number, the same input; another number, another."""
    ones = [inputs.draw(fuzz.SEED, number) for number in range(50)]
    assert ones == [inputs.draw(fuzz.SEED, number) for number in range(50)]
    assert (
        len({(one.words, tuple(one.files.values())) for one in ones}) > 45
    )  # few words, some twice
    assert ones[0] != inputs.draw(fuzz.SEED + 1, 0)


def test_every_parameter_and_kind_is_drawn():
    """Five hundred inputs name most parameters and every kind of intervention and of mistake."""
    drawn = [inputs.draw(fuzz.SEED, number) for number in range(1000)]
    text = " ".join(" ".join(one.words) for one in drawn)
    text += b" ".join(content for one in drawn for content in one.files.values()).decode(
        "utf-8", "replace"
    )
    assert all(f"kind={kind}" in text or f"kind: {kind}" in text for kind in inputs.KINDS)
    assert sum(f"{key}=" in text for key in inputs.RANGES) > 0.9 * len(inputs.RANGES)
    whats = {one.what.partition(":")[0] for one in drawn if one.kind == "broken"}
    assert whats == {maker.__name__.replace("_", " ") for maker, _ in inputs.MAKERS}


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
def test_a_refusal_that_is_none_is_seen(code, out, err, law):
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
    facts["tables"][name]["sha256"] = run.store.hashlib.sha256(path.read_bytes()).hexdigest()
    facts["tables"][name]["rows"] = len(pd.read_parquet(path))
    run.store.write_manifest(place, facts)


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
def test_a_result_that_cannot_be_is_seen(made, tmp_path, what):
    """Negative controls of the laws of a result."""
    import shutil

    name, change, law = CHANGES[what]
    place = Path(shutil.copytree(made, tmp_path / made.name))
    facts = laws.result(place)
    laws.as_asked(facts, {"population.retailers": 30, "replicates": 2})
    with pytest.raises(laws.BrokenError, match="31"):
        laws.as_asked(facts, {"population.retailers": 31})
    broken(place, name, change)
    with pytest.raises(laws.BrokenError, match=law):
        laws.result(place)


def test_what_is_left_over_is_seen(made, tmp_path):
    """Negative control: a part, or a file beside a result, is noticed."""
    import shutil

    shutil.copytree(made, tmp_path / "results" / "study" / made.name)
    laws.whole_folder(tmp_path, tmp_path / "results")
    (tmp_path / "results" / "study" / ".x.partial").mkdir()
    with pytest.raises(laws.BrokenError, match="beside results"):
        laws.whole_folder(tmp_path, tmp_path / "results")
