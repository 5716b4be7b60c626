"""The posterior of prices and products: particles of a search, adjusted to the published survey."""

from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.inference import regression_adjustment
from marketsim.analysis.inference.stages import Stage
from marketsim.parameters.settings import value_of
from marketsim.simulation import run as simulation
from marketsim.survey import fit as survey_fit
from marketsim.survey import trade_statistics


def tables(stage: Stage, history: Any, threads: int) -> dict[str, pd.DataFrame]:
    """Compute the tables of a search.

    Parameters
    ----------
    stage : Stage
        What was searched for.
    history : pyabc.History
        Of the search.
    threads : int
        Surveys simulated at the same time.

    Returns
    -------
    dict of str to DataFrame
        `posterior`, `generations`, `market_fit` and `point`.
    """
    drawn = draws(stage, last_kept(stage, history))
    return {
        "posterior": drawn,
        "generations": generations(history),
        "market_fit": fit(stage, drawn, threads),
        "point": point(stage, drawn),
    }


def generations(history: Any) -> pd.DataFrame:
    """Describe each generation of a search.

    Parameters
    ----------
    history : pyabc.History
        Of the search.

    Returns
    -------
    DataFrame
        Columns generation, epsilon (its tolerance), simulations, particles.
    """
    table = history.get_all_populations()
    table = table[table["t"] >= 0].rename(columns={"t": "generation", "samples": "simulations"})
    out: pd.DataFrame = table[["generation", "epsilon", "simulations", "particles"]]
    return out.reset_index(drop=True)


def last_kept(stage: Stage, history: Any) -> pd.DataFrame:
    """Return the particles of the last generation.

    Parameters
    ----------
    stage, history
        As in `tables`.

    Returns
    -------
    DataFrame
        Columns weight, distance, every uncertain parameter and every statistic.

    Raises
    ------
    RuntimeError
        If no generation has a particle.
    """
    particles = history.get_population(t=history.max_t).particles
    if not particles:
        raise RuntimeError("no particle in any generation")
    return pd.DataFrame([_row(stage, particle) for particle in particles])


def _row(stage: Stage, particle: Any) -> dict[str, Any]:
    settings, _ = stage.particle(dict(particle.parameter))
    row: dict[str, Any] = {"weight": particle.weight, "distance": float(particle.distance)}
    row |= {key: value_of(settings, key) for key in stage.priors}
    seen = particle.sum_stat["statistics"]
    return row | dict(zip(trade_statistics.STATISTICS, seen, strict=True))


def draws(stage: Stage, kept: pd.DataFrame) -> pd.DataFrame:
    """Return the posterior: particles, adjusted to the published survey.

    A particle was accepted for a survey some way off the published one, so particles are biased
    towards the prior; the regression adjustment corrects that.

    Parameters
    ----------
    stage : Stage
        As in `tables`.
    kept : DataFrame
        From `last_kept`.

    Returns
    -------
    DataFrame
        Columns weight (adds up to 1) and every uncertain parameter.
    """
    distance = kept["distance"].to_numpy()
    weight = kept["weight"].to_numpy() * regression_adjustment.kernel(distance, distance.max())
    weight /= weight.sum()
    off = trade_statistics.deviations(kept).to_numpy()
    free = [key for key in stage.priors if key not in stage.settings.fixed]
    drawn = regression_adjustment.adjust(kept[free], off, weight, stage.priors)
    for key in stage.settings.fixed:
        if key in stage.priors:
            drawn[key] = value_of(stage.settings, key)
    drawn = drawn[list(stage.priors)]
    drawn.insert(0, "weight", weight)
    return drawn


def fit(stage: Stage, drawn: pd.DataFrame, threads: int) -> pd.DataFrame:
    """Compute the fit of posterior predictions to the evidence.

    Parameters
    ----------
    stage, threads
        As in `tables`.
    drawn : DataFrame
        From `draws`.

    Returns
    -------
    DataFrame
        The columns of `survey.fit.fit`.
    """
    jobs, numbers = stage.predictions(drawn)
    return survey_fit.fit(simulation.statistics(jobs, threads), pd.Series(numbers))


def point(stage: Stage, drawn: pd.DataFrame) -> pd.DataFrame:
    """Return the calibrated point: of the draws, the nearest to the mean.

    Nearness is in standard deviations of the searched parameters.

    Parameters
    ----------
    stage : Stage
        As in `tables`.
    drawn : DataFrame
        From `draws`.

    Returns
    -------
    DataFrame
        Columns key (every uncertain parameter) and value, as text.
    """
    shares = regression_adjustment.prior_shares(drawn[stage.searched], stage.priors)
    weight, share = drawn["weight"].to_numpy(), shares.to_numpy()
    mean = weight @ share
    spread = np.sqrt(weight @ (share - mean) ** 2)
    apart = np.where(spread > 0.0, (share - mean) / np.where(spread > 0.0, spread, 1.0), 0.0)
    best = drawn.iloc[int(np.argmin((apart**2).sum(axis=1)))]
    names = list(stage.priors)
    return pd.DataFrame({"key": names, "value": [str(best[name]) for name in names]})
