"""Calibrate the posting side, then prices and products."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim.analysis.inference import abc_smc, particles, reference_table
from marketsim.analysis.inference.abc_smc import (
    DATABASE,
    TRADE_COLUMNS,
    TRADE_MODEL,
    TradeModel,
    _search,
    _trade_row,
    check_search,
    check_trade,
    trade_draws,
    trade_fit,
    trade_point,
)
from marketsim.commands.options import CalibrateCommand
from marketsim.parameters import priors
from marketsim.parameters.settings import POSTS, Calibration, Settings
from marketsim.reporting.figures import calibration as calibration_figures
from marketsim.reporting.pages import calibration as calibration_page
from marketsim.simulation import files, store
from marketsim.survey import statistics, trade_statistics


def calibrate_trade(
    settings: Settings, search: Calibration, folder: Path, threads: int, progress: bool
) -> Path:
    """Search for the posterior of the chain, or go on with a search that was cut off.

    Parameters
    ----------
    settings : Settings
        What is calibrated; `posterior` names where the posting side is drawn from.
    search : Calibration
        How it is searched for.
    folder : Path
        The result rests in a folder below it named by its key.
    threads : int
        Processes of the multicore sampler, and threads of the surveys simulated afterwards.
    progress : bool
        Tell of each generation on the error stream.

    Returns
    -------
    Path
        The folder with posterior.parquet, point.csv, generations.csv, market_fit.csv and
        manifest.json.

    Raises
    ------
    InputError
        As in `check`, or for a folder that cannot be written to.
    """
    check_trade(search, settings)
    facts: dict[str, Any] = {"calibration": asdict(search)}
    # what is searched for must not be part of the name under which it is found
    final = folder / store.key(replace(settings, market=POSTS), facts | {"fitted": TRADE_MODEL})
    with store.open_result(settings, final, threads, facts) as partial:
        if partial is not None:
            parent = os.getpid() if search.sampler == "multicore" else None
            fitted = [key for key in priors.FITTED_TRADE if key not in settings.held]
            history = abc_smc.search(
                {TRADE_MODEL: TradeModel(settings, parent)},
                [fitted],
                len(trade_statistics.SUMMARIES),
                search,
                partial / abc_smc.DATABASE,
                threads,
                progress,
            )
            _write_trade(settings, history, partial, threads)
            facts["simulations"] = int(history.total_nr_simulations)
    return final


def _write_trade(settings: Settings, history: Any, folder: Path, threads: int) -> None:
    """Write what the search found, as tables."""
    kept = pd.DataFrame(
        [_trade_row(settings, one) for one in history.get_population(t=history.max_t).particles]
    )
    drawn = trade_draws(settings, kept)
    known = trade_statistics.described() | TRADE_COLUMNS
    files.write_parquet(drawn, folder / "posterior.parquet", known)
    table = history.get_all_populations()
    table = table[table["t"] >= 0].rename(columns={"t": "generation", "samples": "simulations"})
    tables = {
        "generations": table[["generation", "epsilon", "simulations", "particles"]],
        "market_fit": trade_fit(settings, drawn, threads),
        "point": trade_point(drawn),
    }
    files.write_csv(folder, tables)


def calibrate(
    settings: Settings, calibration: Calibration, folder: Path, threads: int, progress: bool
) -> Path:
    """Search for the posterior, or go on with a search that was cut off.

    Parameters
    ----------
    settings : Settings
        What is calibrated; `posterior` is ``prior``.
    calibration : Calibration
        How it is searched for.
    folder : Path
        The result rests in a folder below it named by its key.
    threads : int
        Processes of the multicore sampler, and threads of the surveys simulated afterwards.
    progress : bool
        Tell of each generation on the error stream.

    Returns
    -------
    Path
        The folder with posterior.parquet, structures.csv, generations.csv, structure_fit.csv,
        point.csv, figures, report.html and manifest.json.

    Raises
    ------
    InputError
        For settings outside their ranges or a folder that cannot be written to.
    """
    check_search(calibration, settings)
    facts: dict[str, Any] = {"calibration": asdict(calibration)}
    final = folder / store.key(settings, facts)
    with store.open_result(settings, final, threads, facts) as partial:
        if partial is not None:
            history = _search(settings, calibration, partial / DATABASE, threads, progress)
            facts["simulations"] = int(history.total_nr_simulations)
            tables = _write(settings, history, partial, threads)
            calibration_page.write(partial, settings, calibration, facts["simulations"], tables)
    return final


def _write(settings: Settings, history: Any, folder: Path, threads: int) -> dict[str, pd.DataFrame]:
    """Write what the search found, as tables and figures, and return the tables."""
    names = reference_table.structures(settings)
    generations = particles.generations(history, names)
    kept = particles.last_kept(settings, history, names)
    drawn = pd.concat(
        [particles.draws(settings, name, rows, threads) for name, rows in kept.items()],
        ignore_index=True,
    )
    probable = particles.probabilities(history, generations, drawn, names)
    known = statistics.described() | particles.COLUMNS
    files.write_parquet(drawn, folder / "posterior.parquet", known)
    fits = [particles.fit(settings, drawn, name, threads) for name in names]
    best = str(probable["structure"].iloc[int(probable["probability"].to_numpy().argmax())])
    tables = {
        "generations": generations,
        "structures": probable,
        "structure_fit": pd.concat(fits),
        "point": particles.point(settings, drawn[drawn["structure"] == best], threads),
    }
    files.write_csv(folder, tables)
    tables["posterior"] = drawn
    calibration_figures.draw(folder / "figures", tables)
    return tables


def run(command: CalibrateCommand) -> Path:
    """Search for the posterior of the posts; return the folder."""
    return calibrate(*_searched(command))


def run_trade(command: CalibrateCommand) -> Path:
    """Search for the posterior of the chain; return the folder."""
    return calibrate_trade(*_searched(command))


def _searched(command: CalibrateCommand) -> tuple[Settings, Calibration, Path, int, bool]:
    return command.settings(), command.calibration, *command.how()
