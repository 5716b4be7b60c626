"""What common draws are worth: the variance of a difference between two scenarios.

Two arms, the baseline and the same with one policy more, are lived with many seeds. The variance
of their difference with the seed in common is held against that with a seed of its own for each
arm, which is the sum of the arms' variances, and against that with the seed in common and one
stream of draws, taken in the order in which the model asks (a process of its own, see
`other_words`).
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
from marketsim.parameters import evidence
from marketsim.parameters.settings import Settings
from marketsim.simulation import run as simulation

FROM = "sweep_may"
CONTRASTS: dict[str, dict[str, Any]] = {
    "sweep of double dose": {"kind": "sweep", "date": FROM, "accounts": "sweep_may_accounts"}
    | {"posts": "sweep_may_posts", "lean": 0.5},
    "user reports x 5": {"kind": "effort", "start": FROM, "reports": 5.0},
    "border x 3": {"kind": "chase", "start": FROM, "border": 3.0},
    "couriers x 20": {"kind": "chase", "start": FROM, "couriers": 20.0},
    "willingness x 0.9": {"kind": "campaign", "start": FROM, "willingness": 0.9},
    "legal market closed": {"kind": "closure", "start": FROM, "share": 1.0},
}
OUTCOMES = ("visible posts", "grams sold")
GAINS = ("to_own_seeds", "to_one_stream")
STUDY_SEED = 2015
WANTED = 5.0
BASELINE = "baseline"


def options(words: argparse.ArgumentParser) -> None:
    """Add the options of this part."""
    words.add_argument(
        "--pairs",
        type=int,
        default=40,
        metavar="SEEDS",
        help="common draws: pairs of runs for each contrast",
    )


def measure(asked: argparse.Namespace) -> list[Table]:
    """Live all arms with keyed draws here and with one stream in another process."""
    keyed = lived(asked.pairs)
    with tempfile.TemporaryDirectory() as empty:
        task = {"pairs": asked.pairs}
        stream = runs.in_a_process("benchmarks.common_draws", task, NUMBA_CACHE_DIR=empty)
    rows = gains(keyed, stream)
    note = (
        f"{asked.pairs} pairs in markets of the survey; sums from the dose to the end. The last "
        "two columns: variance of the difference against that with common draws (nothing where "
        "no pair differs at all)."
    )
    return [Table("common draws", rows, note), Table("common draws in the middle", middle(rows))]


def middle(rows: Rows) -> Rows:
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


def lived(pairs: int) -> dict[str, list[list[float]]]:
    """Return the outcomes of each arm: one row a seed."""
    seeds = [simulation.run_seed(STUDY_SEED, run) for run in range(pairs)]
    return {name: [outcomes(of, seed) for seed in seeds] for name, of in arms().items()}


def outcomes(of: Settings, seed: int) -> list[float]:
    """Live one run and return what is asked about, from the day of the dose on."""
    state = market.initialize(of, seed)
    market.advance(state, 0, state.series.risk.size)
    row = _day_of_dose(of)
    sold = state.trade.records.counts[row:, TradeCounter.SOLD : TradeCounter.REVENUE].sum()
    return [float(state.series.flows[row:, Flow.VISIBLE].sum()), float(sold) / 1000.0]


def _day_of_dose(of: Settings) -> int:
    dose = evidence.inputs()[FROM].date
    assert dose is not None
    return (dose - timeline.horizon(of)[0]).days


def gains(keyed: dict[str, Any], stream: dict[str, Any]) -> Rows:
    """Return, for each contrast and outcome, the effect and variances against those in common."""
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
            row |= {"to_own_seeds": _ratio(float(own), least)}
            rows.append(row | {"to_one_stream": _ratio(float(np.var(in_order, ddof=1)), least)})
    return rows


def _column(found: dict[str, Any], name: str, place: int) -> np.ndarray:
    return np.array(found[name])[:, place]


def _ratio(variance: float, least: float) -> float | str:
    """Return how many times as large a variance is; nothing where no pair differs at all."""
    return rounded(variance / least) if least > 0.0 else ""


def lived_in_order(pairs: int) -> dict[str, list[list[float]]]:
    """Do the same with one stream, begun anew for each run, in this process given up for it."""
    from benchmarks import other_words

    seeds = [simulation.run_seed(STUDY_SEED, run) for run in range(pairs)]
    other_words.replace(other_words.in_turn)
    found: dict[str, list[list[float]]] = {}
    for name, of in arms().items():
        found[name] = []
        for seed in seeds:
            other_words.begin(seed % 2**32)
            found[name].append(outcomes(of, seed))
    return found


if __name__ == "__main__":
    print(json.dumps(lived_in_order(**json.load(sys.stdin))))
