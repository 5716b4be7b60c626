"""Calibrate posting, then prices and products."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from marketsim.analysis.inference import abc_smc, particles
from marketsim.analysis.inference.stages import Stage, posting, trade
from marketsim.commands import compose, output
from marketsim.commands.compile import ready
from marketsim.commands.options import CalibrateCommand
from marketsim.errors import require_package
from marketsim.parameters import panel
from marketsim.parameters.settings import Calibration
from marketsim.reporting.figures import registry
from marketsim.reporting.pages import calibration as calibration_page
from marketsim.simulation import files, store


def main(arguments: list[str]) -> None:
    """Calibrate posting and print the probabilities of the structures."""
    command = compose.command(arguments, "calibrate", CalibrateCommand)
    if command is not None:
        output.print_result(run(command), "structures.csv")


def main_market(arguments: list[str]) -> None:
    """Calibrate prices and products and print the fit."""
    command = compose.command(arguments, "calibrate_market", CalibrateCommand)
    if command is not None:
        output.print_result(run_trade(command), "market_fit.csv")


def run(command: CalibrateCommand) -> Path:
    """Calibrate posting; return the folder."""
    _require_packages("calibrate", command.calibration)
    return calibrate(posting(command.settings()), command.calibration, *ready(command))


def run_trade(command: CalibrateCommand) -> Path:
    """Calibrate prices and products; return the folder."""
    _require_packages("calibrate_market", command.calibration)
    panel.check_new(command, "parameters are fitted without selecting surveys")
    return calibrate(trade(command.settings()), command.calibration, *ready(command))


def _require_packages(name: str, calibration: Calibration) -> None:
    require_package(name, "pyabc")
    if calibration.sampler == "dask":
        require_package(f"{name} calibration.sampler=dask", "distributed")


def calibrate(
    stage: Stage, calibration: Calibration, folder: Path, threads: int, progress: bool
) -> Path:
    """Search for the posterior of a stage, or resume an interrupted search.

    Parameters
    ----------
    stage : Stage
        What is calibrated.
    calibration : Calibration
        How to search.
    folder : Path
        The result is stored in a folder below it named by its key.
    threads : int
        Processes of the multicore sampler, and threads of the surveys simulated afterwards.
    progress : bool
        Report each generation on the error stream.

    Returns
    -------
    Path
        The folder with posterior.parquet, the other tables of `particles.tables` and
        manifest.json; where structures compete, also figures and report.html.

    Raises
    ------
    InputError
        For settings that cannot be calibrated, or a folder that cannot be written to.
    """
    abc_smc.check(stage, calibration)
    facts: dict[str, Any] = {"calibration": asdict(calibration)}
    final = folder / stage.key(facts)
    with store.open_result(stage.settings, final, threads, facts) as partial:
        if partial is not None:
            database = partial / abc_smc.DATABASE
            history = abc_smc.search(stage, calibration, database, threads, progress)
            facts["simulations"] = int(history.total_nr_simulations)
            tables = particles.tables(stage, history, threads)
            files.write_parquet(tables["posterior"], partial / "posterior.parquet", stage.columns)
            others = {name: table for name, table in tables.items() if name != "posterior"}
            files.write_csv(partial, others)
            if stage.structures:
                about = (stage.settings, calibration, facts["simulations"])
                registry.save(partial / "figures", "calibration", tables)
                calibration_page.write(partial, *about, tables)
    return final
