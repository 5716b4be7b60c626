"""Calibration to the survey of 2015: approximate Bayesian computation by sequential Monte Carlo.

pyABC (Schälte et al. 2022) compares simulated surveys with the published one, structure by
structure, after Toni & Stumpf (2010). What it searches is the fitted parameters, each as a normal
score of its prior (0 is the prior's middle), since in a box of eight sides nearly all volume lies
in corners, where proposals are poor. The carried ones are drawn anew from their priors for every
simulation. What becomes of the particles that a search keeps is told in `particles`.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim import (
    calibration_plots,
    calibration_report,
    metrics,
    misfit,
    particles,
    priors,
    results,
    simulations,
    storage,
    study,
)
from marketsim.errors import InputError
from marketsim.settings import Calibration, Settings, check_ranges

SAMPLERS = ("multicore", "single", "dask")
DATABASE = "pyabc.db"
# Of the proposals' covariance: at 1 a generation kept 4 to 8 % of its weight, at 2 43 %.
SCALING = 2.0
QUANTILE = 0.4  # of the distances of a generation: the tolerance of the next


class Structure:
    """One competing structure as pyABC sees it: normal scores in, deviations out."""

    def __init__(self, settings: Settings, name: str, parent: int | None = None) -> None:
        self.settings, self.name, self.parent = settings, name, parent

    def __call__(self, scores: Any) -> dict[str, Any]:
        """Simulate one survey.

        Parameters
        ----------
        scores : mapping
            For each fitted parameter the normal score of its place in the prior; in names two
            underscores stand for the dot.

        Returns
        -------
        dict
            `off`, the deviations of the summaries, and `statistics`, all statistics, as arrays.
        """
        if self.parent not in (None, os.getpid(), os.getppid()):
            os._exit(1)  # a worker whose search was killed would hold its lock
        seen = study.statistics([particles.particle(self.settings, self.name, dict(scores))])
        off = misfit.deviations(seen)
        return {"off": off.to_numpy()[0], "statistics": seen.to_numpy(float)[0]}


def off_by(simulated: Any, _observed: Any = None) -> float:
    """Return the root mean square deviation of a simulated survey, in half-widths."""
    return float(np.sqrt((simulated["off"] ** 2).mean()))


def check(calibration: Calibration, settings: Settings) -> None:
    """Refuse what cannot be searched.

    Raises
    ------
    InputError
        For settings outside their ranges, an unknown sampler, an address that is of no use, too few
        particles for the structures, or another start than the prior.
    """
    simulations.check(settings)
    check_ranges(calibration, "calibration.")
    least = particles.FEWEST * len(simulations.structures(settings))
    if calibration.particles < least:
        allowed = f"{least} or more, {particles.FEWEST} for each structure"
        raise InputError("calibration.particles", calibration.particles, allowed)
    check_sampler(calibration)


def check_sampler(calibration: Calibration) -> None:
    """Refuse an unknown sampler, or an address that is of no use."""
    if calibration.sampler not in SAMPLERS:
        raise InputError("calibration.sampler", calibration.sampler, ", ".join(SAMPLERS))
    if calibration.address is not None and calibration.sampler != "dask":
        raise InputError("calibration.address", calibration.address, "calibration.sampler=dask")


def calibrate(
    settings: Settings, calibration: Calibration, folder: Path, threads: int, progress: bool
) -> Path:
    """Search for the posterior, or go on with a search that was cut off.

    Parameters
    ----------
    settings : Settings
        What is calibrated; `posterior` is ``prior``.
    calibration : Calibration
        How it is searched for.
    folder : Path
        The result rests in a folder below it named by its key.
    threads : int
        Processes of the multicore sampler, and threads of the surveys simulated afterwards.
    progress : bool
        Tell of each generation on the error stream.

    Returns
    -------
    Path
        The folder with posterior.parquet, structures.csv, generations.csv, structure_fit.csv,
        point.csv, figures, report.html and manifest.json.

    Raises
    ------
    InputError
        For settings outside their ranges or a folder that cannot be written to.
    """
    check(calibration, settings)
    facts: dict[str, Any] = {"calibration": asdict(calibration)}
    final = folder / results.key(settings, facts)
    with results.fill(settings, final, threads, facts) as partial:
        if partial is not None:
            history = _search(settings, calibration, partial / DATABASE, threads, progress)
            facts["simulations"] = int(history.total_nr_simulations)
            tables = _write(settings, history, partial, threads)
            calibration_report.write(partial, settings, calibration, facts["simulations"], tables)
    return final


def _search(
    settings: Settings, calibration: Calibration, database: Path, threads: int, progress: bool
) -> Any:
    """Search all structures at once, so that they compete."""
    parent = os.getpid() if calibration.sampler == "multicore" else None
    models = {name: Structure(settings, name, parent) for name in simulations.structures(settings)}
    fitted = [priors.FITTED[name] for name in models]
    free = [[key for key in keys if key not in settings.held] for keys in fitted]
    return search(models, free, len(misfit.SUMMARIES), calibration, database, threads, progress)


def search(
    models: dict[str, Any],
    fitted: list[list[str]],
    summaries: int,
    calibration: Calibration,
    database: Path,
    threads: int,
    progress: bool,
) -> Any:
    """Run pyABC from the start or from the last whole generation.

    Parameters
    ----------
    models : dict of str to callable
        By name: from normal scores to `off` and `statistics`, as `Structure`.
    fitted : list of list of str
        The parameters of each that have a score.
    summaries : int
        Length of `off`.
    calibration : Calibration
        How to search.
    database : Path
        Where pyABC keeps what it has.
    threads : int
        Processes of the multicore sampler.
    progress : bool
        Tell of each generation on the error stream.

    Returns
    -------
    pyabc.History
    """
    import pyabc

    logging.getLogger("ABC").setLevel(logging.INFO if progress else logging.WARNING)
    next(iter(models.values()))({})  # compiled here, once, before there are workers
    with _sampler(calibration, threads) as sampler:
        abc = pyabc.ABCSMC(
            models=[pyabc.FunctionModel(model, name) for name, model in models.items()],
            parameter_priors=[_prior(keys) for keys in fitted],
            distance_function=off_by,
            population_size=calibration.particles,
            eps=pyabc.QuantileEpsilon(alpha=QUANTILE),
            transitions=[pyabc.MultivariateNormalTransition(scaling=SCALING) for _ in models],
            sampler=sampler,
        )
        address = f"sqlite:///{database.resolve()}"
        if _begun(database):
            abc.load(address)
        else:
            database.unlink(missing_ok=True)
            abc.new(address, {"off": np.zeros(summaries)})
        if abc.history.total_nr_simulations < calibration.simulations:
            abc.run(max_total_nr_simulations=calibration.simulations)
    return abc.history


def _begun(database: Path) -> bool:
    """Return whether a database holds a whole generation; one cut off earlier is of no use."""
    if not database.exists():
        return False
    with contextlib.closing(sqlite3.connect(database)) as to:
        try:
            found = to.execute("SELECT count(*) FROM populations WHERE t >= 0").fetchone()
        except sqlite3.OperationalError:  # there is no such table yet
            return False
    return bool(found[0] > 0)


def _prior(fitted: list[str]) -> Any:
    """Return the prior of what is fitted: scores are standard normal."""
    import pyabc

    return pyabc.Distribution(**{key.replace(".", "__"): pyabc.RV("norm", 0, 1) for key in fitted})


@contextlib.contextmanager
def _sampler(calibration: Calibration, threads: int) -> Iterator[Any]:
    """Hold what runs simulations: processes here, or a Dask cluster."""
    from pyabc import sampler

    if calibration.sampler == "dask":
        from dask.distributed import Client

        with Client(calibration.address) as client:
            yield sampler.DaskDistributedSampler(client, batch_size=10)
    elif calibration.sampler == "single" or threads == 1:
        yield sampler.SingleCoreSampler()
    else:
        yield sampler.MulticoreEvalParallelSampler(n_procs=threads)


def _write(settings: Settings, history: Any, folder: Path, threads: int) -> dict[str, pd.DataFrame]:
    """Write what the search found, as tables and figures, and return the tables."""
    names = simulations.structures(settings)
    generations = particles.generations(history, names)
    kept = particles.last_kept(settings, history, names)
    drawn = pd.concat(
        [particles.draws(settings, name, rows, threads) for name, rows in kept.items()],
        ignore_index=True,
    )
    probable = particles.probabilities(history, generations, drawn, names)
    known = metrics.described() | particles.COLUMNS
    storage.write_parquet(drawn, folder / "posterior.parquet", known)
    fits = [particles.fit(settings, drawn, name, threads) for name in names]
    best = str(probable["structure"].iloc[int(probable["probability"].to_numpy().argmax())])
    tables = {
        "generations": generations,
        "structures": probable,
        "structure_fit": pd.concat(fits),
        "point": particles.point(settings, drawn[drawn["structure"] == best], threads),
    }
    storage.write_csv(folder, tables)
    tables["posterior"] = drawn
    calibration_plots.draw(folder / "figures", tables)
    return tables
