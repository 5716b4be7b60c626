"""Runs of a study: samples of parameters, simulations and their tables."""

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import pandas as pd

from marketsim.model import observer
from marketsim.model.market import advance, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import MarketState, Series, TradeRecords
from marketsim.numerics import jit
from marketsim.parameters import panel, posterior
from marketsim.parameters.settings import POSTING_ONLY, Settings
from marketsim.parameters.traders import Population
from marketsim.simulation import locks
from marketsim.simulation import tables as run_tables_of
from marketsim.survey import statistics as survey_statistics
from marketsim.survey import trade_statistics

COMPILED = "compiled"  # marks a folder of kernels that has all of them
BATCH = 20  # runs stored together: the most that a killed process loses
TABLES = ("daily", "survey", "runs", "prices", "enforcement", "ledger")
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Run:
    """A simulated run of a study: its draw of the parameters and its daily counts."""

    run: int
    seed: int
    drawn: posterior.Draw
    settings: Settings
    series: Series
    records: TradeRecords
    seen: observer.SurveyRows

    @cached_property
    def tables(self) -> Tables:
        """Its tables, by the names of `TABLES`."""
        first_day = timeline.horizon(self.settings)[0].toordinal()
        what = (self.run, self.seed, self.drawn.number, self.settings, self.seen)
        return {
            "daily": run_tables_of.daily_table(self.run, first_day, self.series, self.records),
            "survey": run_tables_of.survey_table(self.run, self.seen),
            "runs": run_tables_of.run_table(*what),
            "prices": run_tables_of.price_table(self.run, first_day, self.records),
            "enforcement": run_tables_of.enforcement_table(self.run, first_day, self.records),
            "ledger": run_tables_of.ledger_table(self.run, first_day, self.records),
        }


def simulate(
    settings: Settings, seed: int, threads: int = 1
) -> tuple[Series, TradeRecords, observer.SurveyRows]:
    """Simulate a whole run and its survey.

    Parameters
    ----------
    settings : Settings
        Checked settings.
    seed : int
        Seed of the run.
    threads : int
        Threads that a large market is simulated on; does not affect results.

    Returns
    -------
    Series
        Daily counts of the posting side.
    TradeRecords
        Daily counts of trade, prices, enforcement and the ledger.
    SurveyRows
        Rows of the simulated survey.
    """
    state = initialize(settings, seed)
    advance(state, 0, state.series.risk.size, threads)
    return outputs(state)


def outputs(state: MarketState) -> tuple[Series, TradeRecords, observer.SurveyRows]:
    """Return the results of a market at the end of its horizon, as `simulate`."""
    kind, trade = state.retailers.kind, state.trade
    about = (state.seed, state.first_day, state.contacts, kind, state.survey_log)
    return state.series, trade.records, observer.observe(*about, trade.observed_prices)


def statistics(
    jobs: Sequence[tuple[Settings, int]],
    threads: int = 1,
    done: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Simulate surveys and compute their statistics.

    Parameters
    ----------
    jobs : sequence of (Settings, int)
        Settings of a run, with `posterior` ``none``, and its seed.
    threads : int
        Parallel runs; does not affect results.
    done : callable
        Called after each run.

    Returns
    -------
    DataFrame
        One row a job, one column an evidence id; those of trade if the market has trade.
    """

    def simulate_survey(job: tuple[Settings, int]) -> pd.DataFrame:
        settings, seed = job
        _, records, seen = simulate(settings, seed)
        row = survey_statistics.of_rows(seen)
        found = pd.DataFrame([row], columns=survey_statistics.STATISTICS)
        if settings.market != POSTING_ONLY:
            survey = run_tables_of.survey_table(0, seen)
            first_day = timeline.horizon(settings)[0].toordinal()
            prices = run_tables_of.price_table(0, first_day, records)
            found = found.join(trade_statistics.statistics(survey, prices, found.index))
        done()
        return found

    return pd.concat(on_threads(simulate_survey, jobs, threads), ignore_index=True)


def on_threads(work: Callable[[Any], Any], jobs: Sequence[Any], threads: int) -> list[Any]:
    """Run every job and return the results in order; after a failure no further job starts."""
    if threads == 1:
        return [work(job) for job in jobs]
    with ThreadPoolExecutor(threads) as pool:
        try:
            return list(pool.map(work, jobs))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def threads_of_a_run(threads: int, runs: int) -> int:
    """Return the threads for each of some runs that are simulated at the same time."""
    return max(threads // runs, 1) if runs else 1


def sample_run(settings: Settings, run: int) -> tuple[int, posterior.Draw, Settings]:
    """Return the seed of one run of a study, its draw of the parameters, and its settings."""
    seed, drawn = panel.seed_and_draw(settings, run)
    return seed, drawn, posterior.settings_of(settings, drawn)


def simulate_run(settings: Settings, run: int, threads: int = 1) -> Run:
    """Simulate one run of a study, with its own draw of the parameters."""
    seed, drawn, sampled = sample_run(settings, run)
    return Run(run, seed, drawn, sampled, *simulate(sampled, seed, threads))


def run_tables(settings: Settings, run: int, threads: int = 1) -> Tables:
    """Return the tables of one run of a study, by the names of `TABLES`."""
    return simulate_run(settings, run, threads).tables


def join_tables(parts: Sequence[Tables]) -> Tables:
    """Return the tables of several runs, or batches of them, as one."""
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in TABLES}


def replicate(
    settings: Settings, runs: range, threads: int, done: Callable[[], object] = lambda: None
) -> Tables:
    """Simulate several runs and return their tables.

    Parameters
    ----------
    settings : Settings
        Checked settings.
    runs : range
        Numbers of the runs.
    threads : int
        Parallel runs; where runs are fewer, a large market has several. Does not affect results.
    done : callable
        Called after each run.
    """
    each = threads_of_a_run(threads, len(runs))

    def simulate_tables(run: int) -> Tables:
        tables = run_tables(settings, run, each)
        done()
        return tables

    return join_tables(on_threads(simulate_tables, runs, threads))


@cache
def compile_kernels() -> None:
    """Compile the kernels in one process while others that start at the same time wait."""
    known = (*jit.cache_folders(), *jit.portable_folders())
    if any((folder / COMPILED).exists() for folder in known):
        return
    with contextlib.ExitStack() as held:
        marker = (folder := jit.writable_folder()) and folder / COMPILED
        with contextlib.suppress(OSError):  # all compile, then
            if marker:
                held.enter_context(locks.locked(marker))
        if marker and marker.exists():
            return
        run_tables(Settings(population=Population(retailers=10)), 0)  # of its tables, too
        with contextlib.suppress(OSError):
            if marker:
                marker.touch()
