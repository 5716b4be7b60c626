"""The second stage of the calibration: prices and products, given the posterior of posting.

The posting side was fitted first, since the survey speaks of posts. Here each simulation draws the
posting side from that posterior and lives the whole market; what is fitted is what prices and the
mix of products depend on (`priors.FITTED_TRADE`), to those rows of the evidence. The search, its
normal scores and its regression are those of the first stage.
"""

import hashlib
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim import (
    adjustment,
    calibration,
    metrics,
    posterior,
    priors,
    results,
    storage,
    study,
    trade_metrics,
)
from marketsim import calendar as scenarios
from marketsim.errors import InputError
from marketsim.rng import Purpose
from marketsim.settings import POSTS, WHOLE, Calibration, Settings, check_ranges, given
from marketsim.settings import check as check_settings

NAME = "market"
PREDICTED = 200  # surveys simulated afresh
COLUMNS = {"weight": ("share", "weight of the draw")}


class Market:
    """The market as pyABC sees it: normal scores in, deviations out."""

    def __init__(self, settings: Settings, parent: int | None = None) -> None:
        self.settings, self.parent = settings, parent

    def __call__(self, scores: Any) -> dict[str, Any]:
        """Simulate one survey, as `calibration.Structure` does."""
        if self.parent not in (None, os.getpid(), os.getppid()):
            os._exit(1)  # a worker whose search was killed would hold its lock
        seen = study.statistics([particle(self.settings, dict(scores))])
        off = trade_metrics.deviations(seen)
        counted = seen[list(trade_metrics.STATISTICS)].to_numpy(float)[0]
        return {"off": off.to_numpy()[0], "statistics": counted}


def particle(settings: Settings, scores: dict[str, float]) -> tuple[Settings, int]:
    """Return the settings and the seed of a particle: a function of seed and scores alone."""
    from scipy.special import ndtr

    text = "|".join(f"{key}={float(score).hex()}" for key, score in sorted(scores.items()))
    digest = hashlib.sha256(f"{settings.seed}|{NAME}|{text}".encode()).digest()
    seed = int.from_bytes(digest[:8], "big") >> 1
    values = priors.draw(seed, trade=True)
    for key, score in scores.items():
        name = key.replace("__", ".")
        values[name] = priors.value(priors.uncertain_trade()[name], float(ndtr(float(score))))
    return _settings(replace(settings, seed=seed), 0, values), seed


def _settings(settings: Settings, number: int, trade: dict[str, float]) -> Settings:
    """Return settings with a draw of the posting side, as of a study with their seed, and trade."""
    drawn = posterior.draw(replace(settings, market=POSTS), number)
    return priors.put(settings, drawn.structure, drawn.values | trade)


def check(search: Calibration, settings: Settings) -> None:
    """Refuse what cannot be searched.

    Raises
    ------
    InputError
        For settings outside their ranges, a posting side that is not drawn, a market without
        trade, nothing that is left to search for, or too few particles.
    """
    check_settings(settings)
    check_ranges(search, "calibration.")
    if settings.market != WHOLE:
        raise InputError("market", settings.market, f"{WHOLE}: prices need trade")
    if settings.posterior not in (posterior.NAMES[-1], posterior.PRIOR):
        allowed = f"{posterior.NAMES[-1]}, from which the posting side is drawn"
        raise InputError("posterior", settings.posterior, allowed)
    posterior.check(replace(settings, market=POSTS))  # the draws of trade are yet to be found
    if set(priors.FITTED_TRADE) <= set(settings.held):
        allowed = f"not all of {', '.join(priors.FITTED_TRADE)}, which are searched for"
        raise InputError("held", settings.held, allowed)
    scenarios.compile_levers(settings)
    calibration.check_sampler(search)


