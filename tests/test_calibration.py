"""The search for the posterior: every draw can be run again, and no finished work is lost."""

import hashlib
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyabc
import pyarrow.parquet as pq
import pytest
from conftest import settings as small
from pyabc import sampler
from scipy import stats
from sqlalchemy.engine import make_url
from test_cli import command
from test_particles import KEYS, start
from test_posterior import forget

from marketsim.analysis.inference import abc_smc, particles, stages
from marketsim.analysis.inference.stages import posting
from marketsim.commands import calibrate as calibrate_command
from marketsim.errors import InputError
from marketsim.parameters import posterior, presets, priors
from marketsim.parameters.settings import POSTING_ONLY, Calibration, Settings, value_of
from marketsim.reporting.figures import registry
from marketsim.reporting.pages import calibration as calibration_page
from marketsim.simulation import run, store
from marketsim.survey import discrepancy, statistics

TWO = ("none", "forgetting")
TINY = Calibration(particles=48, simulations=200, sampler="single")
TABLES = ("posterior.parquet", "structures.csv", "generations.csv", "structure_fit.csv")
PROGRAM = """
import sys
from marketsim.analysis.inference import abc_smc, particles, stages
from marketsim.commands import cli
from marketsim.reporting.figures import registry
from marketsim.reporting.pages import calibration as page
abc_smc.QUANTILE, stages.PREDICTED, particles.TRIALS = 0.7, 4, 2
stages.FEWEST, stages.CANDIDATES = 20, 2
registry.save = page.write = lambda *_: None
sys.argv = ["marketsim", "calibrate", *sys.argv[1:]]
cli.main()
"""


@pytest.fixture(autouse=True)
def _same_luck():
    """Start pyABC's own generator anew, so that a test has one outcome."""
    np.random.seed(7)


@contextmanager
def shortened():
    """Let two structures compete, and shorten what follows a search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(priors, "STRUCTURES", TWO)
        patch.setattr(stages, "FEWEST", 20)
        patch.setattr(abc_smc, "QUANTILE", 0.7)
        patch.setattr(stages, "PREDICTED", 5)
        patch.setattr(stages, "CANDIDATES", 3)
        patch.setattr(particles, "TRIALS", 3)
        yield


@pytest.fixture
def brief(monkeypatch):
    monkeypatch.setattr(registry, "save", lambda *_: None)
    monkeypatch.setattr(calibration_page, "write", lambda *_: None)
    with shortened():
        yield


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Path:
    """Search once, from the prior to the result."""
    np.random.seed(1)
    with shortened():
        folder = tmp_path_factory.mktemp("calibration")
        return calibrate(start(), TINY, folder, 1, False)


def calibrate(settings: Settings, *how) -> Path:
    return calibrate_command.calibrate(posting(settings), *how)


def drawn(found: Path) -> pd.DataFrame:
    return pd.read_parquet(found / "posterior.parquet")


def again(row: pd.Series, seed: int) -> pd.DataFrame:
    """Return the statistics of a draw simulated again, with a seed."""
    values = {key: float(row[key]) for key in priors.uncertain()}
    return run.statistics([(priors.with_values(start(), row["structure"], values), seed)])


# ---------------------------------------------------------------- a structure


def test_a_structure_answers_for_its_particle():
    """What pyABC gets are deviations and statistics of the particle's survey, at any place."""
    model = abc_smc.Model(posting(start()), "forgetting")
    scores = dict.fromkeys(KEYS, 0.3)
    seen = model(scores)
    expected = run.statistics([posting(start()).particle("forgetting", scores)])
    np.testing.assert_array_equal(seen["statistics"], expected.to_numpy()[0])
    np.testing.assert_array_equal(seen["off"], discrepancy.deviations(expected).to_numpy()[0])
    assert abc_smc.distance(seen) == discrepancy.distance(discrepancy.deviations(expected))[0]
    sent = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(sent(scores)["statistics"], seen["statistics"])
    other = model(scores | {KEYS[0]: 0.31})
    assert not np.array_equal(other["statistics"], seen["statistics"], equal_nan=True)


# ---------------------------------------------------------------- what is refused

