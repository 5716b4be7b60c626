"""Simulated surveys of the panel market: with parameters from the prior, and from later rounds.

Row `number` of a table is a function of the settings, their seed, the round and the number (and of
the proposals of the round), so that a longer table extends a shorter one, and a search that was
cut off goes on.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from marketsim.analysis.inference import panel_surveys
from marketsim.errors import InputError
from marketsim.model.scenario import timeline
from marketsim.numerics import rng
from marketsim.numerics.jit import source_fingerprint
from marketsim.numerics.rng import Purpose
from marketsim.parameters import panel, posterior, priors
from marketsim.parameters.settings import POSTING_ONLY, Settings, value_of
from marketsim.simulation import files, store
from marketsim.simulation.progress import bar as progress_bar
from marketsim.survey import trade_statistics

COLUMNS = {
    "number": ("1", "number of the simulation in its round"),
    "seed": ("1", "seed of its run"),
}
BATCH = 2000  # rows stored together: the most that a killed process loses
# source files that a simulated survey depends on; other changes leave the table valid
SOURCES = (
    *("numerics/*.py", "parameters/*.py", "model/**/*.py", "survey/*.py", "simulation/run.py"),
    *("analysis/inference/panel_surveys.py", "analysis/inference/reference_table.py"),
)

Jobs = Callable[[int], tuple[Settings, int]]
Simulate = Callable[..., pd.DataFrame]


def structures(settings: Settings) -> list[str]:
    """Return the names of the structures that compete under these settings."""
    chosen = settings.recovery.name
    return list(priors.STRUCTURES) if chosen == posterior.MIXTURE else [chosen]


def check(settings: Settings) -> None:
    """Check the settings of a reference table.

    Raises
    ------
    InputError
        For settings outside their ranges, or another posterior than the prior.
    """
    if settings.posterior != posterior.PRIOR:
        raise InputError("posterior", settings.posterior, "prior, where calibration starts")
    if settings.market != POSTING_ONLY:
        raise InputError(
            "market", settings.market, f"{POSTING_ONLY}, which is all that is fitted here"
        )
    timeline.check_settings(settings)


def sample_row(settings: Settings, number: int) -> tuple[Settings, int]:
    """Return settings and seed of a row from the prior; structures alternate."""
    names = structures(settings)
    values = priors.sample(priors.uncertain(), settings.seed, number)
    sampled = priors.with_values(settings, names[number % len(names)], values)
    return sampled, panel.run_seed(settings.seed, number)


def table(
    settings: Settings,
    folder: Path,
    simulations: int,
    threads: int = 1,
    progress: bool = False,
) -> pd.DataFrame:
    """Return the first rows of the table of the prior; stored rows are read, not simulated.

    Parameters
    ----------
    settings : Settings
        What is simulated; `posterior` is ``prior``.
    folder : Path
        The table is stored in a folder below it named by its key.
    simulations : int
        Number of rows.
    threads : int
        Parallel surveys; does not affect results.
    progress : bool
        Show a bar on the error stream.

    Returns
    -------
    DataFrame
        One row a simulation: number, structure, every uncertain parameter by its dotted name and
        the columns of `panel_surveys.statistics`.

    Raises
    ------
    InputError
        For invalid settings (see `check`), or a folder that cannot be written to.
    """
    check(settings)
    key = store.key(settings, source=source_fingerprint(SOURCES))

    def jobs(number: int) -> tuple[Settings, int]:
        return sample_row(settings, number)

    simulate = panel_surveys.statistics
    return stored(folder / key, jobs, simulations, sys.maxsize, simulate, threads, progress)


def proposed(
    settings: Settings,
    folder: Path,
    proposals: pd.DataFrame,
    turn: int,
    threads: int = 1,
    progress: bool = False,
) -> pd.DataFrame:
    """Simulate a survey with each of the proposals of a round; stored rows are read.

    Parameters
    ----------
    settings, threads, progress
        As in `table`.
    folder : Path
        The table is stored here.
    proposals : DataFrame
        Columns structure and every uncertain parameter by its dotted name.
    turn : int
        Number of the round, from 1: its seeds are its own.

    Returns
    -------
    DataFrame
        As of `table`.
    """
    names = proposals["structure"].to_numpy()
    values = proposals[list(priors.uncertain())].to_numpy()

    def jobs(number: int) -> tuple[Settings, int]:
        of_row = dict(zip(priors.uncertain(), values[number].tolist(), strict=True))
        seed = rng.new_seed(settings.seed, Purpose.PARTICLE, number, turn)
        return priors.with_values(settings, str(names[number]), of_row), seed

    simulate = panel_surveys.statistics
    return stored(folder, jobs, len(proposals), len(proposals), simulate, threads, progress)


def stored(
    folder: Path,
    jobs: Jobs,
    simulations: int,
    last: int,
    simulate: Simulate,
    threads: int,
    progress: bool,
) -> pd.DataFrame:
    """Return the first rows of a table of `last` in all; those that are missing are simulated.

    Parameters
    ----------
    folder : Path
        Of the batches.
    jobs : callable
        From the number of a row to its settings and seed.
    simulations, last : int
        Rows asked for, and rows that the table can have.
    simulate : callable
        From jobs, threads, and what is called after each, to a table of statistics.
    threads, progress
        As in `table`.
    """
    batches = []
    with (
        store.locked_folder(folder) as held,
        progress_bar(simulations, "survey", progress) as bar,
    ):
        for start in range(0, simulations, BATCH):
            batch = files.read_batch(held, start)
            if batch is None:
                numbers = range(start, min(start + BATCH, last))
                made = [jobs(number) for number in numbers]
                rows = _parameters(made, numbers).join(simulate(made, threads, bar.update))
                batch = files.write_batch(held, start, {"rows": rows}, describe_columns())
            else:
                bar.update(BATCH)
            batches.append(batch["rows"])
    return pd.concat(batches, ignore_index=True).iloc[:simulations]


def _parameters(made: list[tuple[Settings, int]], numbers: range) -> pd.DataFrame:
    values = {key: [value_of(of_row, key) for of_row, _ in made] for key in priors.uncertain()}
    names, seeds = [of_row.recovery.name for of_row, _ in made], [seed for _, seed in made]
    return pd.DataFrame({"number": numbers, "structure": names, "seed": seeds, **values})


def describe_columns() -> dict[str, tuple[str, str]]:
    """Return unit and meaning of the columns of a table that are not parameters."""
    return panel_surveys.describe_columns() | trade_statistics.describe_columns() | COLUMNS
