"""The second stage of the calibration: prices and products, given posting.

A particle has a normal score for each searched parameter: a score of 0 is the median of the prior.
Its seed is a hash of the scores, so that any particle can be simulated again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from marketsim.errors import InputError
from marketsim.model.scenario import timeline
from marketsim.numerics.rng import Purpose
from marketsim.parameters import panel, posterior, priors
from marketsim.parameters.declaration import Prior
from marketsim.parameters.settings import FULL, POSTING_ONLY, Settings
from marketsim.simulation import store

PREDICTED = 200  # surveys simulated with the posterior
MODEL = "market"  # its name in the database of the search


@dataclass(frozen=True)
class Stage:
    """What the search for prices and products varies, and the statistics that it fits.

    Attributes
    ----------
    settings : Settings
        What is calibrated.
    """

    settings: Settings

    @property
    def priors(self) -> dict[str, Prior]:
        """Uncertain parameters of trade, fitted or not."""
        return priors.uncertain_trade()

    @property
    def searched(self) -> list[str]:
        """Fitted parameters that are not fixed."""
        return [key for key in priors.FITTED_TRADE if key not in self.settings.fixed]

    def key(self, facts: dict[str, Any]) -> str:
        """Return the key of the result, which ignores the shipped posterior of trade."""
        return store.key(replace(self.settings, market=POSTING_ONLY), facts | {"fitted": MODEL})

    def run_settings(self, values: dict[str, float], seed: int, number: int = 0) -> Settings:
        """Return the settings of a run.

        Parameters
        ----------
        values : dict of str to float
            Uncertain parameters of trade by their dotted names.
        seed, number : int
            Of the draw of posting.
        """
        settings = replace(self.settings, seed=seed)
        posting = posterior.draw(replace(settings, market=POSTING_ONLY), number)
        return priors.with_values(settings, posting.structure, posting.values | values)

    def particle(self, scores: Mapping[str, float]) -> tuple[Settings, int]:
        """Return settings and seed of a particle: a function of seed and scores.

        Parameters
        ----------
        scores : mapping of str to float
            Normal scores by parameter; two underscores stand for the dot. Parameters without a
            score are sampled from their priors with the seed of the particle.
        """
        from scipy.special import ndtr

        text = "|".join(f"{key}={float(score).hex()}" for key, score in sorted(scores.items()))
        digest = hashlib.sha256(f"{self.settings.seed}|{MODEL}|{text}".encode()).digest()
        seed = int.from_bytes(digest[:8], "big") >> 1
        values = priors.sample(self.priors, seed)
        for key, score in scores.items():
            name = key.replace("__", ".")
            values[name] = priors.value(self.priors[name], float(ndtr(float(score))))
        return self.run_settings(values, seed), seed

    def values(self, draw: pd.Series) -> dict[str, float]:
        """Return the uncertain parameters of a draw."""
        return {key: float(draw[key]) for key in self.priors}

    def predictions(self, draws: pd.DataFrame) -> tuple[list[tuple[Settings, int]], list[int]]:
        """Return settings and seeds of posterior predictions, and which share a draw.

        They are the runs of a study with these draws of trade.
        """
        weights, seed = draws["weight"].to_numpy(), self.settings.seed
        numbers = [run // posterior.RUNS_PER_DRAW for run in range(PREDICTED)]
        rows = [posterior.pick(weights, seed, Purpose.TRADE_DRAW, number) for number in numbers]
        values = [self.values(draws.iloc[row]) for row in rows]
        jobs = [
            (self.run_settings(values[run], seed, number), panel.run_seed(seed, run))
            for run, number in enumerate(numbers)
        ]
        return jobs, numbers


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
    return Stage(settings)