ENOUGH = Calibration(particles=400, simulations=4000)
BAD = {
    "unknown sampler": (Calibration(sampler="redis"), {}, "calibration.sampler", "multicore"),
    "address of nothing": (Calibration(address="tcp://a:1"), {}, "calibration.address", "dask"),
    "too few particles": (Calibration(particles=3), {}, "calibration.particles", "20 to"),
    "too few for every structure": (
        Calibration(particles=100),
        {"recovery": "mixture"},
        "calibration.particles",
        f"{8 * stages.FEWEST} or more",
    ),
    "not a number": (Calibration(simulations=True), {}, "calibration.simulations", "a number"),
    "from nothing": (ENOUGH, {"posterior": "none"}, "posterior", "prior, where calibration"),
    "from itself": (ENOUGH, {"posterior": "calibration_2015"}, "posterior", "prior"),
    "from a point": (ENOUGH, {"posterior": "point"}, "posterior", "prior"),
    "overwritten": (ENOUGH, {"posting__trend": 0.05}, "posting.trend", "fixed=[posting.trend]"),
    "out of range": (ENOUGH, {"posting__weekend": 9.0}, "posting.weekend", "0.5 to 2"),
    "no such day": (ENOUGH, {"horizon__end": "2015-06-30"}, "horizon.end", "2015-07-31"),
}


def no_search(*_) -> None:
    raise AssertionError("searched")


@pytest.mark.parametrize("name", list(BAD))
def test_what_cannot_be_searched_is_refused(monkeypatch, name):
    """Key, value and what is allowed, before anything is written or simulated."""
    monkeypatch.setattr(abc_smc, "search", no_search)
    of, changes, key, allowed = BAD[name]
    with pytest.raises(InputError) as fault:
        calibrate(start(**{"recovery": "trend"} | changes), of, Path("results"), 1, False)
    assert fault.value.key == key
    assert allowed in fault.value.allowed
    assert not Path("results").exists()


def test_what_can_be_searched_is_not_refused():
    """Negative control: each sampler, and an address where there is use for it."""
    for name in abc_smc.SAMPLERS:
        abc_smc.check(posting(start()), Calibration(sampler=name))
    abc_smc.check(posting(start()), Calibration(sampler="dask", address="tcp://a:1"))


@pytest.mark.parametrize(
    ("word", "allowed"),
    [
        ("calibration.sampler=redis", "multicore, single, dask"),
        ("calibration.address=tcp://a:1", "calibration.sampler=dask"),
        ("calibration.particles=3", "20 to 100000 particles"),
        ("calibration.particle=1", "did you mean 'calibration.particles'"),
        ("posterior=none", "prior, where calibration starts"),
        ("recovery.smooth=0.3", "unchanged"),
        ("scenario.interventions.sweep_may.date=2016-05-29", "2015-03-06 to 2015-07-31"),
    ],
)
def test_refusals_are_one_line_of_the_command(monkeypatch, capfd, tmp_path, word, allowed):
    """`marketsim calibrate` says what is wrong in one line, and writes nothing."""
    monkeypatch.setattr(abc_smc, "search", no_search)
    with pytest.raises(SystemExit) as stop:
        command(monkeypatch, "calibrate", "population.retailers=30", "progress=false", word)
    out, err = capfd.readouterr()
    assert (stop.value.code, out, err.count("\n")) == (2, "", 1)
    key = word.partition("=")[0]
    assert key in err or "recovery=mixture" in err
    assert allowed in err
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- a search from end to end


def test_a_search_leaves_what_it_promises(found):
    """The tables have their columns, plain types and units; the manifest their checksums."""
    rest = ["draws", "generation", "epsilon"]
    expected = {
        "structures.csv": ["structure", "probability", "standard_error", *rest],
        "generations.csv": ["generation", "epsilon", "simulations", "particles", *TWO],
        "point.csv": ["key", "value"],
    }
    for name, columns in expected.items():
        assert list(pd.read_csv(found / name)) == columns
    fit = pd.read_csv(found / "structure_fit.csv")
    ids = fit.groupby("structure")["id"].apply(list).to_dict()
    judged = [name for name in statistics.STATISTICS if name != "ratio_week_6_12"]
    assert ids == dict.fromkeys(TWO, judged)
    schema = pq.read_schema(found / "posterior.parquet")
    names = ["structure", "weight", "seed", "generation"]
    assert schema.names == [*names, *priors.uncertain(), *statistics.STATISTICS]
    assert {str(item.type) for item in schema} <= {"double", "int64", "string", "large_string"}
    assert all(item.metadata[b"unit"] and item.metadata[b"description"] for item in schema)
    assert list((found / "figures").glob("*.png"))
    manifest = json.loads((found / "manifest.json").read_text())
    for name in (*TABLES, "point.csv"):
        digest = hashlib.sha256((found / name).read_bytes()).hexdigest()
        assert manifest["tables"][name]["sha256"] == digest
    assert manifest["calibration"] == {
        "particles": TINY.particles,
        "simulations": TINY.simulations,
        "sampler": "single",
        "address": None,
    }
    assert manifest["key"] == found.name


