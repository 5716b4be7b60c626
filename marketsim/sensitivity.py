"""Which uncertain parameters matter: to the market, and to what a scenario does to it.

Morris walks screen every uncertain parameter; Sobol indices are then estimated of those that matter
most, the others resting at the middle of their priors. Every point is simulated with the same luck,
so that what differs between points is parameters. The structure of recovery is held.
"""

import copy
import datetime as dt
import importlib.metadata
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from marketsim import (
    calendar,
    evidence,
    outcomes,
    posterior,
    presets,
    priors,
    results,
    sensitivity_outcomes,
    sensitivity_sums,
    storage,
    study,
)
from marketsim.arms import first_changed
from marketsim.errors import InputError
from marketsim.sensitivity_outcomes import EFFECT, OUTCOMES, effect
from marketsim.settings import POSTS, WHOLE, Scenario, Sensitivity, Settings, check

BATCH = 10  # points kept together: a kill loses at most so many
STAGES = ("morris", "sobol")
MIDDLE = 0.5  # share of its prior below a parameter that is not among those kept
Table = pd.DataFrame


@dataclass(frozen=True)
class Arms:
    """The baseline, the scenario where it is another one, and the first day that counts."""

    baseline: Settings
    scenario: Settings | None
    first: int

    @property
    def outcomes(self) -> list[str]:
        """What parameters matter to: outcomes of the baseline, then effects of the scenario."""
        effects = [EFFECT + name for name in OUTCOMES] if self.scenario else []
        return [*OUTCOMES, *effects]


def arms(settings: Settings, asked: Sensitivity) -> Arms:
    """Return what is simulated at every point, or refuse what cannot be.

    Raises
    ------
    InputError
        For settings outside their ranges, anything but the prior and a chosen structure, a market
        without trade, nothing uncertain, or a number of samples that is no power of two.
    """
    if settings.market == POSTS:
        raise InputError("market", POSTS, f"{WHOLE}: trade is among what is asked about")
    if settings.posterior != posterior.PRIOR:
        raise InputError("posterior", settings.posterior, "prior, which the points go over")
    if settings.recovery.name == posterior.MIXTURE:
        allowed = f"one structure, which is held: {', '.join(priors.STRUCTURES)}"
        raise InputError("recovery", posterior.MIXTURE, allowed)
    if asked.samples & (asked.samples - 1):
        raise InputError("samples", asked.samples, "a power of two: 32, 64, 128 and so on")
    try:
        chosen = Scenario(**copy.deepcopy(presets.choice("scenario", asked.baseline)))
    except InputError as fault:
        raise InputError("baseline", asked.baseline, fault.allowed) from None
    base, other = replace(settings, scenario=chosen), copy.deepcopy(settings)
    same = base.scenario == other.scenario
    last = max(calendar.horizon(one)[1] for one in (base, other))
    for one in (base, other):
        one.scenario.until = str(last)
        check(one)
        posterior.check(one)
        calendar.compile_levers(one)
    if not parameters(settings):
        raise InputError("held", settings.held, "at most all but one of the uncertain parameters")
    start = first_changed([base, other])
    first = (start - calendar.horizon(base)[0]).days
    return Arms(base, None if same else other, first)


def parameters(settings: Settings) -> list[str]:
    """Return the names of the parameters that are uncertain and not held."""
    return [name for name in priors.everything() if name not in settings.held]


def study_parameters(
    settings: Settings,
    asked: Sensitivity,
    folder: Path,
    threads: int = 1,
    progress: bool = False,
) -> Path:
    """Ask which parameters matter, or take the complete result where it is there.

    Parameters
    ----------
    settings : Settings
        The scenario whose effects are asked about, with `posterior` ``prior``.
    asked : Sensitivity
        The baseline, and how many points.
    folder : Path
        The result rests in a folder below it named by its key.
    threads : int
        Runs lived at the same time; their number changes no bit.
    progress : bool
        Show a bar on the error stream.

    Returns
    -------
    Path
        The folder, with morris.csv, screening.csv, sobol.csv, outcomes.csv, simulations.parquet,
        figures and manifest.json.

    Raises
    ------
    InputError
        For anything that cannot be, before any run.
    """
    try:
        version = importlib.metadata.version("SALib")
    except importlib.metadata.PackageNotFoundError:
        allowed = "installed: it comes with the extra sensitivity of marketsim"
        raise InputError("SALib", "missing", allowed) from None
    of = arms(settings, asked)
    more = {"sensitivity": vars(asked), "baseline": vars(of.baseline.scenario), "SALib": version}
    final = folder / results.key(settings, more)
    facts: dict[str, Any] = {"sensitivity": vars(asked), "structure_held": settings.recovery.name}
    with results.fill(settings, final, threads, facts) as partial:
        if partial is not None:
            facts |= _fill(partial, of, asked, threads, progress)
    return final


