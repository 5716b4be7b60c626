"""Validation: predictions of the default study beside every row of the evidence."""

from pathlib import Path

import pandas as pd

from marketsim.analysis.inference.predictive_check import predictive, variation
from marketsim.commands import compose, output
from marketsim.commands import run as run_command
from marketsim.commands.compile import ready
from marketsim.commands.options import Command
from marketsim.parameters import panel, posterior, presets
from marketsim.parameters.settings import AGAIN, Settings
from marketsim.reporting.figures import registry
from marketsim.reporting.pages import validation as validation_page
from marketsim.simulation import files, store, summary

AGAIN_TABLE = "predictive_again.csv"


def main(arguments: list[str]) -> None:
    """Compare predictions with every survey statistic and print them."""
    command = compose.command(arguments, "validate", Command)
    if command is not None:
        folder = run(command)
        output.print_fit(folder, "predictive.csv")
        output.print_fit(folder, AGAIN_TABLE)


def run(command: Command) -> Path:
    """Validate the model; return the folder."""
    return validate(command.settings(), *ready(command))


def again_settings(replicates: int) -> Settings:
    """Return the settings of the study that predicts this panel again, of at most so many runs."""
    settings = presets.named(population="survey")
    settings.panel = AGAIN
    settings.replicates = min(replicates, len(posterior.pairs()))
    return settings


def validate(settings: Settings, folder: Path, threads: int, progress: bool) -> Path:
    """Compare every row of the evidence with its prediction.

    Parameters
    ----------
    settings : Settings
        Of the study that predicts a new panel: those of the default command, with more replicates.
    folder : Path
        The result is stored in a folder below it named by its key.
    threads : int
        Parallel runs; does not affect results.
    progress : bool
        Show bars on the error stream.

    Returns
    -------
    Path
        The folder with predictive.csv (a new panel), predictive_again.csv (this panel again),
        replicates.csv, figures, report.html and manifest.json.

    Raises
    ------
    InputError
        For invalid settings, or those of this panel again.
    """
    panel.check_new(settings, "validate predicts both panels")
    run_command.result_folder(settings, folder / "runs")
    again = again_settings(settings.replicates)
    more = {"pairs_used": again.replicates, "pairs_key": store.key(again)}
    final = folder / store.key(settings, more)
    facts = more | panel.facts_of_pairs() | panel.facts(settings)
    with store.open_result(settings, final, threads, facts) as partial:
        if partial is not None:
            how = (folder / "runs", threads, progress)
            simulated, draws = _simulated(settings, *how)
            of_pairs, draws_of_pairs = _simulated(again, *how)
            found = {
                "predictive": predictive(simulated, draws),
                "predictive_again": predictive(of_pairs, draws_of_pairs),
                "replicates": variation(simulated),
            }
            files.write_csv(partial, found)
            registry.save(partial / "figures", "validation", found)
            validation_page.write(partial, settings, found)
    return final


def _simulated(
    settings: Settings, folder: Path, threads: int, progress: bool
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the statistics of the runs of a study, and the draw of each."""
    result = run_command.run_study(settings, folder, threads, progress=progress)
    runs = files.read_parquet(result.folder / "runs.parquet").set_index("run")
    stored = {
        name: files.read_parquet(result.folder / f"{name}.parquet") for name in ("survey", "prices")
    }
    return summary.run_statistics(settings, stored, runs), runs["draw"]