def test_the_book_of_a_search_adds_up(found):
    """Tolerances fall, probabilities and weights add up to 1, and the budget ends the search."""
    generations = pd.read_csv(found / "generations.csv")
    assert generations["generation"].tolist() == list(range(len(generations)))
    assert len(generations) > 1
    assert (np.diff(generations["epsilon"]) < 0).all()
    assert generations[list(TWO)].sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert (generations["particles"] == TINY.particles).all()
    done = TINY.particles + generations["simulations"].cumsum()  # the first tolerance costs some
    assert done.iloc[-1] >= TINY.simulations > done.iloc[-2]
    manifest = json.loads((found / "manifest.json").read_text())
    assert manifest["simulations"] == done.iloc[-1]
    weights = drawn(found).groupby("structure")["weight"].sum()
    assert weights.to_dict() == pytest.approx(dict.fromkeys(TWO, 1.0))
    table = pd.read_csv(found / "structures.csv").set_index("structure")
    assert table["probability"].to_dict() == pytest.approx(dict(generations[list(TWO)].iloc[-1]))
    assert table["draws"].to_dict() == drawn(found)["structure"].value_counts().to_dict()


def searched_in(found: Path):
    """Return what pyABC remembers of a search."""
    return pyabc.History(f"sqlite:///{found / abc_smc.DATABASE}")


@pytest.mark.parametrize("m", [0, 1])
def test_particles_are_those_of_the_search(found, brief, m):
    """Scores and weights are those pyABC has, of the last generation that has enough of them."""
    history, name = searched_in(found), TWO[m]
    mine = particles.last_kept(posting(start()), history)[name]
    (t,) = mine["generation"].unique()
    counts = [len(history.get_distribution(m, at)[1]) for at in range(history.max_t + 1)]
    assert len(mine) == counts[t]
    assert t == max([0, *(at for at, count in enumerate(counts) if count >= stages.FEWEST)])
    scores, weights = history.get_distribution(m, t)
    shares = mine["weight"] / mine["weight"].sum()
    assert sorted(shares) == pytest.approx(sorted(weights / weights.sum()))
    for key in priors.FITTED[name]:
        places = priors.shares(priors.uncertain()[key], mine[key].to_numpy())
        expected = stats.norm.cdf(np.sort(scores[key.replace(".", "__")]))
        assert np.sort(places) == pytest.approx(expected, abs=1e-12)
    tolerance = pd.read_csv(found / "generations.csv")["epsilon"][t]
    assert (mine["distance"] <= tolerance).all()
    table = pd.read_csv(found / "structures.csv").set_index("structure")
    assert (table["epsilon"][name], table["generation"][name]) == (tolerance, t)


def test_the_error_of_a_probability_is_that_of_the_effective_sample(found):
    """A share of n particles worth as much as the weighted ones has the standard error given."""
    weights = np.array([one.weight for one in searched_in(found).get_population().particles])
    effective = weights.sum() ** 2 / (weights**2).sum()
    table = pd.read_csv(found / "structures.csv")
    p = table["probability"]
    assert table["standard_error"].to_numpy() == pytest.approx(np.sqrt(p * (1 - p) / effective))


