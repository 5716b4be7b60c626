"""Validation: predictions of the default study beside every row of the evidence."""

from pathlib import Path

from marketsim.analysis.inference.predictive_check import predictive, variation
from marketsim.commands import compose, output
from marketsim.commands import run as run_command
from marketsim.commands.compile import ready
from marketsim.commands.options import Command
from marketsim.parameters.settings import Settings
from marketsim.reporting.figures import registry
from marketsim.reporting.pages import validation as validation_page
from marketsim.simulation import files, store, summary


def main(arguments: list[str]) -> None:
    """Compare predictions with every survey statistic and print them."""
    command = compose.command(arguments, "validate", Command)
    if command is not None:
        output.print_fit(run(command), "predictive.csv")


def run(command: Command) -> Path:
    """Validate the model; return the folder."""
    return validate(command.settings(), *ready(command))


def validate(settings: Settings, folder: Path, threads: int, progress: bool) -> Path:
    """Compare every row of the evidence with its prediction.

    Parameters
    ----------
    settings : Settings
        Of the predicting study: those of the default command, with more replicates.
    folder : Path
        The result is stored in a folder below it named by its key.
    threads : int
        Parallel runs; does not affect results.
    progress : bool
        Show bars on the error stream.

    Returns
    -------
    Path
        The folder with predictive.csv, replicates.csv, figures, report.html and manifest.json.
    """
    run_command.result_folder(settings, folder / "runs")
    final = folder / store.key(settings)
    with store.open_result(settings, final, threads, {}) as partial:
        if partial is not None:
            result = run_command.run_study(settings, folder / "runs", threads, progress=progress)
            runs = files.read_parquet(result.folder / "runs.parquet").set_index("run")
            needed = ("survey", "prices")
            stored = {
                name: files.read_parquet(result.folder / f"{name}.parquet") for name in needed
            }
            simulated = summary.run_statistics(settings, stored, runs)
            found = {
                "predictive": predictive(simulated, runs["draw"]),
                "replicates": variation(simulated),
            }
            files.write_csv(partial, found)
            registry.save(partial / "figures", "validation", found)
            validation_page.write(partial, settings, found)
    return final
