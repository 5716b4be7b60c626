"""What buyers do to the whole market, with the same random numbers in each pair of markets.

Each law has a negative control: the same without the mechanism, where it does not hold.
"""

import datetime as dt

import numpy as np
import pytest

from marketsim.model.market import advance, initialize
from marketsim.model.state import MarketState, TradeCounter
from marketsim.parameters import posterior, presets

START, WEEKS = dt.date(2015, 8, 1), 20
FIRST = (START - dt.date(2015, 3, 6)).days
LAST = FIRST + 7 * WEEKS


def simulate(seeds: int, entry: dict | None = None, resting: bool = True, **changes) -> list:
    """Return markets of the survey at the calibrated point; else nobody is sated at first."""
    of = presets.named(population="survey", scenario="no_crackdown")
    of.posterior = posterior.POINT
    of = posterior.settings_of(of, posterior.draw(of, 0))
    of.horizon.end = str(START + dt.timedelta(7 * WEEKS))
    if entry:
        of.scenario.interventions = {"mine": {"start": str(START)} | entry}
    for path, value in changes.items():
        group, name = path.split("__")
        setattr(getattr(of, group), name, value)
    out = []
    for seed in range(seeds):
        state = initialize(of, seed)
        state.trade.buyers.at_rest[:] *= resting
        advance(state, 0, LAST)
        out.append(state)
    return out


def delivered(markets: list[MarketState], online: bool = False) -> float:
    """Return the mg handed over from the start on, in all markets."""
    first, end = TradeCounter.DELIVERED, TradeCounter.EARNED - online
    return float(sum(of.trade.records.counts[FIRST:LAST, first:end].sum() for of in markets))


def deals(markets: list[MarketState], rows: slice) -> float:
    return float(sum(of.trade.records.counts[rows, TradeCounter.DEALS].sum() for of in markets))


def test_sales_fall_with_substitutes():
    """The larger the surplus that ivory must be worth, the less is sold.

    At 10 next to nothing is, where willingness to pay differs little between buyers.
    """
    sold = [delivered(simulate(3, {"kind": "substitutes", "surplus": dose}))
            for dose in (0.0, 0.2, 0.5)]  # fmt: skip
    assert sold[0] > sold[1] > sold[2] and sold[1] < 0.98 * sold[0]
    alike = {"demand__spread": 0.67}
    last = simulate(1, {"kind": "substitutes", "surplus": 10.0}, **alike)
    after = slice(FIRST, LAST)  # deals: parcels of those before are still delivered
    assert deals(last, after) < 0.01 * deals(simulate(1, **alike), after)


def test_word_of_mouth_adds_to_seizures():
    """Where half of the parcels are seized, buyers who hear of it buy less; else it is nothing."""
    seized = {"kind": "police_effort", "couriers": 0.5}
    heard, unheard = (delivered(simulate(3, seized, buyers__mouth=mouth), online=True)
                      for mouth in (1.0, 0.0))  # fmt: skip
    assert heard < 0.8 * unheard
    calm = [delivered(simulate(3, buyers__mouth=mouth), online=True) for mouth in (1.0, 0.0)]
    assert calm[0] == pytest.approx(calm[1], rel=0.03)


def test_where_no_parcel_arrives_online_inquiries_end():
    """All parcels seized, and all hear of it: far fewer order online than where nobody hears."""
    seized = {"kind": "police_effort", "couriers": 1.0}
    late = slice(LAST - 28, LAST)
    asked = {mouth: np.sum([of.trade.records.counts[late, TradeCounter.PARCELS].sum()
                            for of in simulate(2, seized, buyers__mouth=mouth)])
             for mouth in (1.0, 0.0)}  # fmt: skip
    assert asked[1.0] < 0.5 * asked[0.0]


def test_buyers_begin_as_sated_as_they_are():
    """Weekly deals do not drift where buyers tire; they fall where nobody is sated at first."""
    late, early = slice(LAST - 84, LAST), slice(0, 84)
    own = {"buyers__budget": 500.0}
    free = simulate(4, buyers__tires=0.0)
    rest = deals(free, late) / deals(free, early)
    drift = [deals(markets, late) / deals(markets, early) / rest
             for markets in (simulate(4, **own), simulate(4, resting=False, **own))]  # fmt: skip
    assert 0.95 < drift[0] < 1.05
    assert drift[1] < drift[0] - 0.03


def test_buyers_who_compare_pay_less():
    """The more buyers compare, the less they pay a gram; without it nobody goes elsewhere."""
    paid, passed = [], []
    for compare in (0.0, 0.5, 1.0):
        markets = simulate(2, buyers__compare=compare)
        counts = sum(of.trade.records.counts[FIRST:LAST].sum(axis=0) for of in markets)
        revenue = counts[TradeCounter.REVENUE : TradeCounter.DELIVERED].sum()
        paid.append(revenue / counts[TradeCounter.AGREED : TradeCounter.REVENUE].sum())
        passed.append(counts[TradeCounter.PASSED_ON])
    assert paid[0] > paid[1] > paid[2] and 0 == passed[0] < passed[1] < passed[2]
