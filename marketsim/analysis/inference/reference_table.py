"""Reference table: simulations from the prior, shared by the studies of the calibration.

Row `number` is a function of the settings, their seed and the number alone, so that a longer table
extends a shorter one.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from marketsim.errors import InputError
from marketsim.model.scenario import timeline
from marketsim.numerics.jit import source_fingerprint
from marketsim.parameters import posterior, priors
from marketsim.parameters.settings import POSTING_ONLY, Settings, value_of
from marketsim.simulation import files, run, store
from marketsim.simulation.progress import bar as progress_bar
from marketsim.survey import statistics

NUMBER = {"number": ("1", "number of the simulation: with the seed, all it depends on")}
BATCH = 500  # rows stored together: the most that a killed process loses
# source files that a simulated survey depends on; other changes leave the table valid
SOURCES = (
    *("numerics/*.py", "parameters/*.py", "model/**/*.py", "survey/*.py"),
    *("simulation/run.py", "simulation/tables.py", "analysis/inference/reference_table.py"),
)


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
    """Return settings and seed of a row; structures alternate."""
    names = structures(settings)
    values = priors.sample(priors.uncertain(), settings.seed, number)
    sampled = priors.with_values(settings, names[number % len(names)], values)
    return sampled, run.run_seed(settings.seed, number)


def table(
    settings: Settings, folder: Path, simulations: int, threads: int = 1, progress: bool = False
) -> pd.DataFrame:
    """Return the first rows of the table; stored rows are read, not simulated.

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
        the statistics of the survey.

    Raises
    ------
    InputError
        For invalid settings (see `check`), or a folder that cannot be written to.
    """
    check(settings)
    batches = []
    key = store.key(settings, source=source_fingerprint(SOURCES))
    with (
        store.locked_folder(folder / key) as stored,
        progress_bar(simulations, "survey", progress) as bar,
    ):
        for start in range(0, simulations, BATCH):
            batch = files.read_batch(stored, start)
            if batch is None:
                batch = {"rows": _simulate_batch(settings, start, threads, bar.update)}
                columns = statistics.describe_columns() | NUMBER
                batch = files.write_batch(stored, start, batch, columns)
            else:
                bar.update(BATCH)
            batches.append(batch["rows"])
    return pd.concat(batches, ignore_index=True).iloc[:simulations]


def _simulate_batch(settings: Settings, start: int, threads: int, done: Any) -> pd.DataFrame:
    numbers = range(start, start + BATCH)
    jobs = [sample_row(settings, number) for number in numbers]
    values = {key: [value_of(of_row, key) for of_row, _ in jobs] for key in priors.uncertain()}
    names = [of_row.recovery.name for of_row, _ in jobs]
    parameters = pd.DataFrame({"number": numbers, "structure": names, **values})
    return parameters.join(run.statistics(jobs, threads, done))
