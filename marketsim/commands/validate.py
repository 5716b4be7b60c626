"""Studies of the calibration: parameter identifiability and validation."""

from pathlib import Path

import pandas as pd

from marketsim.analysis.inference import cross_validation, identifiability, reference_table
from marketsim.analysis.inference.predictive_check import predictive, variation
from marketsim.commands import compose, output
from marketsim.commands import run as run_command
from marketsim.commands.compile import ready
from marketsim.commands.options import TableCommand
from marketsim.errors import require_package
from marketsim.parameters import panel, posterior, presets, priors
from marketsim.parameters.settings import AGAIN, POSTING_ONLY, Settings
from marketsim.reporting.figures import registry
from marketsim.reporting.pages import validation as validation_page
from marketsim.simulation import files, store, summary

KEEP = 0.01  # share of a table's simulations kept
TESTS = 500  # synthetic surveys
AGAIN_TABLE = "predictive_again.csv"
NEAR = 0.05  # share of the table they are drawn from: those nearest to the published survey


def main(arguments: list[str]) -> None:
    """Compare predictions with every survey statistic and print the scores."""
    command = compose.command(arguments, "validate", TableCommand)
    if command is not None:
        output.print_result(run(command), "predictive.csv", AGAIN_TABLE, "models.csv")


def main_identify(arguments: list[str]) -> None:
    """Assess parameter identifiability and print the confusion matrix."""
    command = compose.command(arguments, "identify", TableCommand)
    if command is not None:
        output.print_result(run_identify(command), "confusion.csv")


def prior_settings() -> Settings:
    """Return the settings of the reference table: survey market, parameters from the prior."""
    settings = presets.named(population="survey")
    settings.posterior, settings.market = posterior.PRIOR, POSTING_ONLY
    return settings


def again_settings(replicates: int) -> Settings:
    """Return the settings of the study that predicts this panel again, of at most so many runs."""
    settings = presets.named(population="survey")
    settings.panel = AGAIN
    settings.replicates = min(replicates, len(posterior.pairs()))
    return settings


def identify(
    settings: Settings, tables: Path, folder: Path, number: int, threads: int, progress: bool
) -> Path:
    """Assess the identifiability of parameters and structures by a survey like that of 2015.

    Parameters
    ----------
    settings : Settings
        What is simulated; `posterior` is ``prior``.
    tables : Path
        The reference table is stored in a folder below it.
    folder : Path
        The result is stored in a folder below it named by its key.
    number : int
        Simulations of the table.
    threads : int
        Parallel surveys; does not affect results.
    progress : bool
        Show a bar on the error stream.

    Returns
    -------
    Path
        The folder with recovery.csv, coverage.csv, confusion.csv, structure_probabilities.csv,
        contraction.csv and correlations.csv (of the shipped posterior), figures and manifest.json.
    """
    reference_table.check(settings)
    shipped = posterior.fingerprint(presets.POSTERIOR)
    final = folder / store.key(settings, {"simulations": number, "posterior": shipped})
    with store.open_result(settings, final, threads, {"simulations": number}) as partial:
        if partial is not None:
            table = reference_table.table(settings, tables, number, threads, progress)
            found = _identifiability(table, settings.seed)
            files.write_csv(partial, found)
            registry.save(partial / "figures", "identifiability", found)
    return final


def _identifiability(table: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    uncertain, fitted, keep = priors.uncertain(), priors.FITTED, int(KEEP * len(table))
    recovered = identifiability.recovery(table, uncertain, fitted, TESTS, keep, seed, NEAR)
    return {
        "recovery": recovered,
        "coverage": identifiability.coverage(recovered),
        "confusion": identifiability.confusion(table, TESTS, keep, seed, NEAR),
        "structure_probabilities": identifiability.structure_probabilities(table, fitted, keep),
        "contraction": identifiability.contraction(posterior.draws(), uncertain),
        "correlations": identifiability.correlations(posterior.draws(), uncertain),
    }


def validate(
    settings: Settings, tables: Path, folder: Path, number: int, threads: int, progress: bool
) -> Path:
    """Compare every row of the evidence with its prediction, and marketsim with plain models.

    Parameters
    ----------
    settings : Settings
        Of the study that predicts a new panel: those of the default command, with more replicates.
    tables : Path
        The reference table is stored in a folder below it.
    folder : Path
        The result is stored in a folder below it named by its key.
    number : int
        Simulations of the table.
    threads : int
        Parallel runs; does not affect results.
    progress : bool
        Show bars on the error stream.

    Returns
    -------
    Path
        The folder with predictive.csv (a new panel), predictive_again.csv (this panel again),
        replicates.csv, leave_one_out.csv, models.csv, figures, report.html and manifest.json.

    Raises
    ------
    InputError
        For invalid settings, or those of this panel again.
    """
    panel.check_new(settings, "validate predicts both panels")
    run_command.result_folder(settings, folder / "runs")
    again = again_settings(settings.replicates)
    more = {"simulations": number, "pairs_used": again.replicates, "pairs_key": store.key(again)}
    final = folder / store.key(settings, more)
    facts = more | panel.facts_of_pairs() | panel.facts(settings)
    with store.open_result(settings, final, threads, facts) as partial:
        if partial is not None:
            how = (folder / "runs", threads, progress)
            simulated, draws = _simulated(settings, *how)
            of_pairs, draws_of_pairs = _simulated(again, *how)
            table = reference_table.table(prior_settings(), tables, number, threads, progress)
            scores = cross_validation.leave_one_out(table)
            found = {
                "predictive": predictive(simulated, draws),
                "predictive_again": predictive(of_pairs, draws_of_pairs),
                "replicates": variation(simulated),
                "leave_one_out": scores,
                "models": cross_validation.summary(scores).reset_index(),
            }
            files.write_csv(partial, found)
            registry.save(partial / "figures", "validation", found)
            validation_page.write(partial, settings, number, found)
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


def run_identify(command: TableCommand) -> Path:
    """Assess identifiability; return the folder."""
    return identify(*_arguments(command))


def run(command: TableCommand) -> Path:
    """Validate the model; return the folder."""
    require_package("validate", "statsmodels")
    return validate(*_arguments(command))


def _arguments(command: TableCommand) -> tuple[Settings, Path, Path, int, int, bool]:
    folder, threads, progress = ready(command)
    tables = Path(command.output) / "prior"
    return command.settings(), tables, folder, command.simulations, threads, progress
