"""Studies: seeds of runs, batches, kills, and two processes at one result."""

import signal
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import marketsim
from marketsim.commands import run as run_command
from marketsim.errors import InputError
from marketsim.parameters import panel
from marketsim.simulation import files, store
from marketsim.simulation import run as simulation

WORDS = ["population.retailers=150", "progress=false", "threads=1"]


def start(output: str | Path, replicates: int, *more: str) -> subprocess.Popen:
    words = [*WORDS, f"replicates={replicates}", f"output={output}", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "marketsim", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def tables(output: str | Path) -> dict[str, bytes]:
    (folder,) = [path.parent for path in Path(output).glob("*/*/manifest.json")]
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


@hypothesis_settings(deadline=None)
@given(seed=st.integers(0, 2**63 - 1), run=st.integers(0, 10**6))
def test_seeds_of_runs_are_pure_and_apart(seed, run):
    """The seed of a run is a function of study seed and number, and neighbours differ."""
    one = panel.run_seed(seed, run)
    assert one == panel.run_seed(seed, run)
    assert 0 <= one < 2**63
    assert one != panel.run_seed(seed, run + 1)
    assert one != panel.run_seed((seed + 1) % 2**63, run)


def test_a_run_does_not_depend_on_how_many_there_are():
    """Run 3 of five is run 3 of four; run 2 is another."""
    five, four = (simulation.replicate(settings(100), range(n), 1)["daily"] for n in (5, 4))
    columns = list(five)[1:]
    third = five[five["run"] == 3][columns].to_numpy()
    assert np.array_equal(third, four[four["run"] == 3][columns].to_numpy())
    assert not np.array_equal(third, five[five["run"] == 2][columns].to_numpy())


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> dict[str, bytes]:
    """Return the tables of a study that nothing ended."""
    output = tmp_path_factory.mktemp("straight")
    start(output, 100, "figures=false").communicate(timeout=120)
    return tables(output)


@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_study_goes_on_and_gives_the_same_tables(with_signal, straight):
    """A study killed between two batches leaves no result, and ends as if never killed."""
    process = start("killed", 100, "figures=false")
    deadline = time.monotonic() + 120
    while not list(Path("killed").glob("*/.*.partial/batches/*-done")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(with_signal)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not list(Path("killed").glob("*/*/manifest.json"))
    kept = {path: path.stat().st_mtime_ns for path in Path("killed").glob("*/.*/batches/*-done")}
    assert kept
    again = start("killed", 100, "figures=false")
    again.communicate(timeout=120)
    assert tables("killed") == straight


def test_two_processes_give_one_whole_result():
    """Two processes that write one result leave it once, and both say so."""
    both = [start("shared", 40) for _ in range(2)]
    answers = [process.communicate(timeout=180) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert set(tables("shared")) == {f"{name}.parquet" for name in simulation.TABLES}
    (study_folder,) = Path("shared").iterdir()
    assert len([path for path in study_folder.iterdir() if path.is_dir()]) == 1
    assert sum("loaded cached result" in out for out, _ in answers) == 1


def test_a_stale_result_is_never_taken():
    """The key changes with any setting and with the evidence, not with anything else."""
    plain = store.key(settings())
    assert plain == store.key(settings())
    assert plain != store.key(settings(seed=1))
    assert plain != store.key(settings(posting__base_posts=1.0))
    assert plain != store.key(settings(scenario="no_crackdown"))


def test_the_source_is_part_of_the_key(monkeypatch):
    """A changed line of the model changes the key."""
    plain = store.key(settings())
    monkeypatch.setattr(store, "source_fingerprint", lambda: "changed")
    assert plain != store.key(settings())


def test_the_manifest_has_the_versions_of_what_is_installed(tmp_path, monkeypatch):
    """Without pyABC, which a study does not need, its version is left out and nothing else."""
    known = store.manifest(settings(), tmp_path, 1, 0.0)["versions"]
    assert known.pop("marketsim") == marketsim.__version__
    assert set(known) == set(store.LIBRARIES)
    assert {name: version(name) for name in known} == known

    def without(name: str) -> str:
        if name == "pyabc":
            raise PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr("importlib.metadata.version", without)
    fewer = store.manifest(settings(), tmp_path, 1, 0.0)["versions"]
    assert fewer.pop("marketsim") and "pyabc" not in fewer
    assert known == fewer | {"pyabc": known["pyabc"]}


def test_refused_settings_leave_nothing(tmp_path):
    """A fault in the settings is found before a folder is made."""
    with pytest.raises(InputError, match="posting.weekend=9"):
        run_command.run_study(settings(posting__weekend=9.0), tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_panel_of_nobody_is_a_result():
    """A market in which nobody posts is a whole result with an empty survey."""
    of = settings(20, posting__base_posts=0.01, posting__silent_share=0.8, replicates=1)
    result = run_command.run_study(of, Path("results"))
    assert pd.read_parquet(result.folder / "runs.parquet")["panel"][0] < 20
    row = result.fit.set_index("id").loc["ads_total"]
    assert row["runs"] == 0 and pd.isna(row["median"]) and pd.isna(row["p_value"])


def test_tables_read_back_as_written(tmp_path):
    """Parquet tables come back equal, with unit and description on every field."""
    import pyarrow.parquet as pq

    for name, table in simulation.run_tables(settings(100), 0).items():
        path = tmp_path / f"{name}.parquet"
        files.write_parquet(table, path)
        pd.testing.assert_frame_equal(pd.read_parquet(path), table, check_dtype=False)
        for item in pq.read_schema(path):
            assert item.metadata[b"unit"]
            assert item.metadata[b"description"]


def test_a_published_result_replaces_the_old_one(tmp_path):
    """Publishing swaps whole folders and leaves nothing but the lock's empty file beside."""
    final = tmp_path / "study" / "key"
    for content in ("old", "new"):
        with store.result_writer(final) as partial:
            (partial / "file").write_text(content)
            store.write_manifest(partial, {})
            store.publish(partial, final)
    assert (final / "file").read_text() == "new"
    assert sorted(path.name for path in final.parent.iterdir()) == [".key.lock", "key"]
