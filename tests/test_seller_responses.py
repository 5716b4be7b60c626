"""Extreme conditions: what must happen to sellers when an input is everything or nothing.

Each market is simulated with and without a dose from 1 August 2015 on, with common random numbers,
in a market of 1,000 traders without the crackdown. The default suite has four pairs and half a
year; `pytest -m campaign tests/test_seller_responses.py` has 20 pairs and a year. Each claim has a
negative control: the same dose where traders have no motive (`motive=none`).
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from conftest import settings

from marketsim.model.ledger import Item
from marketsim.model.market import advance, fork, initialize
from marketsim.model.scenario import timeline
from marketsim.model.state import (
    Channel,
    Flow,
    Learned,
    MarketState,
    Stage,
    Stock,
    TradeCounter,
)
from marketsim.parameters import panel
from marketsim.simulation import run

START = dt.date(2015, 8, 1)
ONLINE = [Channel.MOMENTS, Channel.GROUPS, Channel.PUBLIC, Channel.SOCIAL, Channel.WEBSITES]
POSTS = [Flow.VISIBLE, Flow.BACKUP, Flow.GROUPS, Flow.ELSEWHERE]
PARCELS = 21  # days until the last parcel sent before the start has arrived
DOSES: dict[str, dict[str, Any]] = {
    "all parcels seized": {"kind": "police_effort", "couriers": 1.0},
    "a parcel in 20 seized": {"kind": "police_effort", "couriers": 0.05},
    "a parcel in 5 seized": {"kind": "police_effort", "couriers": 0.2},
    "buyers pay a twentieth": {"kind": "campaign", "willingness": 0.05},
    "buyers pay a fifth less": {"kind": "campaign", "willingness": 0.8},
    "buyers pay five times as much": {"kind": "campaign", "willingness": 5.0},
    "nobody buys": {"kind": "campaign", "willingness": 0.0},
    "all blocked": {"kind": "moderation_effort", "images": 1.0, "preblock": 1.0},
    "all removed": {"kind": "moderation_effort", "images": 1.0, "auto": 1.0},
    "all removed, no moderators": {
        "kind": "moderation_effort", "images": 1.0, "auto": 1.0, "capacity": 0.0
    },
    "half of the sellers leave": {"kind": "teaching", "share": 0.5, "types": "abcd"},
}  # fmt: skip


@dataclass(frozen=True)
class Weeks:
    """A market by weeks from the start, arrays of shape (pairs, weeks)."""

    posts: np.ndarray  # online, wherever visible to somebody
    visible: np.ndarray  # in Moments in the evening
    agreed: np.ndarray  # mg online
    delivered: np.ndarray  # mg online
    moments: np.ndarray  # mg delivered from Moments
    stalls: np.ndarray  # mg
    deals: np.ndarray
    active: np.ndarray  # traders
    value: np.ndarray  # of the trade to a newcomer
    entry: np.ndarray  # newcomers a candidate, against the rate at rest


def weeks_of(state: MarketState, number: int, first: int, values: list[float]) -> dict[str, Any]:
    """Return weekly sums (traders: means) of one run."""

    def weekly(daily: np.ndarray) -> np.ndarray:
        return daily[first : first + 7 * number].reshape(number, 7, -1).sum(axis=(1, 2))

    flows, counts = state.series.flows, state.trade.records.counts
    agreed = counts[:, TradeCounter.AGREED : TradeCounter.REVENUE]
    delivered = counts[:, TradeCounter.DELIVERED : TradeCounter.EARNED]
    value = np.array(values)
    turnover = state.params.motive.turnover
    return {
        "posts": weekly(flows[:, POSTS]),
        "visible": weekly(flows[:, Flow.VISIBLE]),
        "agreed": weekly(agreed[:, ONLINE]),
        "delivered": weekly(delivered[:, ONLINE]),
        "moments": weekly(delivered[:, Channel.MOMENTS]),
        "stalls": weekly(delivered[:, Channel.PHYSICAL]),
        "deals": weekly(counts[:, TradeCounter.DEALS]),
        "active": weekly(state.series.stocks[:, Stock.ACTIVE]) / 7.0,
        "value": value,
        "entry": np.minimum(np.exp(turnover * (value - 1.0)), 2.0),
    }


def simulate(
    motive: str,
    seeds: int,
    number: int,
    doses: dict[str, dict[str, Any]] = DOSES,
    **changes: object,
) -> dict[str, Weeks]:
    """Return each dose's market, and that without a dose by the name "none"."""
    end = START + dt.timedelta(7 * number)
    base = settings(1000, "no_crackdown", motive=motive, horizon__end=str(end), **changes)
    levers = {"none": timeline.compile_levers(base)}
    for name, entry in doses.items():
        one = settings(1000, "no_crackdown", motive=motive, horizon__end=str(end), **changes)
        when = {"date" if entry["kind"] in ("teaching", "sweep") else "start": str(START)}
        one.scenario.interventions["dose"] = entry | when
        levers[name] = timeline.compile_levers(one)
    first = (START - timeline.horizon(base)[0]).days

    def pair(seed: int) -> dict[str, dict[str, Any]]:
        trunk = initialize(base, panel.run_seed(17, seed))
        advance(trunk, 0, first)
        found = {}
        for name, of in levers.items():
            state, values = fork(trunk, of), []
            for week in range(number):
                advance(state, first + 7 * week, first + 7 * week + 7)
                values.append(float(state.motives.market[Learned.VALUE]))
            found[name] = weeks_of(state, number, first, values)
        return found

    pairs = run.on_threads(pair, range(seeds), 2)
    return {
        name: Weeks(**{key: np.stack([one[name][key] for one in pairs]) for key in pairs[0][name]})
        for name in levers
    }


