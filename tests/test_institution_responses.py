"""Whole markets under extreme institutions: sharing, arrests for everything, hubs, other places."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pytest
from conftest import settings

from marketsim.model.market import advance, fork, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import Channel, Flow, Stock, TradeCounter
from marketsim.parameters import panel
from marketsim.simulation import run

START = dt.date(2015, 8, 1)
DELIVERED = slice(TradeCounter.DELIVERED, TradeCounter.DELIVERED + len(Channel))


@dataclass(frozen=True)
class Arms:
    """Sums over the weeks after START by arm: arrays with one value a seed."""

    delivered: dict[str, np.ndarray]
    visible: dict[str, np.ndarray]
    active: dict[str, np.ndarray]  # traders on the last day
    seized: dict[str, np.ndarray]

    def ratio(self, what: str, arm: str, to: str = "none") -> np.ndarray:
        """Return an arm by another, seed by seed."""
        of = getattr(self, what)
        return of[arm] / of[to]


def simulate(arms, seeds: int, weeks: int, **changes) -> Arms:
    """Simulate arms in pairs: each forks the market of a seed on START; "none" has no dose.

    Parameters
    ----------
    arms : dict of str to dict
        Interventions by name, without dates.
    seeds, weeks : int
        Pairs, and weeks after START.
    **changes
        Of the settings.
    """
    end = START + dt.timedelta(7 * weeks)

    def of(entries):
        out = settings(1000, "no_crackdown", horizon__end=str(end), **changes)
        for name, entry in entries.items():
            out.scenario.interventions[name] = {"start": str(START)} | entry
        return out

    base = of({})
    levers = {name: timeline.compile_levers(of(entries)) for name, entries in arms.items()}
    levers["none"] = timeline.compile_levers(base)
    first = (START - timeline.horizon(base)[0]).days

    def pair(seed: int) -> dict[str, tuple[float, ...]]:
        trunk = initialize(base, panel.run_seed(29, seed))
        advance(trunk, 0, first)
        out = {}
        for name, one in levers.items():
            state = fork(trunk, one)
            advance(state, first, first + 7 * weeks)
            counts, series = state.trade.records.counts[first:], state.series
            out[name] = (
                float(counts[:, DELIVERED].sum()),
                float(series.flows[first:, Flow.VISIBLE].sum()),
                float(series.stocks[first + 7 * weeks - 1, Stock.ACTIVE]),
                float(state.trade.records.enforcement[first:, :, :, 1].sum()),
            )
        return out

    pairs = run.on_threads(pair, range(seeds), 2)
    columns = ({name: np.array([one[name][k] for one in pairs]) for name in levers}
               for k in range(4))  # fmt: skip
    return Arms(*columns)


SHARED = {"pool": {"kind": "information_sharing", "share": 1.0}}
FOR_ALL = {"institutions__staff": 5.0, "displacement__moved": 0.8}


@pytest.mark.campaign
def test_pooling_does_not_raise_sales():
    """E7: what operators share does not raise delivered sales (sign test over seeds)."""
    found = simulate({"pooled": SHARED}, 20, 26, **FOR_ALL)
    ratio = found.ratio("delivered", "pooled")
    assert (ratio > 1.0).sum() <= 15  # 16 of 20 or more would be a rise at 1 %
    assert np.median(ratio) <= 1.005
    assert np.median(found.ratio("visible", "pooled")) < 1.0


@pytest.mark.campaign
def test_where_every_sanction_ends_in_an_arrest_the_market_empties():
    """E9: every sanction and seized parcel a case, capacity without end, each an arrest."""
    doses = {"hunt": {"kind": "police_effort", "police": 100.0, "sharing": 100.0, "couriers": 0.5,
                      "traces": 1.0, "names": 0.0},
             "staff": {"kind": "moderation_effort", "capacity": 20.0, "recall": 20.0}}  # fmt: skip
    strict = {"police__arrest": 1.0, "police__capacity": 100.0, "police__referred": 0.01}
    heard = simulate({"all": doses}, 8, 52, **strict)
    assert np.median(heard.ratio("active", "all")) <= 0.2
    deaf = {"motive__heed": 0.0, "motive__jail_step": 0.0, "motive__turnover": 0.0,
            "perception__news": 0.0, "perception__warning": 0.0}  # fmt: skip
    unheard = simulate({"all": doses}, 8, 52, **strict | deaf)
    assert np.median(unheard.ratio("active", "all")) > np.median(heard.ratio("active", "all"))


@pytest.mark.campaign
def test_hubs_are_hit_harder_than_anybody():
    """Targeting seizes at least what the same police seize without it, on average over seeds."""
    police = {"more": {"kind": "police_effort", "police": 20.0}}
    hubs = police | {"hubs": {"kind": "targeting", "hub": 1.0}}
    found = simulate({"random": police, "hubs": hubs}, 20, 26, police__arrest=1.0,
                     police__upstream=0.5, police__supplier=0.5,
                     upstream__spread=1.5)  # fmt: skip
    assert found.seized["hubs"].mean() >= found.seized["random"].mean()


def test_operators_alone_move_posts_less_than_all_together():
    """More moderation of other places by all costs at least as many sales as by one, on average."""
    arms = {
        name: {"staff": {"kind": "place_effort", "staff": 100.0, "operators": name}}
        for name in ("tencent", "portals", "websites", "all")
    }
    found = simulate(arms, 6, 13)
    mean = {name: found.ratio("delivered", name).mean() for name in arms}
    assert mean["all"] <= min(mean["tencent"], mean["portals"], mean["websites"]) + 0.01
    assert mean["all"] < 1.0
