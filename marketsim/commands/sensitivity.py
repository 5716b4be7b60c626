"""Study which uncertain parameters matter."""

import datetime as dt
import importlib.metadata
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim.analysis.sensitivity import experiment, indices
from marketsim.analysis.sensitivity.experiment import STAGES, Arms, _live, arms, parameters, values
from marketsim.commands.options import SensitivityCommand, _part
from marketsim.errors import InputError
from marketsim.model.scenario import timeline
from marketsim.parameters.settings import Sensitivity, Settings
from marketsim.simulation import files, store


def run(command: SensitivityCommand) -> Path:
    """Study which uncertain parameters matter; return the folder."""
    asked = _part(command, Sensitivity)
    return study_parameters(command.settings(), asked, *command.how())


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
    final = folder / store.key(settings, more)
    facts: dict[str, Any] = {"sensitivity": vars(asked), "structure_held": settings.recovery.name}
    with store.open_result(settings, final, threads, facts) as partial:
        if partial is not None:
            facts |= _fill(partial, of, asked, threads, progress)
    return final


def _fill(
    folder: Path, of: Arms, asked: Sensitivity, threads: int, progress: bool
) -> dict[str, Any]:
    """Simulate both designs, write the tables and the figures, and return facts about them."""
    from tqdm import tqdm

    from marketsim.reporting.figures import sensitivity as sensitivity_figures

    names, seed = parameters(of.baseline), of.baseline.seed
    several = min(asked.kept, len(names))
    points = asked.trajectories * (len(names) + 1) + asked.samples * (several + 2)
    with tqdm(total=points * asked.runs_each, unit="run", disable=not progress) as bar:
        how = (of, asked.runs_each, folder / "batches", threads, bar.update)
        walks = indices.morris_shares(names, asked.trajectories, seed)
        rows = _live(STAGES[0], values(names, names, walks), *how)
        morris = indices.morris(names, walks, experiment.point_means(rows, of.outcomes), seed)
        spread = experiment.spread(of.outcomes, STAGES[0], rows, len(names) + 1)
        screening = indices.screening(morris, spread, several)
        kept = screening["parameter"][screening["kept"]].tolist()
        samples = indices.sobol_shares(kept, asked.samples, seed)
        more_rows = _live(STAGES[1], values(names, kept, samples), *how)
    sobol = indices.sobol(kept, experiment.point_means(more_rows, of.outcomes), seed)
    more_spread = experiment.spread(of.outcomes, STAGES[1], more_rows, several + 2)
    tables = {
        "morris": morris,
        "screening": screening,
        "sobol": sobol,
        "outcomes": pd.concat([spread, more_spread], ignore_index=True),
    }
    files.write_csv(folder, tables)
    all_rows = pd.concat([rows, more_rows], ignore_index=True)
    files.write_parquet(
        all_rows, folder / "simulations.parquet", experiment.described_columns(of.outcomes)
    )
    sensitivity_figures.draw(folder / "figures", tables)
    shutil.rmtree(folder / "batches")
    simulated = len(all_rows) * (1 if of.scenario is None else 2)
    first_day = timeline.horizon(of.baseline)[0] + dt.timedelta(of.first)
    return {"kept": kept, "simulated_runs": simulated, "first_day": str(first_day)}
