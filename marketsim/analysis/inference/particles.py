"""Particles: what a search tries and keeps, and what is made of those it kept.

A particle is a structure with a normal score for each fitted parameter. Its simulation is keyed by
a seed made of its own scores, so that any particle can be run again. Those kept are adjusted to the
published survey, structure by structure, and each gets a seed: these are the draws that ship.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from marketsim.analysis.inference import regression_adjustment
from marketsim.numerics import rng
from marketsim.numerics.rng import Purpose
from marketsim.parameters import posterior, priors
from marketsim.parameters.settings import Settings, value_of
from marketsim.simulation import run as simulation
from marketsim.survey import discrepancy, statistics
from marketsim.survey import fit as survey_fit

FEWEST = 50  # particles of a structure that carry a regression on the summaries
PREDICTED = 200  # surveys simulated afresh for each structure
CANDIDATES, TRIALS = 20, 100  # draws tried as the calibrated point, and surveys of each
COLUMNS = {
    "weight": ("share", "weight of the draw among those of its structure"),
    "generation": ("1", "generation of the search that the draw is from"),
}


def particle(settings: Settings, structure: str, scores: dict[str, float]) -> tuple[Settings, int]:
    """Return the settings and the seed of a particle: a function of seed, structure and scores."""
    from scipy.special import ndtr

    text = "|".join(f"{key}={float(score).hex()}" for key, score in sorted(scores.items()))
    digest = hashlib.sha256(f"{settings.seed}|{structure}|{text}".encode()).digest()
    seed = int.from_bytes(digest[:8], "big") >> 1
    values = priors.draw(seed)
    for key, score in scores.items():
        name = key.replace("__", ".")
        values[name] = priors.value(priors.uncertain()[name], float(ndtr(float(score))))
    return priors.put(settings, structure, values), seed


def generations(history: Any, names: list[str]) -> pd.DataFrame:
    """Return what each generation of a search was.

    Parameters
    ----------
    history : pyabc.History
        Of the search.
    names : list of str
        Its structures, in order.

    Returns
    -------
    DataFrame
        Columns generation, epsilon (its tolerance), simulations, particles, and the probability
        of each structure.
    """
    table = history.get_all_populations()
    table = table[table["t"] >= 0].rename(columns={"t": "generation", "samples": "simulations"})
    chances = history.get_model_probabilities().reindex(columns=range(len(names)), fill_value=0.0)
    chances.columns = pd.Index(names)
    out = table[["generation", "epsilon", "simulations", "particles"]].set_index("generation")
    return out.join(chances.fillna(0.0)).reset_index()


def last_kept(settings: Settings, history: Any, names: list[str]) -> dict[str, pd.DataFrame]:
    """Return the particles of each structure from its last generation with enough of them.

    Parameters
    ----------
    settings : Settings
        What was searched with.
    history, names
        As in `generations`.

    Returns
    -------
    dict of str to DataFrame
        By structure. Columns weight, distance, every uncertain parameter, every statistic, and
        generation.

    Raises
    ------
    RuntimeError
        For a structure that never had a particle.
    """
    found: dict[str, pd.DataFrame] = {}
    for t in range(history.max_t, -1, -1):
        population = history.get_population(t=t).particles
        for m, name in enumerate(names):
            here = [one for one in population if one.m == m]
            if name not in found and (len(here) >= FEWEST or (here and t == 0)):
                rows = [_row(settings, name, one) for one in here]
                found[name] = pd.DataFrame(rows).assign(generation=t)
        if len(found) == len(names):
            return {name: found[name] for name in names}
    missing = ", ".join(name for name in names if name not in found)
    raise RuntimeError(f"no particle of {missing} in any generation")


def _row(settings: Settings, name: str, one: Any) -> dict[str, Any]:
    mine, _ = particle(settings, name, dict(one.parameter))
    row: dict[str, Any] = {"weight": one.weight, "distance": float(one.distance)}
    row |= {key: value_of(mine, key) for key in priors.uncertain()}
    return row | dict(zip(statistics.STATISTICS, one.sum_stat["statistics"], strict=True))


def draws(settings: Settings, name: str, found: pd.DataFrame, threads: int) -> pd.DataFrame:
    """Return the posterior of a structure: its particles, adjusted to the published survey.

    A particle was accepted for a survey some way off the published one, so it leans to the prior;
    the regression takes the lean out. Each draw then gets a seed and the statistics of a survey
    simulated with it.

    Parameters
    ----------
    settings : Settings
        What was searched with.
    name : str
        The structure.
    found : DataFrame
        From `last_kept`.
    threads : int
        Surveys simulated at the same time.

    Returns
    -------
    DataFrame
        Columns structure, weight (adds up to 1), seed, generation, every uncertain parameter and
        every statistic.
    """
    distance = found["distance"].to_numpy()
    weight = found["weight"].to_numpy() * regression_adjustment.kernel(distance, distance.max())
    weight /= weight.sum()
    off = discrepancy.deviations(found).to_numpy()
    keys = [key for key in priors.uncertain() if key not in settings.held]
    drawn = regression_adjustment.adjust(found[keys], off, weight, priors.uncertain())
    for key in settings.held:
        drawn[key] = value_of(settings, key)
    drawn = drawn[list(priors.uncertain())]
    drawn.insert(0, "structure", name)
    drawn.insert(1, "weight", weight)
    place = priors.STRUCTURES.index(name)
    numbers = range(len(drawn))
    seeds = [rng.new_seed(settings.seed, Purpose.PARTICLE, number, place) for number in numbers]
    drawn.insert(2, "seed", seeds)
    drawn.insert(3, "generation", found["generation"])
    jobs = [(_settings(settings, row), int(row["seed"])) for _, row in drawn.iterrows()]
    return drawn.join(simulation.statistics(jobs, threads))


def probabilities(
    history: Any, generations: pd.DataFrame, drawn: pd.DataFrame, names: list[str]
) -> pd.DataFrame:
    """Return the structures' probabilities with the error of a sample of that effective size.

    Parameters
    ----------
    history, names
        As in `generations`.
    generations : DataFrame
        From `generations`.
    drawn : DataFrame
        From `draws`, all structures one below the other.

    Returns
    -------
    DataFrame
        Columns structure, probability, standard_error, and of its draws: draws (how many),
        generation and epsilon (the tolerance of that).
    """
    weights = np.array([one.weight for one in history.get_population().particles])
    effective = weights.sum() ** 2 / (weights**2).sum()
    last = generations.iloc[-1]
    shares = np.array([last[name] for name in names], float)
    tolerance = generations.set_index("generation")["epsilon"]
    of = drawn.groupby("structure")["generation"].first()
    return pd.DataFrame(
        {
            "structure": names,
            "probability": shares,
            "standard_error": np.sqrt(shares * (1.0 - shares) / effective),
            "draws": [int((drawn["structure"] == name).sum()) for name in names],
            "generation": [int(of[name]) for name in names],
            "epsilon": [float(tolerance[of[name]]) for name in names],
        }
    )


def fit(settings: Settings, drawn: pd.DataFrame, name: str, threads: int) -> pd.DataFrame:
    """Return how surveys simulated afresh from the draws of one structure fit the evidence.

    Parameters
    ----------
    settings, name, threads
        As in `draws`.
    drawn : DataFrame
        From `draws`.

    Returns
    -------
    DataFrame
        The columns of `metrics.fit`, and structure.
    """
    mine, seed = drawn[drawn["structure"] == name], settings.seed
    weights, runs = mine["weight"].to_numpy(), range(PREDICTED)
    chosen = [posterior.pick(weights, seed, Purpose.DRAW, run) for run in runs]
    jobs = [
        (_settings(settings, mine.iloc[row]), simulation.run_seed(seed, run))
        for run, row in zip(runs, chosen, strict=True)
    ]
    seen = simulation.statistics(jobs, threads)
    return survey_fit.fit(seen, pd.Series(chosen)).assign(structure=name)


def _settings(settings: Settings, row: pd.Series) -> Settings:
    values = {key: float(row[key]) for key in priors.uncertain()}
    return priors.put(settings, str(row["structure"]), values)


def point(settings: Settings, drawn: pd.DataFrame, threads: int) -> pd.DataFrame:
    """Return, of the draws nearest to the mean of the fitted, the one whose surveys fit best.

    Parameters
    ----------
    settings, threads
        As in `draws`.
    drawn : DataFrame
        From `draws`, of one structure.

    Returns
    -------
    DataFrame
        Columns key (structure, then every uncertain parameter) and value, as text.
    """
    fitted = priors.FITTED[str(drawn["structure"].iloc[0])]
    keys = [key for key in fitted if key not in settings.held]
    shares = regression_adjustment.prior_shares(drawn[keys], priors.uncertain()).to_numpy()
    mean = drawn["weight"].to_numpy() @ shares
    spread = np.sqrt(drawn["weight"].to_numpy() @ (shares - mean) ** 2)
    nearest = np.argsort((((shares - mean) / spread) ** 2).sum(axis=1), kind="stable")[:CANDIDATES]
    seeds = [simulation.run_seed(settings.seed, run) for run in range(TRIALS)]
    off = []
    for _, row in drawn.iloc[nearest].iterrows():
        seen = simulation.statistics([(_settings(settings, row), seed) for seed in seeds], threads)
        middle = seen.median().to_frame().T
        off.append(discrepancy.distance(discrepancy.deviations(middle))[0])
    best = drawn.iloc[nearest[int(np.argmin(off))]]
    names = ["structure", *priors.uncertain()]
    return pd.DataFrame({"key": names, "value": [str(best[name]) for name in names]})


ERROR = 1.645  # standard errors on either side hold 90 %


def pooled(draws: pd.DataFrame, name: str, chance: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return values and weights of a parameter over the structures that fit it."""
    own = chance[[name in priors.FITTED[one] for one in chance.index]]
    draws = draws[draws["structure"].isin(own.index)]
    odds = own if own.sum() > 0.0 else own + 1.0
    weight = (draws["weight"] * draws["structure"].map(odds)).to_numpy(float)
    return draws[name].to_numpy(float), weight


def quantiles(
    draws: pd.DataFrame, name: str, chance: pd.Series, levels: Sequence[float]
) -> list[float]:
    """Return quantiles of a parameter over the structures that fit it, by their probability."""
    values, weight = pooled(draws, name, chance)
    found: list[float] = np.quantile(values, levels, weights=weight, method="inverted_cdf").tolist()
    return found


def error(share: float, error: float) -> np.ndarray:
    """Return a share between the ends of its 90 % Monte Carlo error."""
    return np.clip([share - ERROR * error, share, share + ERROR * error], 0.0, 1.0)
