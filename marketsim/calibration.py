"""Calibration to the survey of 2015: approximate Bayesian computation by sequential Monte Carlo.

pyABC (Schälte et al. 2022) compares simulated surveys with the published one, structure by
structure, after Toni & Stumpf (2010). What it searches is the fitted parameters, each as a normal
score of its prior (0 is the prior's middle), since in a box of eight sides nearly all volume lies
in corners, where proposals are poor. The carried ones are drawn anew from their priors for every
simulation. Each simulation is keyed by a seed made of its own scores, so that any particle can be
run again.
"""

import contextlib
import hashlib
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
    adjustment,
    calibration_plots,
    metrics,
    misfit,
    posterior,
    priors,
    records,
    results,
    rng,
    simulations,
    study,
)
from marketsim.errors import InputError
from marketsim.rng import Purpose
from marketsim.settings import Calibration, Settings, check_ranges, given

SAMPLERS = ("multicore", "single", "dask")
DATABASE = "pyabc.db"
SCALING = (
    2.0  # of the proposals' covariance: at 1 a generation kept 4 to 8 % of its weight, at 2 43 %
)
QUANTILE = 0.4  # of the distances of a generation: the tolerance of the next
FEWEST = 50  # particles of a structure that carry a regression on the summaries
PREDICTED = 200  # surveys simulated afresh for each structure
CANDIDATES, TRIALS = 20, 100  # draws tried as the calibrated point, and surveys of each
COLUMNS = {
    "weight": ("share", "weight of the draw among those of its structure"),
    "generation": ("1", "generation of the search that the draw is from"),
}


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
        seen = study.statistics([particle(self.settings, self.name, dict(scores))])
        off = misfit.deviations(seen)
        return {"off": off.to_numpy()[0], "statistics": seen.to_numpy(float)[0]}


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
    least = FEWEST * len(simulations.structures(settings))
    if calibration.particles < least:
        allowed = f"{least} or more, {FEWEST} for each structure"
        raise InputError("calibration.particles", calibration.particles, allowed)
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
        point.csv and manifest.json.

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
            history = search(settings, calibration, partial / DATABASE, threads, progress)
            _write(settings, history, partial, threads)
            facts["simulations"] = int(history.total_nr_simulations)
    return final


def search(
    settings: Settings, calibration: Calibration, database: Path, threads: int, progress: bool
) -> Any:
    """Run pyABC from the start or from the last whole generation, and return its history."""
    import pyabc

    logging.getLogger("ABC").setLevel(logging.INFO if progress else logging.WARNING)
    names = simulations.structures(settings)
    Structure(settings, names[0])({})  # compiled here, once, before there are workers
    parent = os.getpid() if calibration.sampler == "multicore" else None
    with _sampler(calibration, threads) as sampler:
        abc = pyabc.ABCSMC(
            models=[pyabc.FunctionModel(Structure(settings, n, parent), n) for n in names],
            parameter_priors=[_prior(settings, name) for name in names],
            distance_function=off_by,
            population_size=calibration.particles,
            eps=pyabc.QuantileEpsilon(alpha=QUANTILE),
            transitions=[pyabc.MultivariateNormalTransition(scaling=SCALING) for _ in names],
            sampler=sampler,
        )
        address = f"sqlite:///{database.resolve()}"
        if _begun(database):
            abc.load(address)
        else:
            database.unlink(missing_ok=True)
            abc.new(address, {"off": np.zeros(len(misfit.SUMMARIES))})
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


def _prior(settings: Settings, structure: str) -> Any:
    """Return the prior of what is fitted in a structure: scores are standard normal."""
    import pyabc

    fitted = [key for key in priors.FITTED[structure] if key not in settings.held]
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


def _write(settings: Settings, history: Any, folder: Path, threads: int) -> None:
    """Write what the search found, as tables."""
    names = simulations.structures(settings)
    generations = _generations(history, names)
    found = _particles(settings, history, names)
    drawn = pd.concat(
        [_draws(settings, name, particles, threads) for name, particles in found.items()],
        ignore_index=True,
    )
    probable = _probabilities(history, generations, drawn, names)
    records.write_parquet(drawn, folder / "posterior.parquet", metrics.described() | COLUMNS)
    fits = [_fit(settings, drawn, name, threads) for name in names]
    best = str(probable["structure"].iloc[int(probable["probability"].to_numpy().argmax())])
    tables = {
        "generations": generations,
        "structures": probable,
        "structure_fit": pd.concat(fits),
        "point": _point(settings, drawn[drawn["structure"] == best], threads),
    }
    records.write_csv(folder, tables)
    calibration_plots.draw_calibration(folder / "figures", tables | {"posterior": drawn})