def _fill(
    folder: Path, of: Arms, asked: Sensitivity, threads: int, progress: bool
) -> dict[str, Any]:
    """Simulate both designs, write the tables and the figures, and return facts about them."""
    from tqdm import tqdm

    from marketsim import sensitivity_plots

    names, seed = parameters(of.baseline), of.baseline.seed
    several = min(asked.kept, len(names))
    points = asked.trajectories * (len(names) + 1) + asked.samples * (several + 2)
    with tqdm(total=points * asked.runs_each, unit="run", disable=not progress) as bar:
        how = (of, asked.runs_each, folder / "batches", threads, bar.update)
        walks = sensitivity_sums.morris_shares(names, asked.trajectories, seed)
        rows = _live(STAGES[0], values(names, names, walks), *how)
        morris = sensitivity_sums.morris(
            names, walks, sensitivity_outcomes.point_means(rows, of.outcomes), seed
        )
        spread = sensitivity_outcomes.spread(of.outcomes, STAGES[0], rows, len(names) + 1)
        screening = sensitivity_sums.screening(morris, spread, several)
        kept = screening["parameter"][screening["kept"]].tolist()
        samples = sensitivity_sums.sobol_shares(kept, asked.samples, seed)
        more_rows = _live(STAGES[1], values(names, kept, samples), *how)
    sobol = sensitivity_sums.sobol(
        kept, sensitivity_outcomes.point_means(more_rows, of.outcomes), seed
    )
    more_spread = sensitivity_outcomes.spread(of.outcomes, STAGES[1], more_rows, several + 2)
    tables = {
        "morris": morris,
        "screening": screening,
        "sobol": sobol,
        "outcomes": pd.concat([spread, more_spread], ignore_index=True),
    }
    storage.write_csv(folder, tables)
    all_rows = pd.concat([rows, more_rows], ignore_index=True)
    storage.write_parquet(
        all_rows, folder / "simulations.parquet", sensitivity_outcomes.described(of.outcomes)
    )
    sensitivity_plots.draw(folder / "figures", tables)
    shutil.rmtree(folder / "batches")
    simulated = len(all_rows) * (1 if of.scenario is None else 2)
    first_day = calendar.horizon(of.baseline)[0] + dt.timedelta(of.first)
    return {"kept": kept, "simulated_runs": simulated, "first_day": str(first_day)}


def values(names: Sequence[str], varied: Sequence[str], shares: np.ndarray) -> Table:
    """Return points in natural units, by the priors; what is not varied is at its middle.

    Parameters
    ----------
    names : sequence of str
        Columns of the table.
    varied : sequence of str
        Which of them the shares are of.
    shares : ndarray of float64, shape (points, varied)
        Of the priors.
    """
    column = dict(zip(varied, np.asarray(shares).T, strict=True))
    middle = np.full(len(shares), MIDDLE)
    known = priors.everything()
    return Table({name: priors.values(known[name], column.get(name, middle)) for name in names})


def _live(
    stage: str,
    points: Table,
    of: Arms,
    runs_each: int,
    folder: Path,
    threads: int,
    done: Callable[[int], object],
) -> Table:
    """Simulate the points of a design in batches, each of which is kept."""
    folder.mkdir(exist_ok=True)
    parts = []
    for start in range(0, len(points), BATCH):
        some = points.iloc[start : start + BATCH]
        place = STAGES.index(stage) * 10**7 + start
        part = storage.read_batch(folder, place)
        if part is None:
            part = {"runs": _batch(stage, some, of, runs_each, threads, lambda: done(1))}
            described = sensitivity_outcomes.described(of.outcomes)
            part = storage.write_batch(folder, place, part, described)
        else:
            done(len(part["runs"]))
        parts.append(part["runs"])
    return pd.concat(parts, ignore_index=True)


def _batch(
    stage: str, some: Table, of: Arms, runs_each: int, threads: int, done: Callable[[], object]
) -> Table:
    """Return one row for each point and run: what was simulated, and what came out."""

    def one(job: tuple[dict[str, Any], int]) -> dict[str, float]:
        found = lived(of, *job)
        done()
        return found

    points = {int(str(number)): row for number, row in some.to_dict("index").items()}
    jobs = [(number, run) for number in points for run in range(runs_each)]
    found = study.on_threads(one, [(points[number], run) for number, run in jobs], threads)
    rows = [
        {"stage": stage, "point": np.int32(number), "run": np.int32(run)} | points[number] | mine
        for (number, run), mine in zip(jobs, found, strict=True)
    ]
    return Table(rows)


def lived(of: Arms, values: dict[str, Any], run: int) -> dict[str, float]:
    """Return the outcomes of the baseline, and the effects of the scenario, of one run at a point.

    Parameters
    ----------
    of : Arms
        What is simulated.
    values : dict of str to float
        Parameters by their dotted names.
    run : int
        Which luck: the same at all points.
    """
    base = _outcomes(of.baseline, values, run, of.first)
    if of.scenario is None:
        return base
    other = _outcomes(of.scenario, values, run, of.first)
    return base | {EFFECT + name: effect(name, base[name], other[name]) for name in OUTCOMES}


def _outcomes(settings: Settings, values: dict[str, Any], run: int, first: int) -> dict[str, float]:
    mine = priors.put(settings, settings.recovery.name, values)
    series, tallies, _ = study.simulate(mine, study.run_seed(settings.seed, run))
    elephant = evidence.inputs()["elephants_ivory"].value
    assert elephant is not None
    retailers = mine.population.retailers
    found = outcomes.of_run(series, tallies, first, retailers, elephant * 1000.0)
    return {name: float(found[name]) for name in OUTCOMES}