def test_every_particle_can_be_run_again(found):
    """A particle's scores give, to the bit, its parameters, survey and distance again."""
    history = searched_in(found)
    population = history.get_population().particles
    for one in population:
        name = TWO[one.m]
        mine, seed = posting(start()).particle(name, dict(one.parameter))
        seen = run.statistics([(mine, seed)])
        np.testing.assert_array_equal(seen.to_numpy(float)[0], one.sum_stat["statistics"])
        assert discrepancy.distance(discrepancy.deviations(seen))[0] == one.distance
        carried = priors.sample(priors.uncertain(), seed)
        same = {key for key in carried if carried[key] == value_of(mine, key)}
        assert same == set(carried) - set(priors.FITTED[name])
    other = run.statistics([(mine, seed + 1)]).to_numpy(float)[0]  # negative control
    assert not np.array_equal(other, one.sum_stat["statistics"], equal_nan=True)


def test_every_draw_can_be_run_again(found):
    """Each row simulated from its seed and values has its statistics, to the bit."""
    rows = drawn(found)
    assert rows["seed"].nunique() == len(rows)
    for _, row in rows.iterrows():
        stored = row[list(statistics.STATISTICS)].to_numpy(float)
        np.testing.assert_array_equal(again(row, row["seed"]).to_numpy(float)[0], stored)
    other = again(row, row["seed"] + 1).to_numpy(float)[0]  # negative control
    assert not np.array_equal(other, stored, equal_nan=True)


def test_draws_are_inside_their_priors(found):
    """No draw left its prior, and no two are the same."""
    for key, prior in priors.uncertain().items():
        assert drawn(found)[key].between(prior.low, prior.high).all(), key
    assert not drawn(found).duplicated([*priors.uncertain()]).any()


def test_the_point_is_a_draw_of_the_likeliest_structure(found):
    """The calibrated point is, value by value, one of the draws."""
    values = pd.read_csv(found / "point.csv").set_index("key")["value"]
    chances = pd.read_csv(found / "structures.csv").set_index("structure")["probability"]
    assert values["structure"] == chances.idxmax()
    mine = drawn(found)[lambda rows: rows["structure"] == values["structure"]]
    point = values.drop("structure").astype(float)
    assert set(point.index) == set(priors.uncertain())
    assert (mine[point.index] == point).all(axis=1).sum() == 1


def test_a_found_posterior_is_drawn_from(found, monkeypatch):
    """What a search writes is what a study reads: a draw is one of its rows."""
    trade = posterior.folder(presets.TRADE_POSTERIOR)
    monkeypatch.setattr(posterior, "folder", lambda name="": trade if "market" in name else found)
    forget()
    of = small(30, recovery="mixture", market=POSTING_ONLY, posterior=presets.POSTERIOR)
    posterior.check(of)
    for number in range(10):
        one = posterior.draw(of, number)
        mine = drawn(found)[lambda rows, one=one: rows["structure"] == one.structure]
        assert (mine[list(one.values)] == pd.Series(one.values)).all(axis=1).sum() == 1
    forget()


def test_a_complete_search_is_taken_as_it_is(found, brief, monkeypatch):
    """The same search again is read, byte for byte; another is not, and nothing is left beside."""
    before = {path: path.read_bytes() for path in found.rglob("*") if path.is_file()}
    monkeypatch.setattr(abc_smc, "search", no_search)
    assert calibrate(start(), TINY, found.parent, 1, False) == found
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(path.name for path in found.parent.iterdir()) == [
        f".{found.name}.lock",
        found.name,
    ]
    for settings, of in (
        (start(seed=1), TINY),
        (start("none"), TINY),
        (start(), Calibration(particles=49, simulations=200, sampler="single")),
    ):
        with pytest.raises(AssertionError, match="searched"):
            calibrate(settings, of, found.parent, 1, False)


def test_what_is_held_is_not_searched_for(brief):
    """A held parameter has its value in every draw and at the point; the others are searched."""
    of = start("forgetting", fixed=["perception.half_life", "posting.silent_share"])
    fewer = Calibration(particles=30, simulations=100, sampler="single")
    folder = calibrate(of, fewer, Path("results"), 1, False)
    rows = drawn(folder)
    for key in of.fixed:
        assert (rows[key] == value_of(of, key)).all()
    assert rows["posting.base_posts"].nunique() == len(rows)
    searched = set(searched_in(folder).get_distribution(0)[0].columns)
    assert searched == {*KEYS} - {"perception__half_life"}


# ---------------------------------------------------------------- a search that is cut off


def toy(self: abc_smc.Model, scores: dict) -> dict:
    """Simulate nothing: how far a survey is off is luck alone."""
    off = np.full(len(discrepancy.SUMMARIES), np.random.random())
    return {"off": off, "statistics": np.zeros(len(statistics.STATISTICS))}