def _generations(history: Any, names: list[str]) -> pd.DataFrame:
    """Return for each generation its tolerance, simulations and structures' probabilities."""
    table = history.get_all_populations()
    table = table[table["t"] >= 0].rename(columns={"t": "generation", "samples": "simulations"})
    chances = history.get_model_probabilities().reindex(columns=range(len(names)), fill_value=0.0)
    chances.columns = pd.Index(names)
    out = table[["generation", "epsilon", "simulations", "particles"]].set_index("generation")
    return out.join(chances.fillna(0.0)).reset_index()


def _particles(settings: Settings, history: Any, names: list[str]) -> dict[str, pd.DataFrame]:
    """Return the particles of each structure from its last generation with enough of them.

    Columns weight, distance, generation, every uncertain parameter and every statistic.
    """
    found: dict[str, pd.DataFrame] = {}
    for t in range(history.max_t, -1, -1):
        particles = history.get_population(t=t).particles
        for m, name in enumerate(names):
            here = [one for one in particles if one.m == m]
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
    row |= {key: given(mine, key) for key in priors.uncertain()}
    return row | dict(zip(metrics.STATISTICS, one.sum_stat["statistics"], strict=True))


def _draws(settings: Settings, name: str, found: pd.DataFrame, threads: int) -> pd.DataFrame:
    """Return the posterior of a structure: its particles, adjusted to the published survey.

    A particle was accepted for a survey some way off the published one, so it leans to the prior;
    the regression takes the lean out. Each draw then gets a seed and the statistics of a survey
    simulated with it.
    """
    distance = found["distance"].to_numpy()
    weight = found["weight"].to_numpy() * adjustment.kernel(distance, distance.max())
    weight /= weight.sum()
    off = misfit.deviations(found).to_numpy()
    keys = [key for key in priors.uncertain() if key not in settings.held]
    drawn = adjustment.adjust(found[keys], off, weight, priors.uncertain())
    for key in settings.held:
        drawn[key] = given(settings, key)
    drawn = drawn[list(priors.uncertain())]
    drawn.insert(0, "structure", name)
    drawn.insert(1, "weight", weight)
    place = priors.STRUCTURES.index(name)
    numbers = range(len(drawn))
    seeds = [rng.new_seed(settings.seed, Purpose.PARTICLE, number, place) for number in numbers]
    drawn.insert(2, "seed", seeds)
    drawn.insert(3, "generation", found["generation"])
    jobs = [(_settings(settings, row), int(row["seed"])) for _, row in drawn.iterrows()]
    return drawn.join(study.statistics(jobs, threads))


def _probabilities(
    history: Any, generations: pd.DataFrame, drawn: pd.DataFrame, names: list[str]
) -> pd.DataFrame:
    """Return the structures' probabilities with the error of a sample of that effective size."""
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


def _fit(settings: Settings, drawn: pd.DataFrame, name: str, threads: int) -> pd.DataFrame:
    """Return how surveys simulated afresh from the draws of one structure fit the evidence."""
    mine, seed = drawn[drawn["structure"] == name], settings.seed
    weights, runs = mine["weight"].to_numpy(), range(PREDICTED)
    chosen = [posterior.pick(weights, seed, Purpose.DRAW, run) for run in runs]
    jobs = [
        (_settings(settings, mine.iloc[row]), study.run_seed(seed, run))
        for run, row in zip(runs, chosen, strict=True)
    ]
    seen = study.statistics(jobs, threads)
    return metrics.fit(seen, pd.Series(chosen)).assign(structure=name)


def _settings(settings: Settings, row: pd.Series) -> Settings:
    values = {key: float(row[key]) for key in priors.uncertain()}
    return priors.put(settings, str(row["structure"]), values)


def _point(settings: Settings, drawn: pd.DataFrame, threads: int) -> pd.DataFrame:
    """Return, of the draws nearest to the mean of the fitted, the one whose surveys fit best."""
    fitted = priors.FITTED[str(drawn["structure"].iloc[0])]
    keys = [key for key in fitted if key not in settings.held]
    shares = adjustment.prior_shares(drawn[keys], priors.uncertain()).to_numpy()
    mean = drawn["weight"].to_numpy() @ shares
    spread = np.sqrt(drawn["weight"].to_numpy() @ (shares - mean) ** 2)
    nearest = np.argsort((((shares - mean) / spread) ** 2).sum(axis=1), kind="stable")[:CANDIDATES]
    seeds = [study.run_seed(settings.seed, run) for run in range(TRIALS)]
    off = []
    for _, row in drawn.iloc[nearest].iterrows():
        seen = study.statistics([(_settings(settings, row), seed) for seed in seeds], threads)
        middle = seen.median().to_frame().T
        off.append(misfit.distance(misfit.deviations(middle))[0])
    best = drawn.iloc[nearest[int(np.argmin(off))]]
    names = ["structure", *priors.uncertain()]
    return pd.DataFrame({"key": names, "value": [str(best[name]) for name in names]})
