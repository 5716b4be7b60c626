"""Replay the policing of websites: `python experiments/websites_2014/websites_2014.py [RUNS]`.

Websites are moderated more from August 2015 to September 2017, by the same operators, staff and
ladder as in any other scenario. `flow.csv` has the posts of the last four weeks, relative to the
baseline: new on websites, on other social media and public accounts, and in Moments; ivory sold;
mean perceived risk; and the share of traders barred from websites on the last day (itself, no
ratio). `se` is the standard error of the median, from resampling the draws of parameters.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import marketsim as ms
from marketsim.model.market import advance, initialize
from marketsim.model.state import Channel, Flow, Place, State, TradeCounter
from marketsim.parameters import panel, posterior
from marketsim.parameters.settings import Settings
from marketsim.simulation import run as simulation
from marketsim.survey import targets

HERE = Path(__file__).parent
DOSES = (1, 2, 4, 8)
LAST = 28  # days
SEED = 2015
MEASURES = ("websites", "other places", "Moments", "ivory sold", "perceived risk", "barred")
RESAMPLES = 1000


def settings(dose: int) -> Settings:
    """Return the scenario at a dose multiplier, or the baseline (0), to the same last day."""
    name = "websites_2014" if dose else "baseline_2015"
    of = ms.settings(name, population="survey", panel="new")
    of.scenario.dose_multiplier, of.scenario.until = float(dose or 1), "2017-09-30"
    return of


def last_weeks(job: tuple[Settings, int]) -> np.ndarray:
    """Return the measures of the last four weeks of one run."""
    scenario, number = job
    of = posterior.settings_of(scenario, posterior.draw(scenario, number // 2))
    state = initialize(of, panel.run_seed(SEED, number))
    end = state.series.risk.size
    advance(state, 0, end - LAST)
    found = np.zeros(len(MEASURES))
    for row in range(end - LAST, end):
        advance(state, row, row + 1)
        elsewhere, platform = state.counters.elsewhere, state.trade.places.platform
        found[0] += elsewhere[platform == Channel.WEBSITES].sum()
        found[1] += elsewhere[platform != Channel.WEBSITES].sum()
        found[2] += state.series.flows[row, Flow.VISIBLE]
        delivered = slice(TradeCounter.DELIVERED, TradeCounter.DELIVERED + len(Channel))
        found[3] += state.trade.records.counts[row, delivered].sum()
        found[4] += state.series.risk[row]
    present = (state.retailers.state >= State.ACTIVE) & (state.retailers.state <= State.BANNED)
    tomorrow = state.first_day + end
    barred = state.trade.places.barred_until[Place.WEBSITES] > tomorrow
    found[5] = (barred & present).sum() / present.sum()
    return found


def published() -> float:
    """Return the largest published ratio of new advertisements on websites, 2014 to 2012."""
    after = targets.validation()["websites_flow_after"].high
    before = targets.validation()["websites_flow_before"].value
    assert after is not None and before is not None
    return after / before


def standard_error(values: np.ndarray) -> float:
    """Return the standard error of a median; two runs share a draw and are resampled together."""
    draws = values[: values.size // 2 * 2].reshape(-1, 2)
    picks = np.random.default_rng(SEED).integers(len(draws), size=(RESAMPLES, len(draws)))
    return float(np.median(draws[picks].reshape(RESAMPLES, -1), axis=1).std(ddof=1))


def main(runs: int) -> None:
    """Simulate, write the table and print it."""
    scenarios = [settings(dose) for dose in (0, *DOSES)]
    jobs = [(of, number) for of in scenarios for number in range(runs)]
    found = np.array(simulation.on_threads(last_weeks, jobs, 2))
    found = found.reshape(len(DOSES) + 1, runs, len(MEASURES))
    rows = []
    for k, dose in enumerate(DOSES, start=1):
        ratio = found[k] / np.where(found[0] > 0.0, found[0], 1.0)
        ratio[:, MEASURES.index("barred")] = found[k][:, MEASURES.index("barred")]
        for m, name in enumerate(MEASURES):
            low, median, high = np.quantile(ratio[:, m], [0.05, 0.5, 0.95])
            staff = 1 + 9 * dose
            row = {"staff": staff, "measure": name, "q05": low, "median": median, "q95": high}
            row["se"] = standard_error(ratio[:, m])
            rows.append(row)
    table = pd.DataFrame(rows)
    table.to_csv(HERE / "flow.csv", index=False, float_format="%.3f", lineterminator="\n")
    print(table.round(2).to_string(index=False))
    print(f"published of websites: at most {published():.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 40)