def searched(database: Path, recovery: str = "forgetting", **changes: int):
    of = Calibration(**{"particles": 30, "simulations": 300, "sampler": "single"} | changes)
    return abc_smc.search(posting(start(recovery)), of, database, 1, False)


@contextmanager
def cut_off(monkeypatch, simulations: int):
    """Cut a search off by Ctrl-C after so many simulations."""
    left = iter(range(simulations))

    def some(self, scores):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return toy(self, scores)

    monkeypatch.setattr(abc_smc.Model, "__call__", some)
    with pytest.raises(KeyboardInterrupt):
        yield
    monkeypatch.setattr(abc_smc.Model, "__call__", toy)


def generations(history) -> list[tuple]:
    """Return what each generation was: its number, tolerance, simulations and end."""
    table = history.get_all_populations()
    return list(table[table["t"] >= 0].drop(columns=["wall_time"]).itertuples(index=False))


def test_a_search_finds_the_exact_posterior(brief, monkeypatch):
    """Of two toy structures the chances, and of the one parameter that counts where it lies.

    A toy survey is off by |score - 1|, even luck of up to 1 and a handicap of the structure. So
    at a tolerance e the density is that of the prior times e - |score - 1| - handicap, cut to 0
    and 1; the other parameters keep their prior.
    """
    handicap = {"none": 0.0, "forgetting": 0.3}

    def far(self, scores):
        seen = toy(self, scores)
        return seen | {
            "off": seen["off"] + abs(scores.get(KEYS[0], 0.0) - 1.0) + handicap[self.name]
        }

    monkeypatch.setattr(abc_smc, "QUANTILE", 0.4)
    monkeypatch.setattr(abc_smc.Model, "__call__", far)
    history = searched(Path("db"), "mixture", particles=150, simulations=800)
    tolerance = history.get_all_populations()["epsilon"].iloc[-1]
    at = np.linspace(-6.0, 6.0, 2001)
    density = {
        name: stats.norm.pdf(at) * np.clip(tolerance - np.abs(at - 1.0) - off, 0.0, 1.0)
        for name, off in handicap.items()
    }
    chances = history.get_model_probabilities(history.max_t)["p"]
    total = sum(each.sum() for each in density.values())
    assert chances[0] == pytest.approx(density["none"].sum() / total, abs=0.15)
    scores, weights = history.get_distribution(0)
    means = weights @ scores
    spread = np.sqrt(weights @ (scores - means) ** 2)
    exact = np.average(at, weights=density["none"])
    assert means[KEYS[0]] == pytest.approx(exact, abs=0.15)
    width = np.sqrt(np.average((at - exact) ** 2, weights=density["none"]))
    assert spread[KEYS[0]] == pytest.approx(width, abs=0.1)
    assert spread.drop(KEYS[0]).mean() == pytest.approx(1.0, abs=0.15)  # negative control


@pytest.mark.parametrize("name", ["run:1", "a%20b", "a?b#c", "第二次", "a b@c"])
def test_the_database_may_be_in_any_folder(name):
    """The address of a database is that of its path, whatever letters it has."""
    path = Path(name) / abc_smc.DATABASE
    path.parent.mkdir()
    assert make_url(abc_smc.address(path)).database == str(path.resolve())
    pyabc.History(abc_smc.address(path))
    assert path.exists()


def test_generations_before_a_cut_are_kept(brief, monkeypatch):
    """A search cut off in a generation goes on after the last whole one, to its budget."""
    with cut_off(monkeypatch, 240):
        searched(Path("db"))
    before = generations(pyabc.History("sqlite:///db"))
    assert before
    history = searched(Path("db"))
    after = generations(history)
    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert history.total_nr_simulations >= 300
    done = generations(searched(Path("db")))  # a whole search is not gone on with
    assert done == after


def nothing_yet(_) -> None:
    Path("db").touch()


def empty_tables(_) -> None:
    pyabc.History("sqlite:///db")


def no_population(_) -> None:
    empty_tables(_)
    with closing(sqlite3.connect("db")) as to, to:
        to.execute("INSERT INTO abc_smc (start_time) VALUES ('2026-01-01 00:00:00.000000')")


