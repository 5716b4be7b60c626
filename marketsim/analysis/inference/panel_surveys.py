"""Surveys of the panel market, by the hundred thousand, for inference on posting.

The panel market (`model.panel_market`) simulates the contacts of the observer; how well it agrees
with the whole market is measured in docs/panel_market.md.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from marketsim.errors import InputError
from marketsim.model import panel_market
from marketsim.model.scenario import timeline
from marketsim.parameters.settings import POSTING_ONLY, Settings
from marketsim.simulation.run import on_threads
from marketsim.survey.statistics import STATISTICS, WEEKS, of_rows, weeks_of_rows
from marketsim.survey.statistics import describe_columns as statistics_columns

# Series by week, which the report did not print: what further data would tell (docs/calibration.md)
WEEKLY = tuple(
    f"{what}_{week}" for what in ("weekly_ads", "weekly_traders") for week in range(1, WEEKS + 1)
)


def statistics(
    jobs: Sequence[tuple[Settings, int]],
    threads: int = 1,
    done: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Simulate surveys of the panel market and compute their statistics.

    It takes the jobs of `simulation.run.statistics`, and returns the same table of surveys of
    which only the contacts are simulated, with the series of their weeks.

    Parameters
    ----------
    jobs : sequence of (Settings, int)
        Settings of a run, with `posterior` ``none`` and `market` ``posting_only``, and its seed.
    threads : int
        Parallel surveys; does not affect results.
    done : callable
        Called after each survey.

    Returns
    -------
    DataFrame
        One row a job, one column an evidence id of `survey.statistics.STATISTICS`, then `WEEKLY`:
        advertisements and traders who showed any, by week; float64.

    Raises
    ------
    InputError
        For a market with trade.
    """
    for settings, _ in jobs:
        if settings.market != POSTING_ONLY:
            raise InputError("market", settings.market, f"{POSTING_ONLY} in the panel market")
    tables = _tables(jobs)

    def simulate_survey(number: int) -> np.ndarray:
        settings, seed = jobs[number]
        seen = panel_market.simulate(settings, seed, tables[number])
        found = np.concatenate([of_rows(seen), *weeks_of_rows(seen)])
        done()
        return found

    rows = np.array(on_threads(simulate_survey, range(len(jobs)), threads))
    columns = [*STATISTICS, *WEEKLY]
    return pd.DataFrame(rows.reshape(len(jobs), len(columns)), columns=columns)


def describe_columns() -> dict[str, tuple[str, str]]:
    """Return unit and meaning of each column of `statistics`."""
    series = {
        "ads": ("advertisements", "advertisements"),
        "traders": ("traders", "traders who showed an advertisement"),
    }
    described = dict(statistics_columns())
    for name in WEEKLY:
        _, what, week = name.split("_")
        unit, meaning = series[what]
        described[name] = (unit, f"{meaning} on the regular survey days of week {week}")
    return described


def _tables(jobs: Sequence[tuple[Settings, int]]) -> list[timeline.Table]:
    """Return the compiled scenario of each job: that of the job before, if it has the same."""
    tables: list[timeline.Table] = []
    last: Settings | None = None
    for settings, _ in jobs:
        same = last is not None and (last.scenario, last.horizon, last.classes) == (
            settings.scenario, settings.horizon, settings.classes
        )  # fmt: skip
        tables.append(tables[-1] if same else timeline.compile_table(settings))
        last = settings
    return tables