@dataclass(frozen=True)
class Found:
    """Markets with and without motives."""

    learned: dict[str, Weeks]
    none: dict[str, Weeks]
    weeks: int

    def ratio(self, dose: str, what: str, week: int, motive: str = "learned") -> float:
        """Return dosed by undosed in the two weeks to `week`, the mean over pairs."""
        markets = getattr(self, motive)
        dosed, rest = (
            getattr(markets[name], what)[:, week - 2 : week].sum(axis=1) for name in (dose, "none")
        )
        return float(np.mean(dosed / rest))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((4, 26), id="half a year"),
        pytest.param((20, 52), id="year", marks=pytest.mark.campaign),
    ],
)
def found(request) -> Found:
    seeds, weeks = request.param
    learned = simulate("learned", seeds, weeks, motive__evade=0.0)
    none = simulate("none", seeds, weeks)
    return Found(learned, none, weeks)


# dose, what, in the two weeks to which week, at least, at most: against the market without a dose
BOUNDS = [
    ("all parcels seized", "posts", 8, 0.0, 0.65),
    ("all parcels seized", "posts", 13, 0.0, 0.50),
    ("all parcels seized", "posts", 26, 0.0, 0.35),
    ("all parcels seized", "agreed", 8, 0.0, 0.5),
    ("all parcels seized", "active", 50, 0.0, 0.9),
    ("all parcels seized", "entry", 26, 0.0, 0.75),
    ("a parcel in 20 seized", "posts", 13, 0.90, 0.99),
    ("a parcel in 5 seized", "posts", 13, 0.70, 0.90),
    ("buyers pay a twentieth", "posts", 13, 0.0, 0.70),
    ("buyers pay a twentieth", "posts", 26, 0.0, 0.60),
    ("buyers pay a twentieth", "posts", 50, 0.0, 0.45),
    ("buyers pay a twentieth", "active", 50, 0.0, 0.75),
    ("buyers pay a twentieth", "entry", 26, 0.0, 0.4),
    ("buyers pay a fifth less", "posts", 26, 0.80, 0.98),
    ("buyers pay a fifth less", "agreed", 26, 0.65, 0.89),  # part comes back as ivory gets cheaper
    ("buyers pay five times as much", "posts", 13, 1.05, 2.0),
    ("buyers pay five times as much", "entry", 13, 1.0, 2.5),
    ("nobody buys", "posts", 13, 0.0, 0.70),
    ("nobody buys", "posts", 26, 0.0, 0.60),
    ("half of the sellers leave", "entry", 26, 1.0, 2.0),
]


@pytest.mark.parametrize(("dose", "what", "week", "low", "high"), BOUNDS)
def test_sellers_respond_to_extremes(found, dose, what, week, low, high):
    """Within the bounds with motives; outside of them where traders have none."""
    if week > found.weeks:
        pytest.skip("in the year's pairs only: pytest -m campaign")
    assert low <= found.ratio(dose, what, week) <= high
    neutral = found.ratio(dose, what, week, "none")
    assert not low < neutral < high, "negative control: without motives nothing like it happens"


