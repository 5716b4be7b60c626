"""The search of the second stage: exact on a toy, resumed where it was cut off, by any sampler."""

import json
import os
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
import pytest
from pyabc import sampler
from scipy import stats
from sqlalchemy.engine import make_url
from test_market_calibration import KEYS, calibrate, drawn, population, start
from test_posterior import forget

from marketsim.analysis.inference import abc_smc, particles, stages
from marketsim.analysis.inference.stages import trade
from marketsim.parameters import priors
from marketsim.parameters.settings import Calibration, value_of
from marketsim.simulation import run, store
from marketsim.survey import trade_statistics

PRIORS = priors.uncertain_trade()
PROGRAM = """
import sys
from marketsim.analysis.inference import abc_smc, stages
from marketsim.commands import cli
abc_smc.QUANTILE, stages.PREDICTED = 0.7, 4
sys.argv = ["marketsim", "calibrate_market", *sys.argv[1:]]
cli.main()
"""


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    """Shorten a search and what follows it, and start pyABC's own generator anew."""
    np.random.seed(7)
    monkeypatch.setattr(abc_smc, "QUANTILE", 0.7)
    monkeypatch.setattr(stages, "PREDICTED", 4)
    forget()


# ---------------------------------------------------------------- what a search keeps


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Path:
    """Search once through some generations, on a toy: nothing is simulated in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(abc_smc.Model, "__call__", toy)
        patch.setattr(abc_smc, "QUANTILE", 0.7)
        patch.setattr(particles, "fit", lambda *_: pd.DataFrame())
        np.random.seed(1)
        folder = tmp_path_factory.mktemp("search")
        return calibrate(start(), SHORT, folder, 1, False)


SHORT = Calibration(particles=30, simulations=300, sampler="single")


def toy(self: abc_smc.Model, scores: dict) -> dict:
    """Simulate nothing: the distance of a survey is stochastic."""
    off = np.full(len(trade_statistics.SUMMARIES), np.random.random())
    return {"off": off, "statistics": np.random.random(len(trade_statistics.STATISTICS))}


def test_the_generations_of_a_search_add_up(found):
    """Tolerances fall, and the budget ends the search."""
    generations = pd.read_csv(found / "generations.csv")
    assert generations["generation"].tolist() == list(range(len(generations)))
    assert len(generations) > 1
    assert (np.diff(generations["epsilon"]) < 0).all()
    assert (generations["particles"] == SHORT.particles).all()
    done = SHORT.particles + generations["simulations"].cumsum()  # the first tolerance costs some
    assert done.iloc[-1] >= SHORT.simulations > done.iloc[-2]
    assert json.loads((found / "manifest.json").read_text())["simulations"] == done.iloc[-1]


def test_particles_are_those_of_the_search(found):
    """Scores, weights and distances are those pyABC has, of the last generation."""
    history = pyabc.History(f"sqlite:///{found / abc_smc.DATABASE}")
    kept = particles.last_kept(trade(start()), history)
    scores, weights = history.get_distribution(0, history.max_t)
    assert len(kept) == len(weights) == SHORT.particles
    assert sorted(kept["weight"]) == pytest.approx(sorted(weights))
    for key in priors.FITTED_TRADE:
        places = priors.shares(PRIORS[key], kept[key].to_numpy())
        expected = stats.norm.cdf(np.sort(scores[key.replace(".", "__")]))
        assert np.sort(places) == pytest.approx(expected, abs=1e-12)
    assert (kept["distance"] <= pd.read_csv(found / "generations.csv")["epsilon"].iloc[-1]).all()


# ---------------------------------------------------------------- a search that is cut off


def searched(database: Path, **changes: int):
    of = Calibration(**{"particles": 30, "simulations": 300, "sampler": "single"} | changes)
    return abc_smc.search(trade(start()), of, database, 1, False)


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


def test_a_search_finds_the_exact_posterior(monkeypatch):
    """Of a toy in which one parameter counts, where it lies.

    A toy survey is off by |score - 1| and by uniform noise of up to 1. So at a tolerance e the
    density is that of the prior times e - |score - 1|, cut to 0 and 1; the other parameters keep
    their prior.
    """

    def far(self, scores):
        seen = toy(self, scores)
        return seen | {"off": seen["off"] + abs(scores.get(KEYS[0], 0.0) - 1.0)}

    monkeypatch.setattr(abc_smc, "QUANTILE", 0.4)
    monkeypatch.setattr(abc_smc.Model, "__call__", far)
    history = searched(Path("db"), particles=150, simulations=800)
    tolerance = history.get_all_populations()["epsilon"].iloc[-1]
    at = np.linspace(-6.0, 6.0, 2001)
    density = stats.norm.pdf(at) * np.clip(tolerance - np.abs(at - 1.0), 0.0, 1.0)
    scores, weights = history.get_distribution(0)
    means = weights @ scores
    spread = np.sqrt(weights @ (scores - means) ** 2)
    exact = np.average(at, weights=density)
    assert means[KEYS[0]] == pytest.approx(exact, abs=0.15)
    width = np.sqrt(np.average((at - exact) ** 2, weights=density))
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


def test_generations_before_a_cut_are_kept(monkeypatch):
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
def test_a_search_cut_off_before_its_first_generation(monkeypatch, wreck):
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
    words = ["population.retailers=20", "progress=false", "threads=2"]
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


def test_a_dask_cluster_searches():
    """Simulations done by a worker of a Dask cluster are those done here: each can be run again."""
    distributed = pytest.importorskip("distributed", reason="needs dask[distributed]")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        of = Calibration(
            particles=24, simulations=100, sampler="dask", address=cluster.scheduler_address
        )
        folder = calibrate(start(20), of, Path("results"), 1, False)
    kept = population(folder)
    assert len(kept) == len(drawn(folder)) == 24
    for one in kept:
        mine, seed = trade(start(20)).particle(dict(one.parameter))
        assert value_of(mine, "population.retailers") == 20
        seen = run.statistics([(mine, seed)])[list(trade_statistics.STATISTICS)].to_numpy(float)
        np.testing.assert_array_equal(seen[0], one.sum_stat["statistics"])


def test_the_result_of_a_search_is_keyed_by_it():
    """Particles, budget and settings are in the name of the result."""
    keys = {
        trade(of).key({"calibration": one})
        for of in (start(), start(seed=1))
        for one in ({"particles": 1}, {"particles": 2}, None)
    }
    assert len(keys) == 6
    assert store.key(start(), {}) not in keys
