"""Calibration to the survey of 2015: approximate Bayesian computation by sequential Monte Carlo.

pyABC (Schälte et al. 2022) compares simulated surveys with the published one, structure by
structure, after Toni & Stumpf (2010). What it searches is the fitted parameters, each as a normal
score of its prior (0 is the prior's middle), since in a box of eight sides nearly all volume lies
in corners, where proposals are poor. The carried ones are drawn anew from their priors for every
simulation. What becomes of the particles that a search keeps is told in `particles`.
"""

import contextlib
import hashlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.inference import particles, reference_table, regression_adjustment
from marketsim.errors import InputError, unknown_name
from marketsim.model.scenario import timeline
from marketsim.numerics.rng import Purpose
from marketsim.parameters import posterior, priors
from marketsim.parameters.settings import (
    POSTS,
    WHOLE,
    Calibration,
    Settings,
    check_ranges,
    value_of,
)
from marketsim.simulation import run as simulation
from marketsim.survey import discrepancy, fit, trade_statistics

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
        seen = simulation.statistics([particles.particle(self.settings, self.name, dict(scores))])
        off = discrepancy.deviations(seen)
        return {"off": off.to_numpy()[0], "statistics": seen.to_numpy(float)[0]}


def off_by(simulated: Any, _observed: Any = None) -> float:
    """Return the root mean square deviation of a simulated survey, in half-widths."""
    return float(np.sqrt((simulated["off"] ** 2).mean()))


def check_search(calibration: Calibration, settings: Settings) -> None:
    """Refuse what cannot be searched.

    Raises
    ------
    InputError
        For settings outside their ranges, an unknown sampler, an address that is of no use, too few
        particles for the structures, or another start than the prior.
    """
    reference_table.check(settings)
    check_ranges(calibration, "calibration.")
    least = particles.FEWEST * len(reference_table.structures(settings))
    if calibration.particles < least:
        allowed = f"{least} or more, {particles.FEWEST} for each structure"
        raise InputError("calibration.particles", calibration.particles, allowed)
    check_sampler(calibration)


def check_sampler(calibration: Calibration) -> None:
    """Refuse an unknown sampler, or an address that is of no use."""
    if calibration.sampler not in SAMPLERS:
        raise unknown_name("calibration.sampler", calibration.sampler, SAMPLERS)
    if calibration.address is not None and calibration.sampler != "dask":
        raise InputError("calibration.address", calibration.address, "calibration.sampler=dask")


def _search(
    settings: Settings, calibration: Calibration, database: Path, threads: int, progress: bool
) -> Any:
    """Search all structures at once, so that they compete."""
    parent = os.getpid() if calibration.sampler == "multicore" else None
    models = {
        name: Structure(settings, name, parent) for name in reference_table.structures(settings)
    }
    fitted = [priors.FITTED[name] for name in models]
    free = [[key for key in keys if key not in settings.held] for keys in fitted]
    return search(
        models, free, len(discrepancy.SUMMARIES), calibration, database, threads, progress
    )


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


TRADE_MODEL = "market"
PREDICTED = 200  # surveys simulated afresh
TRADE_COLUMNS = {"weight": ("share", "weight of the draw")}


class TradeModel:
    """The market as pyABC sees it: normal scores in, deviations out."""

    def __init__(self, settings: Settings, parent: int | None = None) -> None:
        self.settings, self.parent = settings, parent

    def __call__(self, scores: Any) -> dict[str, Any]:
        """Simulate one survey, as `calibration.Structure` does."""
        if self.parent not in (None, os.getpid(), os.getppid()):
            os._exit(1)  # a worker whose search was killed would hold its lock
        seen = simulation.statistics([trade_particle(self.settings, dict(scores))])
        off = trade_statistics.deviations(seen)
        counted = seen[list(trade_statistics.STATISTICS)].to_numpy(float)[0]
        return {"off": off.to_numpy()[0], "statistics": counted}


def trade_particle(settings: Settings, scores: dict[str, float]) -> tuple[Settings, int]:
    """Return the settings and the seed of a particle: a function of seed and scores alone."""
    from scipy.special import ndtr

    text = "|".join(f"{key}={float(score).hex()}" for key, score in sorted(scores.items()))
    digest = hashlib.sha256(f"{settings.seed}|{TRADE_MODEL}|{text}".encode()).digest()
    seed = int.from_bytes(digest[:8], "big") >> 1
    values = priors.draw(seed, trade=True)
    for key, score in scores.items():
        name = key.replace("__", ".")
        values[name] = priors.value(priors.uncertain_trade()[name], float(ndtr(float(score))))
    return _trade_settings(replace(settings, seed=seed), 0, values), seed