def test_where_all_parcels_are_seized_nothing_arrives(found):
    """Not a gram online once the last parcels have arrived; stalls lose those who leave only."""
    seized, rest = found.learned["all parcels seized"], found.learned["none"]
    assert not seized.delivered[:, PARCELS // 7 :].any()
    assert seized.stalls.sum() >= 0.9 * rest.stalls.sum()
    assert rest.delivered[:, PARCELS // 7 :].all()  # negative control


@pytest.mark.parametrize("dose", ["all blocked", "all removed", "all removed, no moderators"])
def test_where_all_posts_are_known_none_stands(found, dose):
    """No post in Moments is visible in the evening, from the first day on.

    Where posts are blocked before they appear, next to nothing is sold through Moments: what is
    left are backup accounts and resale. All that is posted online falls by at least two fifths.
    """
    dosed, rest = found.learned[dose], found.learned["none"]
    assert not dosed.visible.any()
    assert rest.visible.all()  # negative control
    if dose == "all blocked":
        assert dosed.moments[:, PARCELS // 7 :].sum() < 0.02 * rest.moments.sum()
        assert found.ratio(dose, "posts", 26) < 0.6
    else:  # removed in the evening: seen during the day
        assert dosed.moments[:, PARCELS // 7 :].sum() > 0.1 * rest.moments.sum()


def test_where_nobody_pays_nobody_buys(found):
    """No deal from the first week on."""
    assert not found.learned["nobody buys"].deals.any()
    assert found.learned["none"].deals.all()  # negative control


def test_rivals_who_leave_make_room(found):
    """Those who stay earn more a post, and newcomers replace part of the sales lost in Moments."""
    left, rest = found.learned["half of the sellers leave"], found.learned["none"]
    rise = left.value[:, 13:26].mean(axis=1) / rest.value[:, 13:26].mean(axis=1)
    assert rise.mean() >= 1.02
    if found.weeks >= 52:
        lost = 1.0 - left.moments[:, 2:6].sum(axis=1) / rest.moments[:, 2:6].sum(axis=1)
        still = 1.0 - left.moments[:, -4:].sum(axis=1) / rest.moments[:, -4:].sum(axis=1)
        assert np.mean(still / lost) <= 0.5


# ---------------------------------------------------------------- more of it does more

SHARES = (0.0, 0.2, 0.5, 1.0)
# measures that take a share: the name of the share, and the rest of the entry
MEASURES: dict[str, tuple[str, dict[str, Any]]] = {
    "parcels seized": ("couriers", {"kind": "police_effort"}),
    "parcels refused": ("share", {"kind": "parcel_refusal"}),
    "payments stopped": ("share", {"kind": "payment_block"}),
    "posts blocked": ("preblock", {"kind": "moderation_effort", "images": 1.0}),
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((4, 13), id="a quarter"),
        pytest.param((20, 26), id="half a year", marks=pytest.mark.campaign),
    ],
)
def graded(request) -> dict[str, Weeks]:
    """Return markets under each share of each measure."""
    seeds, weeks = request.param
    doses = {
        f"{name}: {share:g}": entry | {key: share}
        for name, (key, entry) in MEASURES.items()
        for share in SHARES
    }
    return simulate("learned", seeds, weeks, doses, motive__evade=0.0)


@pytest.mark.parametrize("name", list(MEASURES))
def test_more_of_a_measure_leaves_fewer_deliveries(graded, name):
    """Deliveries fall in the share: online, where posts are blocked those through Moments."""
    what = "moments" if name == "posts blocked" else "delivered"
    markets = [getattr(graded[f"{name}: {share:g}"], what) for share in SHARES]
    sums = [market.sum(axis=1).mean() for market in markets]
    assert sums[0] > sums[1] > sums[2] > sums[3]
    if what == "delivered":  # negative control: a share of none is no measure
        assert (markets[0] == graded["none"].delivered).all()


def test_a_ban_costs_less_where_recruits_are_found_faster():
    """Of the sales through Moments, after as many accounts are banned on one day."""
    doses = {"sweep": {"kind": "sweep", "accounts": 3000.0}}
    lost = []
    for recruiting in (0.0, 0.03, 0.15):
        of = simulate("learned", 4, 26, doses, motive__recruiting=recruiting)
        moments = [of[name].moments[:, 13:].sum(axis=1).mean() for name in ("sweep", "none")]
        lost.append(1.0 - moments[0] / moments[1])
    assert lost[0] > lost[1] > lost[2] > 0.0


# ---------------------------------------------------------------- the market at rest

YEARS = dt.date(2017, 12, 31)


def test_the_market_rests_without_interventions():
    """Up to 2018: value of the trade, number of traders and prices stay where they are."""
    of = settings(1000, "no_crackdown", horizon__end=str(YEARS))
    of.scenario.interventions = {}

    def rest(seed: int) -> tuple[float, float, float, float]:
        state = initialize(of, panel.run_seed(23, seed))
        end, first = state.series.risk.size, 56
        values = []
        for row in range(0, end, 7):
            advance(state, row, min(row + 7, end))
            if row > first:
                values.append(float(state.motives.market[Learned.VALUE]))
        active, prices = state.series.stocks[:, Stock.ACTIVE], state.trade.records.prices
        sums = [
            part[:, Item.CARVED, Stage.SOLD].sum(axis=(0, 1))
            for part in (prices[first : first + 182], prices[-182:])
        ]
        before, after = (one[0] / one[2] for one in sums)
        traders = active[-28:].mean() / active[first : first + 28].mean()
        return float(np.mean(values)), values[-1], traders, after / before

    value, last, traders, price = np.mean(run.on_threads(rest, range(6), 2), axis=0)
    assert 0.95 <= value <= 1.05 and 0.93 <= last <= 1.07
    assert 0.95 <= traders <= 1.05
    assert 0.85 <= price <= 1.15
