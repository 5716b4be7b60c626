"""A study: many runs of one setting, their tables, their fit, their figures and report."""

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from marketsim import (
    calendar,
    metrics,
    posterior,
    records,
    report,
    results,
    rng,
    storage,
    survey,
    trade_metrics,
)
from marketsim.day import build, live
from marketsim.rng import Purpose
from marketsim.settings import POSTS, Settings, check
from marketsim.state import Series, World
from marketsim.trade_state import Tallies

BATCH = 20  # runs kept together: a kill loses at most so many
TABLES = ("daily", "survey", "runs", "prices", "enforcement", "ledger")
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Lived:
    """One run of a study as it was lived: what was drawn for it, and what was counted."""

    run: int
    seed: int
    drawn: posterior.Draw
    settings: Settings
    series: Series
    tallies: Tallies
    seen: survey.SurveyRows

    @cached_property
    def tables(self) -> Tables:
        """Its tables, by the names of `TABLES`."""
        first_day = calendar.horizon(self.settings)[0].toordinal()
        what = (self.run, self.seed, self.drawn.number, self.settings, self.seen)
        return {
            "daily": records.daily_table(self.run, first_day, self.series, self.tallies),
            "survey": records.survey_table(self.run, self.seen),
            "runs": records.run_table(*what),
            "prices": records.price_table(self.run, first_day, self.tallies),
            "enforcement": records.enforcement_table(self.run, first_day, self.tallies),
            "ledger": records.ledger_table(self.run, first_day, self.tallies),
        }


@dataclass(frozen=True)
class Result:
    """A complete result: where it rests, its fit, and whether it had been there before."""

    folder: Path
    fit: pd.DataFrame
    reused: bool


def run_seed(seed: int, run: int) -> int:
    """Return the seed of one run of a study."""
    return rng.new_seed(seed, Purpose.REPLICATE, run)


def simulate(settings: Settings, seed: int) -> tuple[Series, Tallies, survey.SurveyRows]:
    """Live one whole run and survey it.

    Parameters
    ----------
    settings : Settings
        Checked settings.
    seed : int
        Seed of the run.

    Returns
    -------
    Series
        Daily counts of the posting side.
    Tallies
        Daily counts of trade, prices, enforcement and the ledger.
    SurveyRows
        What the observer saw.
    """
    world = build(settings, seed)
    live(world, 0, world.series.risk.size)
    return told(world)


def told(world: World) -> tuple[Series, Tallies, survey.SurveyRows]:
    """Return what `simulate` does, of a market at the end of its days."""
    kind, chain = world.retailers.kind, world.chain
    about = (world.seed, world.first_day, world.contacts, kind, world.notes)
    return world.series, chain.tallies, survey.observe(*about, chain.labels)


