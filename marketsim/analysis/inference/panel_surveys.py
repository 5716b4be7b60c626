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
from marketsim.survey.statistics import STATISTICS, of_rows


def statistics(
    jobs: Sequence[tuple[Settings, int]],
    threads: int = 1,
    done: Callable[[], object] = lambda: None,
) -> pd.DataFrame:
    """Simulate surveys of the panel market and compute their statistics.

    It takes the jobs of `simulation.run.statistics`, and returns the same table of surveys of
    which only the contacts are simulated.

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
        One row a job, one column an evidence id of `survey.statistics.STATISTICS`, float64.

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
        found = of_rows(panel_market.simulate(settings, seed, tables[number]))
        done()
        return found

    rows = on_threads(simulate_survey, range(len(jobs)), threads)
    return pd.DataFrame(np.array(rows).reshape(len(jobs), len(STATISTICS)), columns=STATISTICS)


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
