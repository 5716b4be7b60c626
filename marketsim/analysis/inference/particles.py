"""The posterior of a stage: particles of a search, adjusted to the published survey."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.inference import regression_adjustment
from marketsim.analysis.inference.stages import Stage
from marketsim.numerics import rng
from marketsim.numerics.rng import Purpose
from marketsim.parameters import priors
from marketsim.parameters.settings import value_of
from marketsim.simulation import run as simulation
from marketsim.survey import discrepancy
from marketsim.survey import fit as survey_fit

TRIALS = 100  # surveys of each candidate for the calibrated point
STANDARD_ERRORS = 1.645  # on either side hold 90 %


def tables(stage: Stage, history: Any, threads: int) -> dict[str, pd.DataFrame]:
    """Compute the tables of a stage from its search.

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
        `posterior`, `generations`, the table named by `stage.fit_table`, `point`; where structures
        compete, `structures`.
    """
    parts = {
        model: draws(stage, model, kept, threads)
        for model, kept in last_kept(stage, history).items()
    }
    out = {
        "posterior": pd.concat(parts.values(), ignore_index=True),
        "generations": generations(history, stage.structures),
        stage.fit_table: pd.concat([fit(stage, *part, threads) for part in parts.items()]),
    }
    (model, *_) = parts
    if stage.structures:
        probable = probabilities(history, out["generations"], parts)
        model = str(probable["structure"].iloc[int(probable["probability"].to_numpy().argmax())])
        out["structures"] = probable
    return out | {"point": point(stage, model, parts[model], threads)}


def generations(history: Any, structures: Sequence[str]) -> pd.DataFrame:
    """Describe each generation of a search.

    Parameters
    ----------
    history : pyabc.History
        Of the search.
    structures : sequence of str
        The structures that compete, in order.

    Returns
    -------
    DataFrame
        Columns generation, epsilon (its tolerance), simulations, particles, and the probability
        of each structure.
    """
    table = history.get_all_populations()
    table = table[table["t"] >= 0].rename(columns={"t": "generation", "samples": "simulations"})
    columns = range(len(structures))
    shares = history.get_model_probabilities().reindex(columns=columns, fill_value=0.0)
    shares.columns = pd.Index(structures)
    out = table[["generation", "epsilon", "simulations", "particles"]].set_index("generation")
    return out.join(shares.fillna(0.0)).reset_index()


def last_kept(stage: Stage, history: Any) -> dict[str, pd.DataFrame]:
    """Return the particles of each model from its last generation with enough of them.

    Parameters
    ----------
    stage, history
        As in `tables`.

    Returns
    -------
    dict of str to DataFrame
        By model. Columns weight, distance, every uncertain parameter, every statistic, and
        generation.

    Raises
    ------
    RuntimeError
        For a model that never had a particle.
    """
    found: dict[str, pd.DataFrame] = {}
    for t in range(history.max_t, -1, -1):
        population = history.get_population(t=t).particles
        for m, model in enumerate(stage.fitted):
            kept = [particle for particle in population if particle.m == m]
            if model not in found and (len(kept) >= stage.fewest or (kept and t == 0)):
                rows = [_row(stage, model, particle) for particle in kept]
                found[model] = pd.DataFrame(rows).assign(generation=t)
        if len(found) == len(stage.fitted):
            return {model: found[model] for model in stage.fitted}
    missing = ", ".join(model for model in stage.fitted if model not in found)
    raise RuntimeError(f"no particle of {missing} in any generation")


def _row(stage: Stage, model: str, particle: Any) -> dict[str, Any]:
    settings, _ = stage.particle(model, dict(particle.parameter))
    row: dict[str, Any] = {"weight": particle.weight, "distance": float(particle.distance)}
    row |= {key: value_of(settings, key) for key in stage.priors}
    return row | dict(zip(stage.statistics, particle.sum_stat["statistics"], strict=True))


def draws(stage: Stage, model: str, kept: pd.DataFrame, threads: int) -> pd.DataFrame:
    """Return the posterior of a model: its particles, adjusted to the published survey.

    A particle was accepted for a survey some way off the published one, so particles are biased
    towards the prior; the regression adjustment corrects that.

    Parameters
    ----------
    stage, threads
        As in `tables`.
    model : str
        The candidate model.
    kept : DataFrame
        From `last_kept`.

    Returns
    -------
    DataFrame
        Columns weight (adds up to 1) and every uncertain parameter. Where structures compete, also
        structure, seed, generation, and the statistics of a survey simulated with the draw.
    """
    distance = kept["distance"].to_numpy()
    weight = kept["weight"].to_numpy() * regression_adjustment.kernel(distance, distance.max())
    weight /= weight.sum()
    off = stage.deviations(kept).to_numpy()
    free = [key for key in stage.priors if key not in stage.settings.fixed]
    drawn = regression_adjustment.adjust(kept[free], off, weight, stage.priors)
    for key in stage.settings.fixed:
        drawn[key] = value_of(stage.settings, key)
    drawn = drawn[list(stage.priors)]
    drawn.insert(0, "weight", weight)
    return _with_surveys(stage, model, drawn, kept, threads) if stage.structures else drawn


def _with_surveys(
    stage: Stage, structure: str, drawn: pd.DataFrame, kept: pd.DataFrame, threads: int
) -> pd.DataFrame:
    """Return draws with structure, seed, generation, and the statistics of a survey of each."""
    seed, place = stage.settings.seed, priors.STRUCTURES.index(structure)
    seeds = [rng.new_seed(seed, Purpose.PARTICLE, row, place) for row in range(len(drawn))]
    values = [stage.values(draw) for _, draw in drawn.iterrows()]
    jobs = [
        (stage.run_settings(structure, *job), job[1]) for job in zip(values, seeds, strict=True)
    ]
    drawn.insert(0, "structure", structure)
    drawn.insert(2, "seed", seeds)
    drawn.insert(3, "generation", kept["generation"])
    return drawn.join(simulation.statistics(jobs, threads))


def probabilities(
    history: Any, generations: pd.DataFrame, parts: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """Return the probability of each structure, with the error of the effective sample size.

    Parameters
    ----------
    history : pyabc.History
        Of the search.
    generations : DataFrame
        From `generations`.
    parts : dict of str to DataFrame
        From `draws`, by structure.

    Returns
    -------
    DataFrame
        Columns structure, probability, standard_error, and of its draws: draws (how many),
        generation and epsilon (the tolerance of that).
    """
    names = list(parts)
    weights = np.array([particle.weight for particle in history.get_population().particles])
    effective = weights.sum() ** 2 / (weights**2).sum()
    last = generations.iloc[-1]
    shares = np.array([last[name] for name in names], float)
    tolerance = generations.set_index("generation")["epsilon"]
    kept = [int(part["generation"].iloc[0]) for part in parts.values()]
    return pd.DataFrame(
        {
            "structure": names,
            "probability": shares,
            "standard_error": np.sqrt(shares * (1.0 - shares) / effective),
            "draws": [len(part) for part in parts.values()],
            "generation": kept,
            "epsilon": [float(tolerance[generation]) for generation in kept],
        }
    )


def fit(stage: Stage, model: str, drawn: pd.DataFrame, threads: int) -> pd.DataFrame:
    """Compute the fit of posterior predictions of a model to the evidence.

    Parameters
    ----------
    stage, model, threads
        As in `draws`.
    drawn : DataFrame
        From `draws`.

    Returns
    -------
    DataFrame
        The columns of `survey.fit.fit`, and structure where structures compete.
    """
    jobs, numbers = stage.predictions(model, drawn)
    out = survey_fit.fit(simulation.statistics(jobs, threads), pd.Series(numbers))
    return out.assign(structure=model) if stage.structures else out


def point(stage: Stage, model: str, drawn: pd.DataFrame, threads: int) -> pd.DataFrame:
    """Return the calibrated point: of the draws nearest to the mean, the one that fits best.

    Nearness is in standard deviations of the searched parameters.

    Parameters
    ----------
    stage, model, threads
        As in `draws`.
    drawn : DataFrame
        From `draws`.

    Returns
    -------
    DataFrame
        Columns key (structure where structures compete, then every uncertain parameter) and value,
        as text.
    """
    shares = regression_adjustment.prior_shares(drawn[stage.searched(model)], stage.priors)
    weight, share = drawn["weight"].to_numpy(), shares.to_numpy()
    mean = weight @ share
    spread = np.sqrt(weight @ (share - mean) ** 2)
    apart = np.where(spread > 0.0, (share - mean) / np.where(spread > 0.0, spread, 1.0), 0.0)
    order = np.argsort((apart**2).sum(axis=1), kind="stable")
    best, *others = [drawn.iloc[row] for row in order[: stage.candidates]]
    if others:
        best = min([best, *others], key=lambda draw: _misfit(stage, model, draw, threads))
    names = [*(["structure"] if stage.structures else []), *stage.priors]
    return pd.DataFrame({"key": names, "value": [str(best[name]) for name in names]})


def _misfit(stage: Stage, model: str, draw: pd.Series, threads: int) -> float:
    """Return the distance of the median of `TRIALS` surveys of a draw from the published one."""
    seed = stage.settings.seed
    settings = stage.run_settings(model, stage.values(draw), seed)
    jobs = [(settings, simulation.run_seed(seed, run)) for run in range(TRIALS)]
    median = simulation.statistics(jobs, threads).median().to_frame().T
    return float(discrepancy.distance(stage.deviations(median))[0])


def pooled(draws: pd.DataFrame, name: str, chance: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return values and weights of a parameter over the structures that fit it.

    Parameters
    ----------
    draws : DataFrame
        The posterior of posting.
    name : str
        The parameter.
    chance : Series
        Probability of each structure, by name.
    """
    own = chance[[name in priors.FITTED[structure] for structure in chance.index]]
    draws = draws[draws["structure"].isin(own.index)]
    odds = own if own.sum() > 0.0 else own + 1.0
    weight = (draws["weight"] * draws["structure"].map(odds)).to_numpy(float)
    return draws[name].to_numpy(float), weight


def quantiles(
    draws: pd.DataFrame, name: str, chance: pd.Series, levels: Sequence[float]
) -> list[float]:
    """Return weighted quantiles of a parameter over the structures that fit it (see `pooled`)."""
    values, weight = pooled(draws, name, chance)
    found: list[float] = np.quantile(values, levels, weights=weight, method="inverted_cdf").tolist()
    return found


def share_interval(share: float, error: float) -> np.ndarray:
    """Return the low end, the value and the high end of a share with its 90 % Monte Carlo error.

    Parameters
    ----------
    share : float
        The share.
    error : float
        Its standard error.
    """
    reach = STANDARD_ERRORS * error
    return np.clip([share - reach, share, share + reach], 0.0, 1.0)
