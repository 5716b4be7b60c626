"""Calibrate posting, then prices and products."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim.analysis.inference import (
    abc_smc,
    checks,
    forecasts,
    pairs,
    particles,
    posting,
    reference_table,
)
from marketsim.analysis.inference.stages import Stage, trade
from marketsim.commands import compose, output
from marketsim.commands.compile import ready
from marketsim.commands.options import CalibrateCommand, CalibrateMarketCommand
from marketsim.errors import InputError, require_package
from marketsim.parameters import panel
from marketsim.parameters.settings import Calibration, Inference, Settings, check_ranges
from marketsim.reporting.figures import registry
from marketsim.reporting.pages import calibration as calibration_page
from marketsim.simulation import files, store

WEIGHT = {"weight": ("share", "weight of the draw")}
SEARCH = "search"  # folder of the simulated surveys, which a complete result does not keep


def main(arguments: list[str]) -> None:
    """Calibrate posting; print the probabilities of the structures and the checks."""
    command = compose.command(arguments, "calibrate", CalibrateCommand)
    if command is not None:
        output.print_result(run(command), "structures.csv", "gates.csv")


def main_market(arguments: list[str]) -> None:
    """Calibrate prices and products and print the fit."""
    command = compose.command(arguments, "calibrate_market", CalibrateMarketCommand)
    if command is not None:
        folder = run_trade(command)
        output.print_fit(folder, "market_fit.csv")
        output.print_result(folder)


def run(command: CalibrateCommand) -> Path:
    """Calibrate posting; return the folder."""
    for package in ("jax", "optax", "statsmodels"):
        require_package("calibrate", package)
    folder, threads, progress = ready(command)
    surveys = Path(command.output) / "prior"
    return calibrate(command.settings(), command.calibration, surveys, folder, threads, progress)


def run_trade(command: CalibrateMarketCommand) -> Path:
    """Calibrate prices and products; return the folder."""
    require_package("calibrate_market", "pyabc")
    if command.calibration.sampler == "dask":
        require_package("calibrate_market calibration.sampler=dask", "distributed")
    panel.check_new(command, "parameters are fitted without selecting surveys")
    return calibrate_trade(trade(command.settings()), command.calibration, *ready(command))


def calibrate(
    settings: Settings, how: Inference, surveys: Path, folder: Path, threads: int, progress: bool
) -> Path:
    """Calibrate posting, or go on where a calibration was interrupted.

    Parameters
    ----------
    settings : Settings
        What is calibrated, with `posterior` ``prior`` and `market` ``posting_only``.
    how : Inference
        How much is simulated.
    surveys : Path
        Folder of the surveys with parameters from the prior, which calibrations share.
    folder : Path
        The result is stored in a folder below it named by its key.
    threads : int
        Parallel surveys.
    progress : bool
        Show bars on the error stream.

    Returns
    -------
    Path
        The folder with posterior.parquet, pairs.parquet, the tables of `tables`, figures,
        report.html and manifest.json.

    Raises
    ------
    InputError
        For settings that cannot be calibrated, or a folder that cannot be written to.
    """
    reference_table.check(settings)
    check_ranges(how, "calibration.")
    if how.held_out >= how.market_simulations:
        allowed = f"fewer than calibration.market_simulations={how.market_simulations}"
        raise InputError("calibration.held_out", how.held_out, allowed)
    facts: dict[str, Any] = {"calibration": asdict(how)}
    final = folder / store.key(settings, facts)
    with store.open_result(settings, final, threads, facts) as partial:
        if partial is not None:
            held = partial / SEARCH
            found = posting.search(settings, how, surveys, held, threads, progress)
            facts["simulations"] = len(found.surveys) + len(found.whole)
            made = tables(settings, how, found, threads)
            shutil.rmtree(held)
            kept = {"posterior": posting.COLUMNS, "pairs": pairs.COLUMNS}
            for name, columns in kept.items():
                files.write_parquet(made[name], partial / f"{name}.parquet", columns)
            files.write_csv(partial, {name: made[name] for name in made if name not in kept})
            registry.save(partial / "figures", "calibration", made)
            calibration_page.write(partial, settings, how, facts["simulations"], made)
    return final


def tables(
    settings: Settings, how: Inference, found: posting.Search, threads: int
) -> dict[str, pd.DataFrame]:
    """Compute the posterior, the pairs, the checks and the forecasts of a search.

    Parameters
    ----------
    settings, how, threads
        As in `calibrate`.
    found : posting.Search
        From `posting.search`.

    Returns
    -------
    dict of str to DataFrame
        `posterior`, `pairs`, and as CSV: `structures`, `rounds`, `contraction`, `correlations`,
        `point`, `structure_fit`, `coverage`, `confusion`, `misses`, `emulator`, `further_data`,
        `leave_one_out`, `models`, `acceptance` and `gates`.
    """
    names = reference_table.structures(settings)
    out = posting.tables(settings, how, found, threads)
    tests = checks.make_tests(settings, found.final, found.tests, how.tests)
    out["coverage"] = checks.coverage(tests, settings.fixed)
    out["confusion"] = checks.confusion(tests, names)
    unseen = found.whole.iloc[: how.held_out]
    out["misses"] = checks.misses(tests, found.final[0], unseen, settings.seed)
    out["emulator"] = checks.emulator_fit(found.final, unseen, names)
    out["further_data"] = checks.further_data(settings, how, found, tests)
    out |= forecasts.compare(settings, how, found)
    again = pairs.find(settings, found, how.pairs, threads)
    out |= {"pairs": again.pairs, "acceptance": again.acceptance}
    judged = ("coverage", "contraction", "structures", "emulator", "misses")
    return out | {"gates": checks.gates(*(out[name] for name in judged))}


def calibrate_trade(
    stage: Stage, calibration: Calibration, folder: Path, threads: int, progress: bool
) -> Path:
    """Search for the posterior of prices and products, or resume an interrupted search.

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
        manifest.json.

    Raises
    ------
    InputError
        For settings that cannot be calibrated, or a folder that cannot be written to.
    """
    abc_smc.check(calibration)
    facts: dict[str, Any] = {"calibration": asdict(calibration)}
    final = folder / stage.key(facts)
    with store.open_result(stage.settings, final, threads, facts) as partial:
        if partial is not None:
            database = partial / abc_smc.DATABASE
            history = abc_smc.search(stage, calibration, database, threads, progress)
            facts["simulations"] = int(history.total_nr_simulations)
            made = particles.tables(stage, history, threads)
            files.write_parquet(made.pop("posterior"), partial / "posterior.parquet", WEIGHT)
            files.write_csv(partial, made)
    return final