def _trade_settings(settings: Settings, number: int, trade: dict[str, float]) -> Settings:
    """Return settings with a draw of the posting side, as of a study with their seed, and trade."""
    drawn = posterior.draw(replace(settings, market=POSTS), number)
    return priors.put(settings, drawn.structure, drawn.values | trade)


def check_trade(search: Calibration, settings: Settings) -> None:
    """Refuse what cannot be searched.

    Raises
    ------
    InputError
        For settings outside their ranges, a posting side that is not drawn, a market without
        trade, nothing that is left to search for, or too few particles.
    """
    check_ranges(search, "calibration.")
    if settings.market != WHOLE:
        raise InputError("market", settings.market, f"{WHOLE}: prices need trade")
    if settings.posterior not in (posterior.NAMES[-1], posterior.PRIOR):
        allowed = f"{posterior.NAMES[-1]}, from which the posting side is drawn"
        raise InputError("posterior", settings.posterior, allowed)
    # parameters of trade are yet to be calibrated
    timeline.check_settings(replace(settings, market=POSTS))
    if set(priors.FITTED_TRADE) <= set(settings.held):
        allowed = f"not all of {', '.join(priors.FITTED_TRADE)}, which are searched for"
        raise InputError("held", settings.held, allowed)
    check_sampler(search)


def _trade_row(settings: Settings, one: Any) -> dict[str, Any]:
    mine, _ = trade_particle(settings, dict(one.parameter))
    row: dict[str, Any] = {"weight": one.weight, "distance": float(one.distance)}
    row |= {key: value_of(mine, key) for key in priors.uncertain_trade()}
    return row | dict(zip(trade_statistics.STATISTICS, one.sum_stat["statistics"], strict=True))


def trade_draws(settings: Settings, kept: pd.DataFrame) -> pd.DataFrame:
    """Return the posterior of the chain: the particles kept, adjusted to the published survey.

    Parameters
    ----------
    settings : Settings
        What was searched with.
    kept : DataFrame
        Columns weight, distance, every uncertain parameter of the chain and every statistic.

    Returns
    -------
    DataFrame
        Columns weight (adds up to 1) and every uncertain parameter of the chain.
    """
    distance = kept["distance"].to_numpy()
    weight = kept["weight"].to_numpy() * regression_adjustment.kernel(distance, distance.max())
    weight /= weight.sum()
    off = trade_statistics.deviations(kept).to_numpy()
    names = list(priors.uncertain_trade())
    free = [key for key in names if key not in settings.held]
    drawn = regression_adjustment.adjust(kept[free], off, weight, priors.uncertain_trade())
    for key in names:
        if key in settings.held:
            drawn[key] = value_of(settings, key)
    drawn = drawn[names]
    drawn.insert(0, "weight", weight)
    return drawn


def trade_fit(settings: Settings, drawn: pd.DataFrame, threads: int) -> pd.DataFrame:
    """Return how surveys simulated afresh from the draws fit the evidence.

    They are those of a study that has these draws of the chain: run by run, two to a draw.

    Parameters
    ----------
    settings, threads
        As in `calibrate`.
    drawn : DataFrame
        From `draws`.

    Returns
    -------
    DataFrame
        As `metrics.fit`: the posting side and trade, so that one sees what trade does to it.
    """
    weights, seed = drawn["weight"].to_numpy(), settings.seed
    numbers = [run // posterior.RUNS_PER_DRAW for run in range(PREDICTED)]
    jobs = []
    for run, number in enumerate(numbers):
        row = drawn.iloc[posterior.pick(weights, seed, Purpose.TRADE_DRAW, number)]
        values = {key: float(row[key]) for key in priors.uncertain_trade()}
        jobs.append((_trade_settings(settings, number, values), simulation.run_seed(seed, run)))
    return fit.fit(simulation.statistics(jobs, threads), pd.Series(numbers))


def trade_point(drawn: pd.DataFrame) -> pd.DataFrame:
    """Return the draw nearest to the mean of what is fitted.

    Returns
    -------
    DataFrame
        Columns key and value, as text.
    """
    names = list(priors.FITTED_TRADE)
    shares = regression_adjustment.prior_shares(drawn[names], priors.uncertain_trade()).to_numpy()
    weight = drawn["weight"].to_numpy()
    mean = weight @ shares
    spread = np.sqrt(weight @ (shares - mean) ** 2)
    apart = np.where(spread > 0.0, (shares - mean) / np.where(spread > 0.0, spread, 1.0), 0.0)
    best = drawn.iloc[int(np.argmin((apart**2).sum(axis=1)))]
    keys = list(priors.uncertain_trade())
    return pd.DataFrame({"key": keys, "value": [str(best[key]) for key in keys]})
