"""Screen every uncertain parameter over all policies: `python policy_screening.py [TRAJECTORIES]`.

Morris trajectories under the prior change one parameter at a time. At each point the market is
simulated to 31 July 2015, and from there once without and once with each policy, with common random
numbers. It writes `screening.csv`: one row a parameter, one column a policy, with the parameter's
share of the elementary effects (mean of their sizes) on the change of ivory delivered in half a
year, percent of all parameters, and `largest`, the largest over policies.
"""

import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from marketsim.analysis.sensitivity import indices
from marketsim.model.market import advance, fork, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import Channel, TradeCounter
from marketsim.parameters import panel, presets, priors
from marketsim.simulation import run as simulation

HERE = Path(__file__).parent
POLICIES = (
    "repeated_sweeps", "heaviest_posters", "linked_backups", "blocking_before_posting",
    "reporting_drive", "courier_checks", "payment_freeze", "police_records",
    "undercover_purchases", "more_police_hubs", "longer_sentences_publicized",
    "supplier_interdiction", "demand_reduction", "campaign_gifts", "domestic_ban_enforced",
    "legal_sale", "substitutes", "pooled_information", "all_operators",
    "collectables_sellers_taught", "friend_limit",
)  # fmt: skip
START, END = dt.date(2015, 8, 1), dt.date(2016, 1, 31)
STRUCTURE = "combined"
SEED = 2015


def settings(scenario: str):
    """Return a scenario for 1,000 traders over the whole horizon."""
    of = presets.named(population="survey", scenario=scenario, recovery=STRUCTURE)
    of.posterior, of.scenario.until = "none", str(END)
    return of


def delivered(state, first: int) -> float:
    """Return the ivory delivered from a row on, g."""
    columns = slice(TradeCounter.DELIVERED, TradeCounter.DELIVERED + len(Channel))
    return float(state.trade.records.counts[first:, columns].sum()) / 1000.0


def effects(values: dict[str, float]) -> list[float]:
    """Return the change of ivory delivered by each policy at one point, percent."""
    base = priors.with_values(settings("baseline_2015"), STRUCTURE, values)
    first = (START - timeline.horizon(base)[0]).days
    trunk = initialize(base, panel.run_seed(SEED, 0))
    advance(trunk, 0, first)
    end = trunk.series.risk.size
    rest = fork(trunk, trunk.levers)
    advance(rest, first, end)
    out = []
    for policy in POLICIES:
        of = priors.with_values(settings(policy), STRUCTURE, values)
        arm = fork(trunk, timeline.compile_levers(of))
        advance(arm, first, end)
        out.append(100.0 * (delivered(arm, first) / max(delivered(rest, first), 1.0) - 1.0))
    return out


def main(trajectories: int) -> None:
    """Simulate the design, write the shares, and print those that are small everywhere."""
    known = priors.everything()
    names = list(known)
    shares = indices.morris_shares(names, trajectories, SEED)
    columns = {name: priors.values(known[name], shares[:, k]) for k, name in enumerate(names)}
    points = pd.DataFrame(columns).to_dict("records")
    found = simulation.on_threads(effects, points, 2)
    means = pd.DataFrame(np.array(found), columns=list(POLICIES))
    table = indices.morris(names, shares, means, SEED)
    wide = table.pivot(index="parameter", columns="outcome", values="mu_star")[list(POLICIES)]
    percent = 100.0 * wide / wide.sum()
    percent["largest"] = percent.max(axis=1)
    percent = percent.sort_values("largest", ascending=False)
    percent.to_csv(HERE / "screening.csv", float_format="%.2f", lineterminator="\n")
    print(percent["largest"].round(2).to_string())
    print(f"{len(points)} points, {len(POLICIES)} policies")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 4)
