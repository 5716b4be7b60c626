"""The two stages of the calibration: posting; then prices and products, given posting.

A particle is a candidate model with a normal score for each searched parameter: a score of 0 is the
median of the prior. Its seed is a hash of the scores, so that any particle can be simulated again.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from marketsim.analysis.inference import reference_table
from marketsim.errors import InputError
from marketsim.model.scenario import timeline
from marketsim.numerics import rng
from marketsim.numerics.rng import Purpose
from marketsim.parameters import posterior, priors
from marketsim.parameters.declaration import Prior
from marketsim.parameters.settings import POSTS, WHOLE, Settings, check
from marketsim.simulation import run as simulation
from marketsim.simulation import store
from marketsim.survey import discrepancy, trade_statistics
from marketsim.survey import statistics as survey_statistics

PREDICTED = 200  # surveys simulated with the posterior of each candidate model


class Stage(ABC):
    """What a stage of the calibration searches for, and the statistics that it fits.

    Parameters
    ----------
    settings : Settings
        What is calibrated.

    Attributes
    ----------
    fitted : dict of str to tuple of str
        Fitted parameters of each candidate model.
    structures : list of str
        Recovery mechanisms that compete in this stage.
    priors : dict of str to Prior
        Uncertain parameters of this stage, fitted or not.
    statistics, summaries : tuple of str
        Stored statistics of a simulated survey, and those that are fitted.
    columns : dict of str to (str, str)
        Unit and meaning of the columns of the posterior.
    fewest : int
        Particles that the regression adjustment of a candidate model needs.
    candidates : int
        Draws near the posterior mean that are tried as the calibrated point.
    fit_table : str
        Name of the table with the fit of the posterior predictions.
    """

    fitted: Mapping[str, tuple[str, ...]]
    structures: list[str]
    priors: dict[str, Prior]
    statistics: tuple[str, ...]
    summaries: tuple[str, ...]
    columns: dict[str, tuple[str, str]]
    fewest: int
    candidates: int
    fit_table: str

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def check(self) -> None:
        """Raise `InputError` if the settings cannot be calibrated."""

    @abstractmethod
    def key(self, facts: dict[str, Any]) -> str:
        """Return the key of the result."""

    @abstractmethod
    def deviations(self, values: pd.DataFrame) -> pd.DataFrame:
        """Return how far summaries are from the published ones, in half-widths."""

    @abstractmethod
    def run_settings(
        self, model: str, values: dict[str, float], seed: int, number: int = 0
    ) -> Settings:
        """Return the settings of a run.

        Parameters
        ----------
        model : str
            The candidate model.
        values : dict of str to float
            Uncertain parameters by their dotted names.
        seed, number : int
            Which draw from the posterior of an earlier stage the run has.
        """

    @abstractmethod
    def predictions(
        self, model: str, draws: pd.DataFrame
    ) -> tuple[list[tuple[Settings, int]], list[int]]:
        """Return settings and seed of each posterior prediction, and which share a draw."""

    def complete(
        self, model: str, draws: pd.DataFrame, kept: pd.DataFrame, threads: int
    ) -> pd.DataFrame:
        """Return weighted draws with the other columns of the posterior."""
        return draws

    def searched(self, model: str) -> list[str]:
        """Return the fitted parameters of a candidate model that are not fixed."""
        return [key for key in self.fitted[model] if key not in self.settings.held]

    def values(self, draw: pd.Series) -> dict[str, float]:
        """Return the uncertain parameters of a draw."""
        return {key: float(draw[key]) for key in self.priors}

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

    def simulate(self, model: str, scores: Mapping[str, float]) -> dict[str, Any]:
        """Simulate the survey of a particle.

        Returns
        -------
        dict
            `off`, the deviations of the summaries, and `statistics`, all statistics, as arrays.
        """
        simulated = simulation.statistics([self.particle(model, scores)])
        return {
            "off": self.deviations(simulated).to_numpy()[0],
            "statistics": simulated[list(self.statistics)].to_numpy(float)[0],
        }


class Posting(Stage):
    """Posting, by recovery mechanism, fitted to the advertisements that the survey counted."""

    statistics, summaries = survey_statistics.STATISTICS, discrepancy.SUMMARIES
    columns = survey_statistics.describe_columns() | {
        "weight": ("share", "weight of the draw among those of its structure"),
        "generation": ("1", "generation of the search that the draw is from"),
    }
    fewest, candidates, fit_table = 50, 20, "structure_fit"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.structures = reference_table.structures(settings)
        self.fitted = {name: priors.FITTED.get(name, ()) for name in self.structures}
        self.priors = priors.uncertain()

    def check(self) -> None:
        """Raise `InputError` if the settings cannot be calibrated."""
        reference_table.check(self.settings)

    def key(self, facts: dict[str, Any]) -> str:
        """Return the key of the result."""
        return store.key(self.settings, facts)

    def deviations(self, values: pd.DataFrame) -> pd.DataFrame:
        """Return how far summaries are from the published ones, in half-widths."""
        return discrepancy.deviations(values)

    def run_settings(
        self, model: str, values: dict[str, float], seed: int, number: int = 0
    ) -> Settings:
        """Return the settings of a run; seed and number are not used."""
        return priors.with_values(self.settings, model, values)

    def predictions(
        self, model: str, draws: pd.DataFrame
    ) -> tuple[list[tuple[Settings, int]], list[int]]:
        """Return settings and seed of each posterior prediction, and the row of its draw."""
        weights, seed = draws["weight"].to_numpy(), self.settings.seed
        rows = [posterior.pick(weights, seed, Purpose.DRAW, run) for run in range(PREDICTED)]
        jobs = [
            (
                self.run_settings(model, self.values(draws.iloc[row]), seed),
                simulation.run_seed(seed, run),
            )
            for run, row in enumerate(rows)
        ]
        return jobs, rows

    def complete(
        self, model: str, draws: pd.DataFrame, kept: pd.DataFrame, threads: int
    ) -> pd.DataFrame:
        """Return draws with structure, seed, generation, and statistics of a survey of each."""
        place, seed = priors.STRUCTURES.index(model), self.settings.seed
        seeds = [rng.new_seed(seed, Purpose.PARTICLE, row, place) for row in range(len(draws))]
        draws.insert(0, "structure", model)
        draws.insert(2, "seed", seeds)
        draws.insert(3, "generation", kept["generation"])
        jobs = [
            (self.run_settings(model, self.values(draw), seed), int(draw["seed"]))
            for _, draw in draws.iterrows()
        ]
        return draws.join(simulation.statistics(jobs, threads))


class Trade(Stage):
    """Trade, given the posterior of posting, fitted to prices and the mix of products."""

    statistics, summaries = trade_statistics.STATISTICS, trade_statistics.SUMMARIES
    columns = trade_statistics.describe_columns() | {"weight": ("share", "weight of the draw")}
    fewest, candidates, fit_table = 1, 1, "market_fit"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.structures = []
        self.fitted = {"market": priors.FITTED_TRADE}
        self.priors = priors.uncertain_trade()

    def check(self) -> None:
        """Raise `InputError` if the settings cannot be calibrated."""
        settings = self.settings
        check(settings)
        if settings.market != WHOLE:
            raise InputError("market", settings.market, f"{WHOLE}: prices need trade")
        if settings.posterior not in (posterior.NAMES[-1], posterior.PRIOR):
            allowed = f"{posterior.NAMES[-1]}, from which the posting side is drawn"
            raise InputError("posterior", settings.posterior, allowed)
        posterior.check(replace(settings, market=POSTS))  # the posterior of trade is not read
        if not self.searched("market"):
            allowed = f"not all of {', '.join(priors.FITTED_TRADE)}, which are searched for"
            raise InputError("held", settings.held, allowed)
        timeline.compile_levers(settings)

    def key(self, facts: dict[str, Any]) -> str:
        """Return the key of the result, which does not depend on the shipped posterior of trade."""
        return store.key(replace(self.settings, market=POSTS), facts | {"fitted": "market"})

    def deviations(self, values: pd.DataFrame) -> pd.DataFrame:
        """Return how far summaries are from the published ones, in half-widths."""
        return trade_statistics.deviations(values)

    def run_settings(
        self, model: str, values: dict[str, float], seed: int, number: int = 0
    ) -> Settings:
        """Return the settings of a run with a draw from the posterior of posting."""
        settings = replace(self.settings, seed=seed)
        posting = posterior.draw(replace(settings, market=POSTS), number)
        return priors.with_values(settings, posting.structure, posting.values | values)

    def predictions(
        self, model: str, draws: pd.DataFrame
    ) -> tuple[list[tuple[Settings, int]], list[int]]:
        """Return what a study with these draws of trade simulates, and the number of each draw."""
        weights, seed = draws["weight"].to_numpy(), self.settings.seed
        numbers = [run // posterior.RUNS_PER_DRAW for run in range(PREDICTED)]
        rows = [posterior.pick(weights, seed, Purpose.TRADE_DRAW, number) for number in numbers]
        jobs = [
            (
                self.run_settings(model, self.values(draws.iloc[row]), seed, number),
                simulation.run_seed(seed, run),
            )
            for run, (number, row) in enumerate(zip(numbers, rows, strict=True))
        ]
        return jobs, numbers
