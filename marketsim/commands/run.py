"""Run a study, or load its complete result."""

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from marketsim.commands import compose
from marketsim.commands.compile import ready
from marketsim.commands.options import RunCommand
from marketsim.model.scenario import timeline
from marketsim.parameters import overrides, panel
from marketsim.parameters.settings import POSTING_ONLY, Settings
from marketsim.reporting.pages import page
from marketsim.reporting.pages import study as study_page
from marketsim.simulation import files, store
from marketsim.simulation import run as simulation
from marketsim.simulation.progress import bar as progress_bar
from marketsim.simulation.run import TABLES, Tables
from marketsim.simulation.summary import summarize


@dataclass(frozen=True)
class Result:
    """A complete result: its folder, its fit, and whether it existed before."""

    folder: Path
    fit: pd.DataFrame
    reused: bool


def main(arguments: list[str]) -> None:
    """Simulate a study, or a sweep of studies, and print the fit.

    Parameters
    ----------
    arguments : list of str
        Overrides and flags in Hydra's grammar.

    Raises
    ------
    InputError
        For invalid input, before anything is written.
    """
    given = compose.flags(arguments, RunCommand)
    if given.multirun:
        from marketsim.commands import sweep

        sweep.main(given)
        return
    command = compose.command(arguments, "run", RunCommand)
    if command is None:
        return
    result = run(command)
    settings = command.settings()
    print(" ".join(overrides.overrides(asdict(settings))))
    print(panel.sentence(settings), end="\n\n")
    print("\n".join(study_page.fit_lines(result.fit)))
    state = "loaded cached result (fresh=true to rerun)" if result.reused else "done"
    print(f"\n{state}: {result.folder}")


def run(command: RunCommand) -> Result:
    """Run a study, or load its complete result."""
    folder, threads, progress = ready(command)
    how = (threads, command.fresh, progress, command.figures)
    return run_study(command.settings(), folder, *how)


def result_folder(settings: Settings, folder: Path) -> Path:
    """Check the settings of a study, and return the folder of its result.

    Parameters
    ----------
    settings : Settings
        What to run.
    folder : Path
        The study's folder.

    Raises
    ------
    InputError
        For settings outside their ranges.
    """
    timeline.check_settings(settings)
    return folder / store.key(settings)


def run_study(
    settings: Settings,
    folder: Path,
    threads: int = 1,
    fresh: bool = False,
    progress: bool = False,
    figures: bool = True,
) -> Result:
    """Run a study, or load its complete result.

    Parameters
    ----------
    settings : Settings
        What to run; checked here.
    folder : Path
        The study's folder; the result is stored in a folder below it named by its key.
    threads : int
        Parallel runs.
    fresh : bool
        Rerun although the result exists.
    progress : bool
        Show a bar on the error stream.
    figures : bool
        Draw figures and a report, also of a result that exists without them.

    Raises
    ------
    InputError
        For settings outside their ranges or a folder that cannot be written to.
    """
    final = result_folder(settings, folder)
    reused = not fresh and store.is_complete(final)
    if not reused:
        with store.result_writer(final) as partial:
            reused = not fresh and store.is_complete(final)
            if not reused:
                _write(settings, partial, threads, progress)
                store.publish(partial, final)
    if figures and not (final / page.PAGE).exists():
        with store.result_writer(final):
            _draw(settings, final)
    return Result(final, files.read_csv(final / "fit.csv"), reused)


def _write(settings: Settings, folder: Path, threads: int, progress: bool) -> None:
    """Write the tables of a study and their manifest; finished batches are kept."""
    started = time.perf_counter()
    tables = _tables(settings, folder / "batches", threads, progress)
    for name, table in tables.items():
        files.write_parquet(table, folder / f"{name}.parquet")
    files.write_csv(folder, summarize(settings, tables))
    shutil.rmtree(folder / "batches")
    seconds = time.perf_counter() - started
    facts = store.manifest(settings, folder, threads, seconds) | panel.facts(settings)
    store.write_manifest(folder, facts)


def _draw(settings: Settings, folder: Path) -> None:
    """Draw the figures of a complete study from its tables, and write its report last."""
    from marketsim.reporting import trade_summary
    from marketsim.reporting.figures import registry

    if (folder / page.PAGE).exists():
        return
    tables = {name: files.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    retailers, trade = settings.population.retailers, None
    registry.save(folder / "figures", "study", tables)
    if settings.market != POSTING_ONLY:
        registry.save(folder / "figures", "trade", tables, retailers=retailers)
        headline = files.read_csv(folder / "headline.csv")
        trade = trade_summary.report_rows(tables, headline, retailers)
    fit = files.read_csv(folder / "fit.csv")
    study_page.write(folder, store.read_manifest(folder), fit, trade)


def _tables(settings: Settings, folder: Path, threads: int, progress: bool) -> Tables:
    folder.mkdir(exist_ok=True)
    batches: list[Tables] = []
    with progress_bar(settings.replicates, "run", progress) as bar:
        for start in range(0, settings.replicates, simulation.BATCH):
            runs = range(start, min(start + simulation.BATCH, settings.replicates))
            batch = files.read_batch(folder, start)
            if batch is None:
                batch = simulation.replicate(settings, runs, threads, bar.update)
                batch = files.write_batch(folder, start, batch)
            else:
                bar.update(len(runs))
            batches.append(batch)
    return simulation.join_tables(batches)
