"""Sensitivity analysis: which uncertain parameters matter."""

import datetime as dt
import importlib.metadata
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim.analysis.sensitivity import experiment, indices
from marketsim.analysis.sensitivity.experiment import (
    STAGES,
    Arms,
    arms,
    parameters,
    simulate_points,
    values,
)
from marketsim.commands import compose, output
from marketsim.commands.compile import ready
from marketsim.commands.options import SensitivityCommand
from marketsim.errors import require_package
from marketsim.model.scenario import timeline
from marketsim.parameters.settings import Sensitivity, Settings
from marketsim.simulation import files, store
from marketsim.simulation.progress import bar as progress_bar


def main(arguments: list[str]) -> None:
    """Rank uncertain parameters by their influence and print the Sobol indices."""
    command = compose.command(arguments, "sensitivity", SensitivityCommand)
    if command is not None:
        output.print_result(run(command), "sobol.csv")


def run(command: SensitivityCommand) -> Path:
    """Analyse sensitivity; return the folder."""
    require_package("sensitivity", "SALib")
    return analyse(command.settings(), command.part(Sensitivity), *ready(command))


def analyse(
    settings: Settings,
    options: Sensitivity,
    folder: Path,
    threads: int = 1,
    progress: bool = False,
) -> Path:
    """Estimate which parameters matter, or load the complete result.

    Parameters
    ----------
    settings : Settings
        The scenario whose effects are analysed, with `posterior` ``prior``.
    options : Sensitivity
        The baseline, and how many points.
    folder : Path
        The result is stored in a folder below it named by its key.
    threads : int
        Parallel runs; does not affect results.
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
        For invalid input, before any run.
    """
    compared = arms(settings, options)
    more = {
        "sensitivity": vars(options),
        "baseline": vars(compared.baseline.scenario),
        "SALib": importlib.metadata.version("SALib"),
    }
    final = folder / store.key(settings, more)
    facts: dict[str, Any] = {"sensitivity": vars(options), "structure_held": settings.recovery.name}
    with store.open_result(settings, final, threads, facts) as partial:
        if partial is not None:
            facts |= _write(partial, compared, options, threads, progress)
    return final


def _write(
    folder: Path, compared: Arms, options: Sensitivity, threads: int, progress: bool
) -> dict[str, Any]:
    """Simulate both designs, write the tables and the figures, and return facts about them."""
    from marketsim.reporting.figures import registry

    names, seed = parameters(compared.baseline), compared.baseline.seed
    selected = min(options.kept, len(names))
    points = options.trajectories * (len(names) + 1) + options.samples * (selected + 2)
    with progress_bar(points * options.runs_each, "run", progress) as bar:
        how = (compared, options.runs_each, folder / "batches", threads, bar.update)
        trajectories = indices.morris_shares(names, options.trajectories, seed)
        rows = simulate_points(STAGES[0], values(names, names, trajectories), *how)
        morris = indices.morris(
            names, trajectories, experiment.point_means(rows, compared.outcomes), seed
        )
        spread = experiment.outcome_spread(compared.outcomes, STAGES[0], rows, len(names) + 1)
        screening = indices.screening(morris, spread, selected)
        kept = screening["parameter"][screening["kept"]].tolist()
        samples = indices.sobol_shares(kept, options.samples, seed)
        more_rows = simulate_points(STAGES[1], values(names, kept, samples), *how)
    sobol = indices.sobol(kept, experiment.point_means(more_rows, compared.outcomes), seed)
    more_spread = experiment.outcome_spread(compared.outcomes, STAGES[1], more_rows, selected + 2)
    tables = {
        "morris": morris,
        "screening": screening,
        "sobol": sobol,
        "outcomes": pd.concat([spread, more_spread], ignore_index=True),
    }
    files.write_csv(folder, tables)
    all_rows = pd.concat([rows, more_rows], ignore_index=True)
    files.write_parquet(
        all_rows, folder / "simulations.parquet", experiment.describe_columns(compared.outcomes)
    )
    for kind in ("sensitivity", *(["sensitivity_effects"] if compared.scenario else [])):
        registry.save(folder / "figures", kind, tables)
    shutil.rmtree(folder / "batches")
    simulated = len(all_rows) * (1 if compared.scenario is None else 2)
    first_day = timeline.horizon(compared.baseline)[0] + dt.timedelta(compared.first)
    return {"kept": kept, "simulated_runs": simulated, "first_day": str(first_day)}
