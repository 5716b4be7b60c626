"""Search for prices and products: approximate Bayesian computation by sequential Monte Carlo.

pyABC (Schälte et al. 2022) compares simulated surveys with the published one. It searches normal
scores of the fitted parameters: in a box of eight sides nearly all volume lies in corners, where
proposals are poor. Other uncertain parameters are sampled from their priors for every simulation.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from marketsim.analysis.inference.stages import MODEL, Stage
from marketsim.errors import InputError, unknown_name
from marketsim.parameters.settings import Calibration, check_ranges
from marketsim.simulation import run as simulation
from marketsim.survey import trade_statistics

SAMPLERS = ("multicore", "single", "dask")
DATABASE = "pyabc.db"
# Of the proposals' covariance: at 1 a generation kept 4 to 8 % of its weight, at 2 43 %.
SCALING = 2.0
QUANTILE = 0.4  # of the distances in a generation: the tolerance of the next


class Model:
    """The model as pyABC calls it: from normal scores to deviations."""

    def __init__(self, stage: Stage, parent: int | None = None) -> None:
        self.stage, self.parent = stage, parent

    def __call__(self, scores: Any) -> dict[str, Any]:
        """Simulate the survey of a particle.

        Returns
        -------
        dict
            `off`, the deviations of the summaries, and `statistics`, all statistics, as arrays.
        """
        if self.parent not in (None, os.getpid(), os.getppid()):
            os._exit(1)  # a worker ends with its search
        simulated = simulation.statistics([self.stage.particle(dict(scores))])
        off = trade_statistics.deviations(simulated).to_numpy()[0]
        stored = simulated[list(trade_statistics.STATISTICS)].to_numpy(float)[0]
        return {"off": off, "statistics": stored}


def distance(simulated: Any, _observed: Any = None) -> float:
    """Return the root mean square deviation of a simulated survey, in half-widths."""
    return float(np.sqrt((simulated["off"] ** 2).mean()))


def check(calibration: Calibration) -> None:
    """Check the settings of a search.

    Raises
    ------
    InputError
        For values outside their ranges, an unknown sampler, or an address without a cluster.
    """
    check_ranges(calibration, "calibration.")
    if calibration.sampler not in SAMPLERS:
        raise unknown_name("calibration.sampler", calibration.sampler, SAMPLERS)
    if calibration.address is not None and calibration.sampler != "dask":
        raise InputError("calibration.address", calibration.address, "calibration.sampler=dask")


def search(
    stage: Stage, calibration: Calibration, database: Path, threads: int, progress: bool
) -> Any:
    """Search from the start, or from the last complete generation in the database.

    Parameters
    ----------
    stage : Stage
        What is searched for.
    calibration : Calibration
        How to search.
    database : Path
        Where pyABC stores generations.
    threads : int
        Processes of the multicore sampler.
    progress : bool
        Report each generation on the error stream.

    Returns
    -------
    pyabc.History
    """
    import pyabc

    logging.getLogger("ABC").setLevel(logging.INFO if progress else logging.WARNING)
    parent = os.getpid() if calibration.sampler == "multicore" else None
    model = Model(stage, parent)
    model({})  # compiles the kernels once, before workers start
    with _sampler(calibration, threads) as sampler:
        abc = pyabc.ABCSMC(
            models=pyabc.FunctionModel(model, MODEL),
            parameter_priors=_prior(stage.searched),
            distance_function=distance,
            population_size=calibration.particles,
            eps=pyabc.QuantileEpsilon(alpha=QUANTILE),
            transitions=pyabc.MultivariateNormalTransition(scaling=SCALING),
            sampler=sampler,
        )
        url = address(database)
        if _has_generation(database):
            abc.load(url)
        else:
            database.unlink(missing_ok=True)
            abc.new(url, {"off": np.zeros(len(trade_statistics.SUMMARIES))})
        if abc.history.total_nr_simulations < calibration.simulations:
            abc.run(max_total_nr_simulations=calibration.simulations)
    return abc.history


def address(database: Path) -> str:
    """Return the address of a database, whatever letters its path has."""
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(database.resolve())).render_as_string()


def _has_generation(database: Path) -> bool:
    """Return whether a database holds a complete generation; the search cannot resume without."""
    if not database.exists():
        return False
    with contextlib.closing(sqlite3.connect(database)) as connection:
        try:
            query = "SELECT count(*) FROM populations WHERE t >= 0"
            (generations,) = connection.execute(query).fetchone()
        except sqlite3.OperationalError:  # the table does not exist yet
            return False
    return bool(generations > 0)


def _prior(searched: list[str]) -> Any:
    """Return the prior of normal scores."""
    import pyabc

    names = [key.replace(".", "__") for key in searched]
    return pyabc.Distribution(**{name: pyabc.RV("norm", 0, 1) for name in names})


@contextlib.contextmanager
def _sampler(calibration: Calibration, threads: int) -> Iterator[Any]:
    """Yield what runs simulations: processes on this machine, or a Dask cluster."""
    from pyabc import sampler

    if calibration.sampler == "dask":
        from dask.distributed import Client

        with Client(calibration.address) as client:
            yield sampler.DaskDistributedSampler(client, batch_size=10)
    elif calibration.sampler == "single" or threads == 1:
        yield sampler.SingleCoreSampler()
    else:
        yield sampler.MulticoreEvalParallelSampler(n_procs=threads)
