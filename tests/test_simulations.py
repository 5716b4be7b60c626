"""Tables of simulated surveys: they only grow, and every row can be simulated again."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import settings as small
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from marketsim.analysis.inference import panel_surveys, reference_table
from marketsim.errors import InputError
from marketsim.numerics.jit import PACKAGE
from marketsim.parameters import panel, posterior, priors
from marketsim.parameters.settings import FULL, POSTING_ONLY, Settings, value_of
from marketsim.simulation import store
from marketsim.survey import statistics

SIMULATED = [*statistics.STATISTICS, *panel_surveys.WEEKLY]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(reference_table, "BATCH", 4)


def start(recovery: str = "mixture", **changes: object) -> Settings:
    changes = {"retailers": 30, "market": POSTING_ONLY, "posterior": posterior.PRIOR} | changes
    return small(recovery=recovery, **changes)


def table(rows: int, folder: str = "table", of: Settings | None = None, **how) -> pd.DataFrame:
    return reference_table.table(of or start(), Path(folder), rows, **how)


def nothing_new(*_) -> None:
    raise AssertionError("simulated")


def test_a_longer_table_only_appends():
    """The first rows of a longer table are the shorter one, in one folder and in another."""
    six = table(6)
    assert len(six) == 6
    pd.testing.assert_frame_equal(table(10).iloc[:6], six, check_exact=True)
    pd.testing.assert_frame_equal(table(10, "other").iloc[:6], six, check_exact=True)
    other = table(6, of=start(seed=1))  # negative control
    assert not np.array_equal(other[SIMULATED], six[SIMULATED], equal_nan=True)


def test_rows_that_are_there_are_read(monkeypatch):
    """What whole batches hold is never simulated again; what they do not hold is."""
    six = table(6)
    monkeypatch.setattr(panel_surveys, "statistics", nothing_new)
    pd.testing.assert_frame_equal(table(6), six, check_exact=True)
    assert len(table(8)) == 8
    with pytest.raises(AssertionError, match="simulated"):
        table(9)


def test_a_killed_batch_is_simulated_again(monkeypatch):
    """A table cut off in its second batch keeps the first and ends as if never cut off."""
    plain, batches = panel_surveys.statistics, []

    def cut_off(jobs, threads, done):
        batches.append(len(jobs))
        if len(batches) == 2:
            raise KeyboardInterrupt
        return plain(jobs, threads, done)

    monkeypatch.setattr(panel_surveys, "statistics", cut_off)
    with pytest.raises(KeyboardInterrupt):
        table(10)
    (first,) = Path("table").glob("*/*.parquet")
    kept = first.stat().st_mtime_ns
    torn = first.with_name("00000004.parquet.part")  # a kill while a batch is written leaves this
    torn.write_bytes(first.read_bytes()[:100])
    whole = table(10)
    assert batches == [4, 4, 4, 4]
    assert first.stat().st_mtime_ns == kept
    monkeypatch.setattr(panel_surveys, "statistics", plain)
    pd.testing.assert_frame_equal(whole, table(10, "straight"), check_exact=True)


def test_threads_change_no_bit():
    """One thread and three write the same bytes."""
    table(8, "one", threads=1)
    table(8, "three", threads=3)
    table(8, "other", of=start(seed=1))
    one, three, other = (
        [path.read_bytes() for path in sorted(Path(folder).glob("*/*.parquet"))]
        for folder in ("one", "three", "other")
    )
    assert len(one) == 2
    assert one == three
    assert one[0] != other[0]


def test_structures_take_turns():
    """Row by row the next structure has its turn; one that is chosen has every row."""
    assert reference_table.structures(start()) == list(priors.STRUCTURES)
    assert reference_table.structures(start("trend")) == ["trend"]
    names = table(12)["structure"].tolist()
    assert names == [*priors.STRUCTURES, *priors.STRUCTURES[:3]]
    assert table(5, of=start("trend"))["structure"].tolist() == ["trend"] * 5


def test_a_row_is_its_number():
    """Parameters and survey of a row come out again from its number; of another they do not."""
    rows = table(10)
    assert rows["number"].tolist() == list(range(10))
    assert list(rows) == ["number", "structure", "seed", *priors.uncertain(), *SIMULATED]
    for number in (9, 0, 5):
        row = rows.iloc[number]
        mine, seed = reference_table.sample_row(start(), number)
        assert mine.recovery.name == row["structure"]
        assert dict(row[[*priors.uncertain()]]) == priors.sample(
            priors.uncertain(), start().seed, number
        )
        assert seed == row["seed"]
        seen = panel_surveys.statistics([(mine, seed), (mine, seed + 1)]).to_numpy(float)
        stored = row[SIMULATED].to_numpy(float)
        np.testing.assert_array_equal(seen[0], stored)
        assert not np.array_equal(seen[1], stored, equal_nan=True)


@hypothesis_settings(deadline=None)
@given(seed=st.integers(0, 2**63 - 1), number=st.integers(0, 10**7))
def test_a_job_is_a_function_of_seed_and_number(seed, number):
    """Neither the market nor the scenario moves the draw or the seed of a row."""
    mine, of_run = reference_table.sample_row(start(seed=seed), number)
    other, of_other = reference_table.sample_row(
        start(seed=seed, retailers=99, scenario="no_crackdown"), number
    )
    assert of_run == of_other == panel.run_seed(seed, number)
    assert mine.recovery == other.recovery
    drawn = priors.sample(priors.uncertain(), seed, number)
    assert {key: value_of(mine, key) for key in drawn} == drawn
    assert {key: value_of(other, key) for key in drawn} == drawn
    assert reference_table.sample_row(start(seed=seed), number + 1)[1] != of_run


def test_what_is_held_is_held_in_every_row():
    """A held parameter has its value in the table; others vary."""
    rows = table(8, of=start(fixed=["posting.base_posts"]))
    assert (rows["posting.base_posts"] == start().posting.base_posts).all()
    assert rows["posting.full_grid"].nunique() == 8


def test_the_table_is_plain_and_described():
    """Each field has unit and meaning, and nothing in the file is more than number or text."""
    table(4)
    (path,) = Path("table").glob("*/*.parquet")
    schema = pq.read_schema(path)
    assert {str(item.type) for item in schema} <= {"double", "int64", "string", "large_string"}
    assert all(item.metadata[b"unit"] and item.metadata[b"description"] for item in schema)


# ---------------------------------------------------------------- further rounds


def proposals(rows: int) -> pd.DataFrame:
    """Return proposals of a round: a row of the table of the prior, again and again."""
    row = table(1)[["structure", *priors.uncertain()]]
    return pd.concat([row] * rows, ignore_index=True)


def proposed(folder: str, rows: int = 6, turn: int = 1, of: Settings | None = None, **how):
    asked = (of or start(), Path(folder), proposals(rows), turn)
    return reference_table.proposed(*asked, **how)


def test_proposals_are_simulated_with_seeds_of_their_round():
    """Parameters are those proposed; each row and each round has a seed, from which it comes."""
    rows = proposed("first")
    pd.testing.assert_frame_equal(rows[["structure", *priors.uncertain()]], proposals(6))
    others = [proposed("second", turn=2), proposed("other", of=start(seed=1)), table(6)]
    assert len({seed for of in (rows, *others) for seed in of["seed"]}) == 24
    values = {key: float(rows[key][5]) for key in priors.uncertain()}
    mine = priors.with_values(start(), rows["structure"][5], values)
    again = panel_surveys.statistics([(mine, int(rows["seed"][5]))])
    np.testing.assert_array_equal(again.to_numpy(float)[0], rows[SIMULATED].to_numpy(float)[5])


def test_rounds_that_are_there_are_read(monkeypatch):
    """A round is stored in batches, none longer than the round; threads change no bit of it."""
    rows = proposed("round")
    sizes = [len(pd.read_parquet(path)) for path in sorted(Path("round").glob("*.parquet"))]
    assert sizes == [4, 2]
    pd.testing.assert_frame_equal(proposed("three", threads=3), rows, check_exact=True)
    same = proposals(6)
    monkeypatch.setattr(panel_surveys, "statistics", nothing_new)
    again = reference_table.proposed(start(), Path("round"), same, 1)
    pd.testing.assert_frame_equal(again, rows, check_exact=True)
    with pytest.raises(AssertionError, match="simulated"):
        reference_table.proposed(start(), Path("new"), same, 1)


def test_what_is_fixed_is_not_proposed():
    """A fixed parameter has its value, whatever a proposal says."""
    rows = proposed("fixed", of=start(fixed=["posting.base_posts"]))
    assert (rows["posting.base_posts"] == start().posting.base_posts).all()
    assert (proposed("free")["posting.base_posts"] != start().posting.base_posts).all()


# ---------------------------------------------------------------- the key, and what is refused


def folders(of: Settings) -> set[str]:
    """Return the names of the tables there are once this one is."""
    table(1, of=of)
    return {path.name for path in Path("table").iterdir() if path.is_dir()}


def test_a_stale_table_is_never_read(monkeypatch):
    """A change in what a survey depends on makes a new table; a change elsewhere does not."""
    plain = folders(start())
    assert len(plain) == 1
    monkeypatch.setattr(store, "source_fingerprint", lambda: "all of the package changed")
    assert folders(start()) == plain
    monkeypatch.setattr(reference_table, "source_fingerprint", lambda _: "the market changed")
    assert len(folders(start())) == 2
    wider = priors.everything()["posting.full_grid"]._replace(high=0.71)
    changed = priors.everything() | {"posting.full_grid": wider}
    monkeypatch.setattr(priors, "everything", lambda: changed)
    assert len(folders(start())) == 3
    assert len(folders(start(posting__weekend=1.1))) == 4


def test_every_source_named_is_there():
    """Each pattern of the files a survey depends on finds one."""
    for pattern in reference_table.SOURCES:
        assert list(PACKAGE.glob(pattern)), pattern


def test_what_a_row_runs_through_is_in_its_key():
    """Every file of the package in which a line is run to make a row is among the sources."""
    named = {path for pattern in reference_table.SOURCES for path in PACKAGE.glob(pattern)}
    named.add(PACKAGE / "errors.py")  # words a refusal that is not made
    seen = set()

    def note(frame, event, _) -> None:
        if event == "call":
            seen.add(Path(frame.f_code.co_filename))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        panel_surveys.statistics([reference_table.sample_row(start(), 1)])
    finally:
        sys.setprofile(before)
    run = {path for path in seen if path.is_relative_to(PACKAGE)}
    some = ("simulation/run.py", "parameters/priors.py", "model/panel_market.py")
    assert {PACKAGE / name for name in some} <= run
    assert sorted(path.name for path in run - named) == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"posterior": "nope"}, "posterior"),
        ({"market": FULL}, "market"),
        ({"posterior": "none", "recovery": "trend"}, "posterior"),
        ({"posting__trend": 0.05}, "posting.trend"),
        ({"recovery__smooth": 0.3}, "recovery"),
        ({"posting__weekend": 9.0}, "posting.weekend"),
        ({"horizon__end": "2015-06-30"}, "horizon.end"),
    ],
)
def test_refused_settings_leave_nothing(changes, key):
    """A fault in the settings is found before a folder is made."""
    with pytest.raises(InputError) as fault:
        table(4, of=start(**changes))
    assert fault.value.key == key
    assert not Path("table").exists()


def test_a_place_that_cannot_be_written_to_is_refused():
    """A file where the folder should be is bad input, by the name of the key."""
    Path("taken").touch()
    with pytest.raises(InputError) as fault:
        table(4, "taken/table")
    assert fault.value.key == "output"
