"""Gain of common random numbers: the variance of a difference between two scenarios.

Two arms, the baseline and the same with one intervention more, are simulated with many seeds. The
variance of their difference with common random numbers is compared with that of independent seeds
(the sum of the arms' variances), and with that of a common seed and one stream of random numbers,
used in the order in which the model draws (in a process of its own, see `one_stream`).
"""

import argparse
import json
import statistics
import sys
import tempfile
from typing import Any

import numpy as np

from benchmarks import runs
from benchmarks.tables import Rows, Table, rounded
from marketsim.model import market
from marketsim.model.scenario import timeline
from marketsim.model.state import Flow, TradeCounter
from marketsim.parameters import evidence, panel
from marketsim.parameters.settings import Settings

FROM = "sweep_may"
CONTRASTS: dict[str, dict[str, Any]] = {
    "sweep of double dose": {"kind": "sweep", "date": FROM, "accounts": "sweep_may_accounts"}
    | {"posts": "sweep_may_posts", "lean": 0.5},
    "user reports x 5": {"kind": "moderation_effort", "start": FROM, "reports": 5.0},
    "border x 3": {"kind": "police_effort", "start": FROM, "border": 3.0},
    "a tenth of parcels taken": {"kind": "police_effort", "start": FROM, "couriers": 0.1},
    "willingness x 0.9": {"kind": "campaign", "start": FROM, "willingness": 0.9},
    "legal market closed": {"kind": "closure", "start": FROM, "share": 1.0},
}
OUTCOMES = ("visible posts", "grams sold")
GAINS = ("to_independent_seeds", "to_one_stream")
STUDY_SEED = 2015
WANTED = 5.0
BASELINE = "baseline"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    parser.add_argument(
        "--pairs",
        type=int,
        default=40,
        metavar="SEEDS",
        help="crn: pairs of runs for each contrast",
    )


def measure(options: argparse.Namespace) -> list[Table]:
    """Simulate all arms with keyed draws here and with one stream in another process."""
    keyed = simulated(options.pairs)
    with tempfile.TemporaryDirectory() as empty:
        task = {"pairs": options.pairs}
        stream = runs.in_a_process("benchmarks.common_random_numbers", task, NUMBA_CACHE_DIR=empty)
    rows = gains(keyed, stream)
    note = (
        f"{options.pairs} pairs in markets of the survey; sums from the dose to the end. The last "
        "two columns: variance of the difference, as a multiple of that with common random numbers "
        "(empty where no pair differs at all)."
    )
    return [Table("common random numbers", rows, note), Table("median gain", medians(rows))]


def medians(rows: Rows) -> Rows:
    """Return the median and the least gain of each outcome over the contrasts."""
    out = []
    for outcome in OUTCOMES:
        for against in GAINS:
            found = [row[against] for row in rows if row["outcome"] == outcome]
            found = [gain for gain in found if gain != ""]
            if not found:
                continue
            gain = {"median": rounded(statistics.median(found)), "least": min(found)}
            row = {"outcome": outcome, "gain": against, "contrasts": len(found)} | gain
            if against == GAINS[0]:
                row |= {"wanted": WANTED, "met": "yes" if gain["median"] >= WANTED else "NO"}
            out.append(row)
    return out


def arms() -> dict[str, Settings]:
    """Return the settings of the baseline and of every contrast, at the calibrated point."""
    out = {BASELINE: runs.settings("survey")}
    for name, entry in CONTRASTS.items():
        out[name] = runs.settings("survey")
        out[name].scenario.interventions["contrast"] = dict(entry)
    return out


def simulated(pairs: int) -> dict[str, list[list[float]]]:
    """Return the outcomes of each arm: one row a seed."""
    seeds = [panel.run_seed(STUDY_SEED, run) for run in range(pairs)]
    return {name: [outcomes(of, seed) for seed in seeds] for name, of in arms().items()}


def outcomes(of: Settings, seed: int) -> list[float]:
    """Simulate one run and return the outcomes from the day of the dose on."""
    state = market.initialize(of, seed)
    market.advance(state, 0, state.series.risk.size)
    row = _day_of_dose(of)
    sold = state.trade.records.counts[row:, TradeCounter.AGREED : TradeCounter.REVENUE].sum()
    return [float(state.series.flows[row:, Flow.VISIBLE].sum()), float(sold) / 1000.0]


def _day_of_dose(of: Settings) -> int:
    dose = evidence.inputs()[FROM].date
    assert dose is not None
    return (dose - timeline.horizon(of)[0]).days


def gains(keyed: dict[str, Any], stream: dict[str, Any]) -> Rows:
    """Return, for each contrast and outcome, the effect and ratios of variances."""
    rows = []
    for name in CONTRASTS:
        for place, outcome in enumerate(OUTCOMES):
            with_keys = _column(keyed, name, place) - _column(keyed, BASELINE, place)
            in_order = _column(stream, name, place) - _column(stream, BASELINE, place)
            own = np.var(_column(keyed, name, place), ddof=1)
            own += np.var(_column(keyed, BASELINE, place), ddof=1)
            least = float(np.var(with_keys, ddof=1))
            row = {"contrast": name, "outcome": outcome}
            row |= {"baseline": rounded(float(_column(keyed, BASELINE, place).mean()), 4)}
            row |= {"difference": rounded(float(with_keys.mean()))}
            row |= {"standard_error": rounded((least / with_keys.size) ** 0.5)}
            row |= {"to_independent_seeds": _ratio(float(own), least)}
            rows.append(row | {"to_one_stream": _ratio(float(np.var(in_order, ddof=1)), least)})
    return rows


def _column(found: dict[str, Any], name: str, place: int) -> np.ndarray:
    return np.array(found[name])[:, place]


def _ratio(variance: float, least: float) -> float | str:
    """Return the ratio of two variances; empty where no pair differs at all."""
    return rounded(variance / least) if least > 0.0 else ""


def simulated_with_one_stream(pairs: int) -> dict[str, list[list[float]]]:
    """Simulate all arms with one stream, seeded for each run; this process does nothing else."""
    from benchmarks import one_stream

    seeds = [panel.run_seed(STUDY_SEED, run) for run in range(pairs)]
    one_stream.replace()
    found: dict[str, list[list[float]]] = {}
    for name, of in arms().items():
        found[name] = []
        for seed in seeds:
            one_stream.begin(seed % 2**32)
            found[name].append(outcomes(of, seed))
    return found


if __name__ == "__main__":
    print(json.dumps(simulated_with_one_stream(**json.load(sys.stdin))))