def statistics(
    jobs: Sequence[tuple[Settings, int]],
    threads: int = 1,
    done: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Simulate surveys and return their statistics only.

    Parameters
    ----------
    jobs : sequence of (Settings, int)
        Settings without a posterior to draw from, and the seed of the run.
    threads : int
        Runs lived at the same time; their number changes no bit.
    done : callable
        Called after each run.

    Returns
    -------
    DataFrame
        One row a job, one column an evidence id; those of trade where there is any.
    """

    def one(job: tuple[Settings, int]) -> pd.DataFrame:
        settings, seed = job
        _, tallies, seen = simulate(settings, seed)
        survey = records.survey_table(0, seen)
        counted = {"active": [seen.active_contacts], "contacts": [seen.contacts]}
        found = metrics.statistics(survey, pd.DataFrame(counted))
        if settings.market != POSTS:
            first_day = calendar.horizon(settings)[0].toordinal()
            prices = records.price_table(0, first_day, tallies)
            found = found.join(trade_metrics.statistics(survey, prices, found.index))
        done()
        return found

    return pd.concat(on_threads(one, jobs, threads), ignore_index=True)


def on_threads(one: Callable[[Any], Any], jobs: Sequence[Any], threads: int) -> list[Any]:
    """Do every job, in the order given; where one fails the rest is not begun."""
    if threads == 1:
        return [one(job) for job in jobs]
    with ThreadPoolExecutor(threads) as pool:
        try:
            return list(pool.map(one, jobs))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def live_run(settings: Settings, run: int) -> Lived:
    """Live one run of a study, with its own draw of what is uncertain."""
    seed = run_seed(settings.seed, run)
    drawn = posterior.draw(settings, run // posterior.RUNS_PER_DRAW)
    mine = posterior.settings_of(settings, drawn)
    return Lived(run, seed, drawn, mine, *simulate(mine, seed))


def run_tables(settings: Settings, run: int) -> Tables:
    """Return the tables of one run of a study, by the names of `TABLES`."""
    return live_run(settings, run).tables


def joined(parts: Sequence[Tables]) -> Tables:
    """Return the tables of several runs, or batches of them, as one."""
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in TABLES}


def replicate(
    settings: Settings, runs: range, threads: int, done: Callable[[], object] = lambda: None
) -> Tables:
    """Return the tables of several runs, on threads; the number of threads changes no bit.

    Parameters
    ----------
    settings : Settings
        Checked settings.
    runs : range
        Numbers of the runs.
    threads : int
        Runs lived at the same time.
    done : callable
        Called after each run.
    """

    def one(run: int) -> Tables:
        tables = run_tables(settings, run)
        done()
        return tables

    return joined(on_threads(one, runs, threads))


def place(settings: Settings, folder: Path) -> Path:
    """Check the settings of a study, and return where its result rests.

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
    check(settings)
    posterior.check(settings)
    calendar.compile_levers(settings)
    return folder / results.key(settings)


def run_study(
    settings: Settings,
    folder: Path,
    threads: int = 1,
    fresh: bool = False,
    progress: bool = False,
    figures: bool = True,
) -> Result:
    """Run a study, or take its complete result where it is there.

    Parameters
    ----------
    settings : Settings
        What to run; checked here.
    folder : Path
        The study's folder; the result rests in a folder below it named by its key.
    threads : int
        Runs lived at the same time.
    fresh : bool
        Run again although the result is there.
    progress : bool
        Show a bar on the error stream.
    figures : bool
        Draw figures and a report, also of a result that is there without them.

    Raises
    ------
    InputError
        For settings outside their ranges or a folder that cannot be written to.
    """
    final = place(settings, folder)
    reused = not fresh and results.is_whole(final)
    if not reused:
        with results.writing(final) as partial:
            reused = not fresh and results.is_whole(final)
            if not reused:
                _write(settings, partial, threads, progress)
                results.publish(partial, final)
    if figures and not (final / report.PAGE).exists():
        with results.writing(final):
            _draw(settings, final)
    return Result(final, pd.read_csv(final / "fit.csv"), reused)


def _write(settings: Settings, folder: Path, threads: int, progress: bool) -> None:
    """Write the tables of a study and their manifest; batches already there are kept."""
    started = time.perf_counter()
    tables = _tables(settings, folder / "batches", threads, progress)
    for name, table in tables.items():
        storage.write_parquet(table, folder / f"{name}.parquet")
    storage.write_csv(folder, sums(settings, tables))
    shutil.rmtree(folder / "batches")
    seconds = time.perf_counter() - started
    results.write_manifest(folder, results.manifest(settings, folder, threads, seconds))


def _draw(settings: Settings, folder: Path) -> None:
    """Draw the figures of a complete study from its tables, and write its report last."""
    from marketsim import plots, trade_plots, trade_sums

    if (folder / report.PAGE).exists():
        return
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    retailers, trade = settings.population.retailers, None
    plots.draw(folder / "figures", tables["daily"], tables["survey"])
    if settings.market != POSTS:
        trade_plots.draw(folder / "figures", tables, retailers)
        trade = trade_sums.report_rows(tables, pd.read_csv(folder / "headline.csv"), retailers)
    report.write(folder, results.facts(folder), pd.read_csv(folder / "fit.csv"), trade)


def seen(settings: Settings, tables: Tables, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the statistics of the runs of a study, those of trade where there is any.

    Parameters
    ----------
    settings : Settings
        Of the study.
    tables : dict of str to DataFrame
        `survey` and `prices`.
    runs : DataFrame
        Rows of `runs.parquet`, indexed by run.
    """
    out = metrics.statistics(tables["survey"], runs)
    if settings.market == POSTS:
        return out
    return out.join(trade_metrics.statistics(tables["survey"], tables["prices"], runs.index))


def sums(settings: Settings, tables: Tables) -> Tables:
    """Return what a study comes to: its `fit`, and the `headline` of trade where there is any."""
    runs = tables["runs"].set_index("run")
    out = {"fit": metrics.fit(seen(settings, tables, runs), runs["draw"])}
    if settings.market != POSTS:
        told = (tables["daily"], tables["enforcement"], tables["runs"])
        out["headline"] = trade_metrics.headline(*told, settings.population.retailers)
    return out


def _tables(settings: Settings, folder: Path, threads: int, progress: bool) -> Tables:
    from tqdm import tqdm

    folder.mkdir(exist_ok=True)
    batches: list[Tables] = []
    with tqdm(total=settings.replicates, unit="run", disable=not progress) as bar:
        for start in range(0, settings.replicates, BATCH):
            runs = range(start, min(start + BATCH, settings.replicates))
            batch = storage.read_batch(folder, start)
            if batch is None:
                batch = replicate(settings, runs, threads, bar.update)
                batch = storage.write_batch(folder, start, batch)
            else:
                bar.update(len(runs))
            batches.append(batch)
    return joined(batches)