def no_generation(monkeypatch) -> None:
    with cut_off(monkeypatch, 20):
        searched(Path("db"))


@pytest.mark.parametrize("wreck", [nothing_yet, empty_tables, no_population, no_generation])
def test_a_search_cut_off_before_its_first_generation(brief, monkeypatch, wreck):
    """However early a search is killed, the next one starts anew and can be cut off in turn."""
    monkeypatch.setattr(abc_smc.Model, "__call__", toy)
    wreck(monkeypatch)
    with cut_off(monkeypatch, 240):
        searched(Path("db"))
    before = generations(pyabc.History("sqlite:///db"))
    assert before
    assert generations(searched(Path("db")))[: len(before)] == before


@contextmanager
def launched(output: str, **changes: int) -> Iterator[subprocess.Popen]:
    """Search in a process of its own, with two workers; nothing of it is left behind."""
    of = {"particles": 24, "simulations": 150} | changes
    words = ["population.retailers=20", "recovery=forgetting", "progress=false", "threads=2"]
    words += [f"output={output}", *(f"calibration.{key}={value}" for key, value in of.items())]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def whole(pattern: str) -> list[tuple]:
    """Return number, tolerance and simulations of the generations in a database."""
    for path in Path().glob(pattern):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as of:
            try:
                query = "SELECT t, epsilon, nr_samples FROM populations WHERE t >= 0 ORDER BY t"
                return of.execute(query).fetchall()
            except sqlite3.OperationalError:
                pass  # there is no table yet
    return []


def wait_for(process: subprocess.Popen, there: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not there():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_a_killed_search_goes_on():
    """A search killed in the middle leaves no result, and ends with what it had."""
    growing = f"killed/*/.*.partial/{abc_smc.DATABASE}"
    with launched("killed") as process:
        wait_for(process, lambda: whole(growing))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert process.returncode != 0
    assert not list(Path("killed").glob("*/*/manifest.json"))
    kept = whole(growing)
    with launched("killed") as process:
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    (manifest,) = Path("killed").glob("*/*/manifest.json")
    table = pd.read_csv(manifest.parent / "generations.csv")
    told = table[["generation", "epsilon", "simulations"]].itertuples(index=False, name=None)
    assert list(told)[: len(kept)] == kept
    assert json.loads(manifest.read_text())["simulations"] >= 150


def test_workers_end_with_a_search_that_is_killed():
    """Workers of a killed search end soon; else they would keep the lock, and the next waits."""
    with launched("killed", particles=5000, simulations=10_000) as process:
        wait_for(process, lambda: list(Path("killed").glob(f"*/.*/{abc_smc.DATABASE}")))
        time.sleep(1.0)  # they are in the midst of a sample far larger than a pipe holds
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)  # it ends when the last has closed its end


# ---------------------------------------------------------------- samplers


def test_each_sampler_is_what_its_name_says():
    """One process where one is wanted, else as many as threads."""
    with abc_smc._sampler(Calibration(sampler="multicore"), 3) as of:
        assert isinstance(of, sampler.MulticoreEvalParallelSampler)
        assert of.n_procs == 3
    for name, threads in (("multicore", 1), ("single", 3)):
        with abc_smc._sampler(Calibration(sampler=name), threads) as of:
            assert isinstance(of, sampler.SingleCoreSampler)


def test_a_dask_cluster_searches(brief):
    """Simulations done by a worker of a Dask cluster are those done here: each can be run again."""
    distributed = pytest.importorskip("distributed", reason="needs dask[distributed]")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        of = Calibration(
            particles=24, simulations=100, sampler="dask", address=cluster.scheduler_address
        )
        folder = calibrate(start("forgetting"), of, Path("results"), 1, False)
    population = searched_in(folder).get_population().particles
    assert len(population) == len(drawn(folder)) == 24
    for one in population:
        mine = posting(start()).particle("forgetting", dict(one.parameter))
        seen = run.statistics([mine]).to_numpy(float)[0]
        np.testing.assert_array_equal(seen, one.sum_stat["statistics"])


def test_the_result_of_a_search_is_keyed_by_it():
    """Particles, budget and settings are in the name of the result."""
    keys = {
        store.key(start(), {"calibration": one})
        for one in ({"particles": 1}, {"particles": 2}, None)
    }
    assert len(keys) == 3
