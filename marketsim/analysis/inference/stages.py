"""The two stages of the calibration: posting; then prices and products, given posting.

A particle is a candidate model with a normal score for each searched parameter: a score of 0 is the
median of the prior. Its seed is a hash of the scores, so that any particle can be simulated again.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from marketsim.analysis.inference import reference_table
from marketsim.errors import InputError
from marketsim.model.scenario import timeline
from marketsim.numerics.rng import Purpose
from marketsim.parameters import posterior, priors
from marketsim.parameters.declaration import Prior
from marketsim.parameters.settings import FULL, POSTING_ONLY, Settings
from marketsim.simulation import run as simulation
from marketsim.simulation import store
from marketsim.survey import discrepancy, statistics, trade_statistics

FEWEST = 50  # particles of a structure that its regression adjustment needs
CANDIDATES = 20  # draws near the posterior mean that are tried as the calibrated point of posting
PREDICTED = 200  # surveys simulated with the posterior of each candidate model
COLUMNS = {
    "weight": ("share", "weight of the draw among those of its structure"),
    "generation": ("1", "generation of the search that the draw is from"),
}


@dataclass(frozen=True)
class Stage:
    """What a stage of the calibration searches for, and the statistics that it fits.

    Attributes
    ----------
    settings : Settings
        What is calibrated.
    structures : list of str
        Recovery mechanisms that compete in this stage.
    fitted : dict of str to tuple of str
        Fitted parameters of each candidate model.
    priors : dict of str to Prior
        Uncertain parameters of this stage, fitted or not.
    statistics, summaries : tuple of str
        Stored statistics of a simulated survey, and those that are fitted.
    deviations : callable
        From statistics to deviations of the summaries from the published ones, in half-widths.
    columns : dict of str to (str, str)
        Unit and meaning of the columns of the posterior.
    fewest, candidates : int
        Values of `FEWEST` and `CANDIDATES` in this stage.
    fit_table : str
        Name of the table with the fit of the posterior predictions.
    """

    settings: Settings
    structures: list[str]
    fitted: dict[str, tuple[str, ...]]
    priors: dict[str, Prior]
    statistics: tuple[str, ...]
    summaries: tuple[str, ...]
    deviations: Callable[[pd.DataFrame], pd.DataFrame]
    columns: dict[str, tuple[str, str]]
    fewest: int
    candidates: int
    fit_table: str

    def key(self, facts: dict[str, Any]) -> str:
        """Return the key of the result; that of trade ignores the shipped posterior of trade."""
        if self.structures:
            return store.key(self.settings, facts)
        return store.key(replace(self.settings, market=POSTING_ONLY), facts | {"fitted": "market"})

    def searched(self, model: str) -> list[str]:
        """Return the fitted parameters of a candidate model that are not fixed."""
        return [key for key in self.fitted[model] if key not in self.settings.fixed]

    def run_settings(
        self, model: str, values: dict[str, float], seed: int, number: int = 0
    ) -> Settings:
        """Return the settings of a run.

        Parameters
        ----------
        model : str
            The candidate model.
        values : dict of str to float
            Uncertain parameters of this stage by their dotted names.
        seed, number : int
            Of the draw of posting; not used where structures compete.
        """
        if self.structures:
            return priors.with_values(self.settings, model, values)
        settings = replace(self.settings, seed=seed)
        posting = posterior.draw(replace(settings, market=POSTING_ONLY), number)
        return priors.with_values(settings, posting.structure, posting.values | values)

    def particle(self, model: str, scores: Mapping[str, float]) -> tuple[Settings, int]:
        """Return settings and seed of a particle: a function of seed, model and scores.

        Parameters
        ----------
        model : str
            The candidate model.
        scores : mapping of str to float
            Normal scores by parameter; two underscores stand for the dot. Parameters without a
            score are sampled from their priors with the seed of the particle.
        """
        from scipy.special import ndtr

        text = "|".join(f"{key}={float(score).hex()}" for key, score in sorted(scores.items()))
        digest = hashlib.sha256(f"{self.settings.seed}|{model}|{text}".encode()).digest()
        seed = int.from_bytes(digest[:8], "big") >> 1
        values = priors.sample(self.priors, seed)
        for key, score in scores.items():
            name = key.replace("__", ".")
            values[name] = priors.value(self.priors[name], float(ndtr(float(score))))
        return self.run_settings(model, values, seed), seed

    def values(self, draw: pd.Series) -> dict[str, float]:
        """Return the uncertain parameters of a draw."""
        return {key: float(draw[key]) for key in self.priors}

    def predictions(
        self, model: str, draws: pd.DataFrame
    ) -> tuple[list[tuple[Settings, int]], list[int]]:
        """Return settings and seeds of posterior predictions, and which share a draw.

        Those of trade are the runs of a study with these draws of trade.
        """
        purpose, runs_each = Purpose.TRADE_DRAW, posterior.RUNS_PER_DRAW
        if self.structures:
            purpose, runs_each = Purpose.DRAW, 1
        weights, seed = draws["weight"].to_numpy(), self.settings.seed
        numbers = [run // runs_each for run in range(PREDICTED)]
        rows = [posterior.pick(weights, seed, purpose, number) for number in numbers]
        values = [self.values(draws.iloc[row]) for row in rows]
        jobs = [
            (self.run_settings(model, values[run], seed, number), simulation.run_seed(seed, run))
            for run, number in enumerate(numbers)
        ]
        return jobs, rows if self.structures else numbers


def posting(settings: Settings) -> Stage:
    """Return the first stage: posting, by recovery mechanism, fitted to counts of advertisements.

    Raises
    ------
    InputError
        If the settings cannot be calibrated.
    """
    reference_table.check(settings)
    structures = reference_table.structures(settings)
    return Stage(
        settings=settings,
        structures=structures,
        fitted={name: priors.FITTED[name] for name in structures},
        priors=priors.uncertain(),
        statistics=statistics.STATISTICS,
        summaries=discrepancy.SUMMARIES,
        deviations=discrepancy.deviations,
        columns=statistics.describe_columns() | COLUMNS,
        fewest=FEWEST,
        candidates=CANDIDATES,
        fit_table="structure_fit",
    )


def trade(settings: Settings) -> Stage:
    """Return the second stage: trade, given posting, fitted to prices and the mix of products.

    Raises
    ------
    InputError
        If the settings cannot be calibrated.
    """
    if settings.market != FULL:
        raise InputError("market", settings.market, f"{FULL}: prices need trade")
    if settings.posterior not in (posterior.NAMES[-1], posterior.PRIOR):
        allowed = f"{posterior.NAMES[-1]}, from which the posting side is drawn"
        raise InputError("posterior", settings.posterior, allowed)
    # the posterior of trade is yet to be calibrated
    timeline.check_settings(replace(settings, market=POSTING_ONLY))
    if set(priors.FITTED_TRADE) <= set(settings.fixed):
        allowed = f"not all of {', '.join(priors.FITTED_TRADE)}, which are searched for"
        raise InputError("fixed", settings.fixed, allowed)
    return Stage(
        settings=settings,
        structures=[],
        fitted={"market": priors.FITTED_TRADE},
        priors=priors.uncertain_trade(),
        statistics=trade_statistics.STATISTICS,
        summaries=trade_statistics.SUMMARIES,
        deviations=trade_statistics.deviations,
        columns=trade_statistics.describe_columns() | {"weight": ("share", "weight of the draw")},
        fewest=1,
        candidates=1,
        fit_table="market_fit",
    )