def calibrate(
    settings: Settings, search: Calibration, folder: Path, threads: int, progress: bool
) -> Path:
    """Search for the posterior of the chain, or go on with a search that was cut off.

    Parameters
    ----------
    settings : Settings
        What is calibrated; `posterior` names where the posting side is drawn from.
    search : Calibration
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
        The folder with posterior.parquet, point.csv, generations.csv, market_fit.csv and
        manifest.json.

    Raises
    ------
    InputError
        As in `check`, or for a folder that cannot be written to.
    """
    check(search, settings)
    facts: dict[str, Any] = {"calibration": asdict(search)}
    # what is searched for must not be part of the name under which it is found
    final = folder / results.key(replace(settings, market=POSTS), facts | {"fitted": NAME})
    with results.fill(settings, final, threads, facts) as partial:
        if partial is not None:
            parent = os.getpid() if search.sampler == "multicore" else None
            fitted = [key for key in priors.FITTED_TRADE if key not in settings.held]
            history = calibration.search(
                {NAME: Market(settings, parent)},
                [fitted],
                len(trade_metrics.SUMMARIES),
                search,
                partial / calibration.DATABASE,
                threads,
                progress,
            )
            _write(settings, history, partial, threads)
            facts["simulations"] = int(history.total_nr_simulations)
    return final


def _write(settings: Settings, history: Any, folder: Path, threads: int) -> None:
    """Write what the search found, as tables."""
    kept = pd.DataFrame(
        [_row(settings, one) for one in history.get_population(t=history.max_t).particles]
    )
    drawn = draws(settings, kept)
    known = trade_metrics.described() | COLUMNS
    storage.write_parquet(drawn, folder / "posterior.parquet", known)
    table = history.get_all_populations()
    table = table[table["t"] >= 0].rename(columns={"t": "generation", "samples": "simulations"})
    tables = {
        "generations": table[["generation", "epsilon", "simulations", "particles"]],
        "market_fit": fit(settings, drawn, threads),
        "point": point(drawn),
    }
    storage.write_csv(folder, tables)


def _row(settings: Settings, one: Any) -> dict[str, Any]:
    mine, _ = particle(settings, dict(one.parameter))
    row: dict[str, Any] = {"weight": one.weight, "distance": float(one.distance)}
    row |= {key: given(mine, key) for key in priors.uncertain_trade()}
    return row | dict(zip(trade_metrics.STATISTICS, one.sum_stat["statistics"], strict=True))


def draws(settings: Settings, kept: pd.DataFrame) -> pd.DataFrame:
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
    weight = kept["weight"].to_numpy() * adjustment.kernel(distance, distance.max())
    weight /= weight.sum()
    off = trade_metrics.deviations(kept).to_numpy()
    names = list(priors.uncertain_trade())
    free = [key for key in names if key not in settings.held]
    drawn = adjustment.adjust(kept[free], off, weight, priors.uncertain_trade())
    for key in names:
        if key in settings.held:
            drawn[key] = given(settings, key)
    drawn = drawn[names]
    drawn.insert(0, "weight", weight)
    return drawn


def fit(settings: Settings, drawn: pd.DataFrame, threads: int) -> pd.DataFrame:
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
        jobs.append((_settings(settings, number, values), study.run_seed(seed, run)))
    return metrics.fit(study.statistics(jobs, threads), pd.Series(numbers))


def point(drawn: pd.DataFrame) -> pd.DataFrame:
    """Return the draw nearest to the mean of what is fitted.

    Returns
    -------
    DataFrame
        Columns key and value, as text.
    """
    names = list(priors.FITTED_TRADE)
    shares = adjustment.prior_shares(drawn[names], priors.uncertain_trade()).to_numpy()
    weight = drawn["weight"].to_numpy()
    mean = weight @ shares
    spread = np.sqrt(weight @ (shares - mean) ** 2)
    apart = np.where(spread > 0.0, (shares - mean) / np.where(spread > 0.0, spread, 1.0), 0.0)
    best = drawn.iloc[int(np.argmin((apart**2).sum(axis=1)))]
    keys = list(priors.uncertain_trade())
    return pd.DataFrame({"key": keys, "value": [str(best[key]) for key in keys]})
