"""The laws of the whole market: nothing is made or lost, luck is shared, a zero dose is nothing."""

import datetime as dt
import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from conftest import ALIKE, NEUTRAL, settings, trading
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from marketsim.model import ledger as model_ledger
from marketsim.model.ledger import PRODUCTS, Account, Item
from marketsim.model.market import advance, initialize
from marketsim.model.scenario.interventions import KINDS
from marketsim.model.state import IN_QUEUE, Enforcement, MarketState, Parcel, State, TradeCounter
from marketsim.parameters import presets, priors
from marketsim.parameters.settings import POSTING_ONLY, Settings, check, declared
from marketsim.simulation import run as simulation

FIRST = dt.date(2015, 3, 6)
DAYS = 64  # a week more than the first weeks, after which traders compare
GROUPS = [
    "supply",
    "workshop",
    "retail",
    "resale",
    "demand",
    "payment",
    "delivery",
    "police",
    "legal",
    "motive",
    "buyers",
    "upstream",
    "institutions",
]
RANGES = {
    f"{group}__{name}": (one["low"], one["high"])
    for group in GROUPS
    for name, one in declared(getattr(Settings(), group)).items()
}
# where the largest value would only cost memory and time: the largest that is tried
LARGEST = {
    "demand__max_inquiries_per_day": 40.0,
    "demand__visits": 50.0,
    "demand__friends": 1000.0,
    "demand__buyers": 500.0,
    "legal__customers": 5000.0,
    "resale__agents": 1500.0,
    "buyers__collector": 0.4,  # shares of one whole
    "buyers__investor": 0.3,
    "buyers__traveller": 0.3,
}
PRESENTED = {
    f"style__{name}": (one["low"], one["high"]) for name, one in declared(Settings().style).items()
}
GOODS = [Item.RAW, Item.SEMI_WORKED, Item.UNCARVED, Item.CARVED, Item.WASTE]
ONLY_GROW = [Account.CONSUMED, Account.SEIZED, Account.WASTED, Account.LOST]

# ---------------------------------------------------------------- nothing is made or lost


def extremes(key: str) -> st.SearchStrategy[float]:
    low, high = (RANGES | PRESENTED)[key]
    return st.sampled_from([low, min(high, LARGEST.get(key, high))])


def interventions() -> st.SearchStrategy[dict]:
    """Return interventions of every kind, on any day of the run, at the ends of their doses."""
    dates = st.integers(0, DAYS - 1).map(lambda day: str(FIRST + dt.timedelta(day)))
    kinds = []
    for name, kind in KINDS.items():
        doses = {
            key: st.sampled_from([item.metadata["low"], item.default, item.metadata["high"]])
            for key, item in kind.__dataclass_fields__.items()
            if "unit" in item.metadata
        }
        when = "date" if "date" in kind.__dataclass_fields__ else "start"
        kinds.append(st.fixed_dictionaries({"kind": st.just(name), when: dates} | doses))
    return st.dictionaries(st.sampled_from("abcd"), st.one_of(kinds), max_size=4).filter(
        lambda entries: not {"closure", "legal_supply"} <= {one["kind"] for one in entries.values()}
    )


CHANGES = st.dictionaries(
    st.sampled_from(sorted(RANGES | PRESENTED)), st.none(), max_size=10
).flatmap(lambda keys: st.fixed_dictionaries({key: extremes(key) for key in keys}))
# markets in which one thing is at its end, beside whatever else is drawn
ENDS = (
    {},
    {"supply__suppliers": 0.0},
    {"demand__buyers": 0.0},
    {"workshop__processors": 0.0},
    {"resale__agents": 0.0},
    {
        "police__capacity": 1000.0,
        "police__inspected": 1.0,
        "police__referred": 1.0,
        "police__arrest": 1.0,
        "police__upstream": 1.0,
        "police__supplier": 1.0,
        "police__downstream": 1.0,
        "retail__stall": 1.0,
    },
    {"retail__expected": 1e5, "retail__cover": 2000.0},
    {f"demand__{what}_{product}": end
     for what, end in (("worth", 1000.0), ("piece", 1e5))
     for product in ("raw", "semi", "uncarved", "carved")},
    {"demand__inquiries_per_post": 1.0, "demand__willingness": 100.0, "demand__trust": 1.0},
    {"delivery__days": 7.0, "delivery__intercepted": 0.05, "delivery__lost": 1.0},
    {"payment__escrow": 1.0, "payment__accepted": 1.0, "delivery__lost": 0.5},
    {"buyers__compare": 1.0, "buyers__mouth": 1.0, "buyers__tires": 520.0, "buyers__budget": 1.0,
     "delivery__lost": 0.5, "retail__stall": 0.7},
    {"motive__refund": 1.0, "delivery__lost": 1.0, "motive__seek": 1.0, "motive__recruiting": 1.0,
     "turnover__leave": 0.02, "turnover__entry": 0.02},
)  # fmt: skip


def conserved(state: MarketState, row: int) -> None:
    """Refuse a market in which anything has been made or lost, by holder and in sum."""
    trade = state.trade
    balance, start = trade.books.balance, trade.books.start
    assert (balance.sum(axis=0) == 0).all(), "made or lost"
    assert (balance[: start[Account.ESCROW + 1]] >= 0).all(), "owed"
    assert balance[start[Account.WORKED], GOODS].sum() == 0, "worked"
    ledger = trade.records.ledger
    assert (ledger[row] == np.add.reduceat(balance, start[:-1], axis=0)[: len(Account)]
            * (np.diff(start) > 0)[:, None]).all()  # fmt: skip
    if row > 0:
        assert (ledger[row, ONLY_GROW] >= ledger[row - 1, ONLY_GROW]).all(), "given back"
    on_the_way(state)
    accounted(state)


def on_the_way(state: MarketState) -> None:
    """Refuse couriers and an escrow service that hold anything but what is in the parcels."""
    books, parcels = state.trade.books, state.trade.parcels
    held = np.zeros(PRODUCTS, np.int64)
    escrowed = 0
    for bucket, count in zip(parcels.rows, parcels.count, strict=True):
        np.add.at(held, bucket[:count, Parcel.PRODUCT], bucket[:count, Parcel.MASS])
        escrowed += bucket[:count, Parcel.ESCROWED].sum()
    assert (books.balance[books.start[Account.COURIERS], :PRODUCTS] == held).all()
    assert books.balance[books.start[Account.ESCROW], Item.MONEY] == escrowed


def accounted(state: MarketState) -> None:
    """Refuse tallies that tell of other masses than the books."""
    trade = state.trade
    counts, measures = trade.records.counts.sum(axis=0), trade.records.enforcement.sum(axis=0)

    def mass(account: Account) -> int:
        return trade.books.balance[trade.books.start[account], :PRODUCTS].sum()

    sold = (
        counts[TradeCounter.AGREED : TradeCounter.REVENUE].sum() + counts[TradeCounter.LEGAL_SOLD]
    )
    parcels = measures[Enforcement.PARCELS_SEIZED, :, 1].sum()
    gone = mass(Account.CONSUMED) + mass(Account.LOST) + parcels
    assert sold == gone + mass(Account.COURIERS)
    delivered = counts[TradeCounter.DELIVERED : TradeCounter.EARNED].sum()
    assert delivered + counts[TradeCounter.LEGAL_SOLD] == mass(Account.CONSUMED)
    assert mass(Account.SEIZED) == measures[..., 1].sum()
    assert -mass(Account.POACHED) == counts[TradeCounter.RAW_SHIPPED]


def in_range(state: MarketState) -> None:
    """Refuse minds, friends and people beyond their bounds."""
    trade, friends = state.trade, state.trade.friends
    assert ((trade.buyers.risk >= 0) & (trade.buyers.risk <= 1)).all()
    assert ((trade.buyers.sated >= 0) & (trade.buyers.sated <= 1)).all()
    assert trade.buyers.by_row.sum() == (trade.buyers.bought >= 0).sum()
    assert np.isfinite(trade.buyers.at_rest[1:]).all() and (trade.buyers.at_rest[1:] >= 0).all()
    assert ((trade.dealers.risk >= 0) & (trade.dealers.risk <= 1)).all()
    assert (friends.customers >= 0).all() and (friends.customers <= friends.count).all()
    assert (friends.count <= np.diff(friends.start)).all()
    assert np.isfinite(trade.unit_cost).all() and (trade.unit_cost >= 0).all()
    assert set(np.unique(trade.cases.waiting)) <= {0, IN_QUEUE}
    assert (trade.cases.waiting == IN_QUEUE).sum() == trade.cases.ends[1]
    assert 0 <= trade.seekers.ends[0] <= trade.seekers.buyer.size
    motives, traders = state.motives, state.retailers
    assert ((motives.jail >= 0) & (motives.jail <= 1)).all()
    assert ((motives.drive > 0) & (motives.drive <= 2)).all()
    assert ((motives.value >= -1) & (motives.value <= 3 + 1e-9)).all()  # sums are rounded
    assert all(np.isfinite(array).all() for array in motives)
    for share in (traders.follow, traders.audience, traders.video_share, traders.full_grid):
        assert ((share >= 0) & (share <= 1)).all()
    assert (traders.recruits >= 0).all()
    states = state.retailers.state
    assert ((states >= State.ABSENT) & (states <= State.ARRESTED)).all()


def days_of(of: Settings, seed: int, days: int = DAYS) -> Iterator[tuple[MarketState, int]]:
    check(of)
    state = initialize(of, seed)
    for row in range(days):
        advance(state, row, row + 1)
        yield state, row


@hypothesis_settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    retailers=st.sampled_from([1, 2, 7, 30, 30, 30, 100, 100]),
    recovery=st.sampled_from(priors.STRUCTURES),
    market=st.sampled_from(["full"] * 9 + ["posting_only"]),
    seed=st.integers(0, 2**63 - 1),
    delivery_days=st.integers(1, 7),
    dealers=st.booleans(),
    end=st.sampled_from(ENDS),
    changes=CHANGES,
    entries=interventions(),
)
def test_nothing_is_made_or_lost(
    retailers, recovery, market, seed, delivery_days, dealers, end, changes, entries
):
    """Every item adds up to zero over all holders on every day, and nobody inside owes anything.

    Whatever the levers, the parameters, the structure and the size of the market.
    """
    changes = {"delivery__days": float(delivery_days)} | changes | end
    if dealers:  # so that a small market has some
        changes = {"supply__suppliers": 60.0, "workshop__processors": 90.0} | changes
    of = settings(retailers, recovery=recovery, market=market, **changes)
    of.scenario.interventions = entries
    for state, row in days_of(of, seed):
        conserved(state, row)
    in_range(state)


@pytest.mark.parametrize("end", range(len(ENDS)))
def test_nothing_is_made_or_lost_in_a_large_market(end):
    """The same of 3,000 retailers, each of the extreme markets in its turn."""
    for state, row in days_of(settings(3000, **ENDS[end]), 7, 15):
        conserved(state, row)
    in_range(state)


def test_the_property_test_trades():
    """Negative control: the markets that conserve goods and money do move both."""
    *_, (state, _) = days_of(trading(30, police__capacity=100.0, police__arrest=1.0), 3)
    names = ("DEALS", "PARCELS", "RAW_LANDED", "LEGAL_DEALS", "RESALE_DEALS")
    counts = state.trade.records.counts[:DAYS]
    assert all(counts[:, TradeCounter[name]].any() for name in names)
    assert state.trade.books.balance[:, Item.MONEY].any()


@pytest.mark.parametrize("item", list(Item))
def test_one_milligram_or_fen_too_few_is_refused(item):
    """Negative control: one milligram, or one fen, taken away is refused by name."""
    of = trading()
    state = initialize(of, 3)
    advance(state, 0, 5)
    records = state.trade.records
    model_ledger.close_books(state.trade.books, records.ledger[6])
    state.trade.books.balance[state.trade.books.start[Account.OPENING], item] -= 1
    with pytest.raises(ValueError, match="the ledger does not balance"):
        model_ledger.close_books(state.trade.books, records.ledger[7])
    with pytest.raises(ValueError, match="the ledger does not balance"):
        advance(state, 5, 6)


@pytest.mark.parametrize("account", [a for a in Account if a <= Account.ESCROW])
def test_a_holder_who_owes_is_refused(account):
    """Negative control: a debt of one fen inside the market is refused, though it balances."""
    state = initialize(trading(), 3)
    held = state.trade.books
    holder, outside = held.start[account], held.start[Account.OWNERS]
    fen = held.balance[holder, Item.MONEY] + 1
    held.balance[holder, Item.MONEY] -= fen
    held.balance[outside, Item.MONEY] += fen
    with pytest.raises(ValueError, match="negative balance"):
        model_ledger.close_books(held, state.trade.records.ledger[0])


# ---------------------------------------------------------------- doses


ZERO = {
    "sweep": {"date": "2015-05-29", "accounts": 0, "posts": 0, "publicity": 0},
    "news": {"date": "2015-05-21", "publicity": 0},
    "sweeps": {"start": "2015-05-22", "accounts": 0, "posts": 0, "publicity": 0, "irregular": 1},
    "moderation_effort": {
        "start": "2015-05-22",
        "recall": 1,
        "reports": 1,
        "capacity": 1,
        "images": 0,
        "preblock": 0,
        "auto": 0,
    },
    "channel_closure": {"start": "2015-05-22", "share": 0, "channel": "groups", "ramp": 5},
    "police_effort": {
        "start": "2015-05-22",
        "border": 1,
        "couriers": 0,
        "names": 1,
        "police": 1,
        "traces": 0,
    },
    "raids": {"date": "2015-05-22", "share": 0},
    "legal_supply": {"start": "2015-05-22", "growth": 0, "ramp": 5},
    "announcement": {"start": "2015-05-22", "credibility": 0, "outlook": -3},
    "legal_stock": {"date": "2015-05-22", "bought": 0, "leaked": 0},
    "campaign": {"start": "2015-05-22", "willingness": 1},
    "closure": {"start": "2015-05-22", "share": 0},
    "machines": {"date": "2015-05-22", "share": 0},
    "payment_block": {"start": "2015-05-22", "share": 0, "freeze": 1, "ramp": 5},
    "parcel_refusal": {"start": "2015-05-22", "share": 0, "ramp": 5},
    "account_list": {"date": "2015-05-22", "accounts": 0, "precision": 0.5},
    "teaching": {"date": "2015-05-22", "share": 0, "types": "ab"},
    "sentencing": {"start": "2015-05-22", "ratio": 1, "publicity": 0, "ramp": 5},
    "friend_limit": {"start": "2015-05-22", "friends": 5000},
    "substitutes": {"start": "2015-05-22", "surplus": 0, "ramp": 5},
    "buying_abroad": {"start": "2015-05-22", "share": 0, "ramp": 5},
    "account_sweep": {"date": "2015-05-22", "accounts": 0, "target": "agents", "publicity": 0},
    "place_effort": {"start": "2015-05-22", "staff": 1, "recall": 1, "ramp": 5},
    "information_sharing": {"start": "2015-05-22", "share": 0, "operators": "tencent+portals"},
    "targeting": {"start": "2015-05-22", "hub": 0, "ramp": 5},
    "reallocation": {"start": "2015-05-22", "shift": 0},
    "stings": {"start": "2015-05-22", "purchases": 0, "ramp": 5},
}
DOSES = {
    "sweep": {"posts": 2000, "accounts": 2000},
    "news": {"publicity": 1.0},
    "sweeps": {"posts": 2000, "accounts": 2000, "every": 7.0, "types": "ab/cd"},
    "moderation_effort": {"reports": 50.0, "images": 0.5, "linking": 1.0},
    "channel_closure": {"share": 1.0},
    "raids": {"share": 1.0},
    "legal_supply": {"growth": 3.0},
    "announcement": {"credibility": 1.0},
    "legal_stock": {"leaked": 1.0},
    "police_effort": {"border": 5.0, "couriers": 0.5, "police": 100.0},
    "campaign": {"willingness": 0.5},
    "closure": {"share": 1.0},
    "machines": {"share": 1.0},
    "payment_block": {"share": 0.5},
    "parcel_refusal": {"share": 0.5},
    "account_list": {"accounts": 2000.0},
    "teaching": {"share": 0.5},
    "sentencing": {"ratio": 20.0, "publicity": 1.0},
    "friend_limit": {"friends": 20.0},
    "substitutes": {"surplus": 0.5},
    "buying_abroad": {"share": 1.0},
    "account_sweep": {"accounts": 20_000.0},
    "place_effort": {"staff": 100.0},
    "information_sharing": {"share": 1.0, "operators": "all"},
    "targeting": {"hub": 1.0},
    "reallocation": {"shift": 2.0},
    "stings": {"purchases": 50.0},
}


ARRESTS = {"police__capacity": 10.0, "police__inspected": 0.002, "police__arrest": 1.0}


def tables(entries: dict[str, dict], run=1, **changes) -> dict[str, pd.DataFrame]:
    """Return a market with arrests enough for traders to fear some, and all to know of them."""
    of = trading(250, "no_crackdown", **ARRESTS | changes)
    of.scenario.interventions = {name: {"kind": name} | entry for name, entry in entries.items()}
    return simulation.run_tables(of, run)


@pytest.fixture(scope="module")
def baseline():
    return tables({})


def test_every_kind_of_intervention_is_compared():
    """The doses below are of every kind there is."""
    assert set(ZERO) == set(DOSES) == set(KINDS)


@pytest.mark.parametrize("kind", list(ZERO))
def test_a_zero_dose_changes_no_table(kind, baseline):
    """An intervention without a dose changes no byte of any table of the whole market."""
    dosed = tables({kind: ZERO[kind]})
    for name in simulation.TABLES:
        assert dosed[name].equals(baseline[name]), name


@pytest.mark.parametrize("kind", list(DOSES))
def test_arms_are_one_until_the_first_dose(kind, baseline):
    """Before its first day a dose moves nothing in any table; after it something is moved."""
    entry = ZERO[kind] | DOSES[kind]
    if kind == "buying_abroad":  # what the legal market no longer sells
        closed = {"closure": ZERO["closure"] | DOSES["closure"]}
        baseline, dosed = tables(closed), tables(closed | {kind: entry})
    else:
        dosed = tables({kind: entry})
    first = dt.date.fromisoformat(entry.get("date") or entry["start"])
    moved = False
    for name in ("daily", "prices", "enforcement", "ledger"):
        parts = [early_and_late(arm[name], first) for arm in (baseline, dosed)]
        assert parts[0][0].equals(parts[1][0]), name
        moved |= not parts[0][1].equals(parts[1][1])
    assert moved


def early_and_late(table: pd.DataFrame, first: dt.date) -> list[pd.DataFrame]:
    """Part a table at a day; accounts that hold nothing on any day are left out of both parts."""
    late = (pd.to_datetime(table["day"]) >= pd.Timestamp(first)).to_numpy()
    parts = [table[~late], table[late]]
    if "balance" in table:
        parts = [part[part["balance"] != 0] for part in parts]
    return [part.astype({"day": str}).reset_index(drop=True) for part in parts]


# ---------------------------------------------------------------- motives and styles at rest

# what is changed beside motive=none, and the arrays that may differ: those that record it
AT_REST = {
    # nobody learns, so that no exponent has anything to answer to
    "answers": ({"motive__effort": 4.0, "motive__place": 4.0, "motive__heed": 1.0,
                 "motive__memory": 1.0}, {"gain", "posted", "all_gain", "all_posted"}),
    # nobody hears of arrests, so that no sentence is feared; and nobody fears what all hear of
    "sentences": ({"motive__severity": 100.0}, set()),
    "arrests": ({"motive__jail_step": 1.0}, {"jail"}),
    # nobody is recruited, so that no recruit reports
    "exposure": ({"motive__exposure": 1.0}, set()),
    # all is learned, and no decision depends on it but the full stock: here nobody sells any
    "experience": ({"motive__prior": 5.0, "supply__suppliers": 0.0, "workshop__processors": 0.0},
                   {"value", "norm", "market"}),
    # traders whom nothing was taken from are not guarded
    "guarded": ({"motive__evade": 1.0, "motive__obscure": 1.0, "moderation__capacity": 0.0}, set()),
    # where nobody is banned nobody needs to follow, and on a backup nothing is posted
    "followers": ({"motive__follow": 0.0, "accounts__prepare_always": 0.0,
                   "accounts__prepare_risk": 0.0}, set()),
    # every parcel arrives: nothing is paid back, and no seizure is feared
    "fates": ({"motive__refund": 1.0, "motive__seizure": 1.0}, set()),
    # nobody loses a friend
    "seekers": ({"motive__seek": 1.0, "turnover__leave": 0.0, "moderation__capacity": 0.0,
                 "police__capacity": 0.0}, set()),
    # no newcomers, and founders who have recruited for long and lose nobody
    "start": ({"motive__start": 0.0, "motive__recruiting": 1.0, "turnover__entry": 0.0,
               "turnover__leave": 0.0, "moderation__capacity": 0.0,
               "police__capacity": 0.0}, set()),
    # no videos, and no posts of nine pictures: nothing to spread or to bring together
    "styles": ({"style__video_spread": 2.0, "style__video_days": 0.1, "style__grid_spread": 3.0,
                "posting__video_share": 0.0, "posting__full_grid": 0.0}, set()),
    # nobody tires, and no lever is of one segment
    "segments": ({"buyers__collector": 0.5, "buyers__investor": 0.2, "buyers__traveller": 0.3,
                  "buyers__budget": 1.0}, set()),
    # every parcel arrives
    "mouth": ({"buyers__mouth": 1.0, "delivery__intercepted": 0.0}, set()),
}  # fmt: skip
CALM = {"delivery__lost": 0.0, "delivery__intercepted": 0.0001, "police__capacity": 5.0}
STILL = ("no_crackdown", "combined")


def arrays_of(value, name="") -> dict[str, np.ndarray]:
    """Return all arrays of a state by the path of their names."""
    if isinstance(value, np.ndarray):
        return {name: value}
    parts = value._asdict().items() if hasattr(value, "_asdict") else ()
    return {
        path: array
        for key, part in parts
        if key not in ("params", "levers")
        for path, array in arrays_of(part, f"{name}.{key}" if name else key).items()
    }


def different(one: MarketState, two: MarketState) -> set[str]:
    """Return the arrays that differ by their names."""
    first, second = arrays_of(one), arrays_of(two)
    assert set(first) == set(second)
    return {name for name in first if first[name].tobytes() != second[name].tobytes()}


def rested(days=100, entries=None, **changes) -> MarketState:
    of = trading(150, *STILL, **NEUTRAL | ALIKE | CALM | changes)
    of.scenario.interventions = entries or {}
    state = initialize(of, 3)
    advance(state, 0, days)
    return state


@pytest.mark.parametrize("name", list(AT_REST))
def test_a_motive_without_an_occasion_changes_nothing(name):
    """Where what it responds to does not happen, a parameter moves no array of the market.

    Its own memory apart, which nobody reads.
    """
    changes, own = AT_REST[name]
    occasion = {key: value for key, value in changes.items() if key.split("__")[0] not in
                ("motive", "style", "buyers")}  # fmt: skip
    plain, motivated = rested(**occasion), rested(**changes)
    assert plain.trade.records.counts[:, TradeCounter.DEALS].sum() > 100
    assert {path.rsplit(".", 1)[-1] for path in different(plain, motivated)} <= own


# parameters that answer to something, and what happens
OCCASIONS = {
    "prior": ({"motive__prior": 5.0, "motive__effort": 1.0}, {}),
    "severity": ({"motive__jail_step": 1.0, "motive__severity": 100.0, "motive__prior": 1.0}, {}),
    "recruiting": ({"motive__recruiting": 1.0}, {}),
    "start": ({"motive__start": 0.0}, {"turnover__entry": 0.01}),
    "turnover": ({"motive__turnover": 3.0}, {"turnover__entry": 0.01}),
    "crowding": ({"motive__crowding": 0.5}, {}),
    "follow": ({"motive__follow": 0.1}, {}),
    "refund": ({"motive__refund": 1.0}, {"delivery__lost": 0.5}),
    "seizure": ({"motive__seizure": 1.0}, {"delivery__intercepted": 0.05}),
    "guarded": ({"motive__evade": 1.0, "motive__obscure": 0.5}, {}),
    "video_spread": ({"style__video_spread": 1.0}, {}),
    "video_days": ({"style__video_days": 0.3}, {}),
    "grid_spread": ({"style__grid_spread": 1.0}, {}),
    "batch": ({"style__batch": 1.0}, {}),
    "quality": ({"retail__quality_carved": 0.3}, {}),
    "tires": ({"buyers__tires": 26.0}, {}),
    "compare": ({"buyers__compare": 0.3}, {}),
    "mouth": ({"buyers__mouth": 1.0}, {"delivery__lost": 0.5}),
}


@pytest.mark.parametrize("name", list(OCCASIONS))
def test_a_motive_with_an_occasion_changes_something(name):
    """Negative control: the same parameters are noticed where what they respond to happens."""
    changes, occasion = OCCASIONS[name]
    entry = {"s": {"kind": "sweep", "date": "2015-03-20", "accounts": 3000.0, "posts": 6000.0}}
    plain, motivated = (
        rested(entries=entry, **occasion),
        rested(entries=entry, **changes, **occasion),
    )
    own = ("motives.", "trade.buyers.")
    moved = {path for path in different(plain, motivated) if not path.startswith(own)}
    assert moved


@pytest.mark.parametrize("kind", list(ZERO))
@pytest.mark.parametrize("motive", ["none", "learned"])
def test_a_lever_at_rest_moves_no_array(kind, motive):
    """An intervention without a dose leaves every array of the state as it was."""
    early = {"date": "2015-03-20", "start": "2015-03-20"}
    entry = {"kind": kind} | ZERO[kind]
    entry |= {key: value for key, value in early.items() if key in entry}
    plain, dosed = (rested(80, entries=of, motive=motive) for of in ({}, {"mine": entry}))
    assert not different(plain, dosed)


# of the model before prices looked ahead and buyers tired (a96e599), without laundering, by motive
# and scenario; made anew when posts came to share random words, from a model that had the bytes of
# that commit until then (916b792), and so were those below
BEFORE_PRICES = {
    ("none", "baseline_2015"): "72300f74550cfc29c5343aaebbb00829a267cd6bb75a08372e9db60078b190ba",
    ("none", "domestic_ban_enforced"):
        "5b2c1e7f3ff9fc772b830f331d2806a8d2073acfb9923c58074a79f9fb048ac9",
    ("none", "police_records"): "784190bd17abe6718a89346bd4ddfc3ac55e937242385cf7f8b5d1a742149858",
    ("learned", "baseline_2015"):
        "9d4e8096313899ba20a7c9ee8b0933ab8756e1a4714af901f3600545f10f298a",
    ("learned", "domestic_ban_enforced"):
        "5adbb7136ebb4303250a21e04a77bea11ffc544867da3c2e467c76b138f76f81",
    ("learned", "police_records"):
        "b630e19523d64d26b23a11deb0e72c3ef5bd698f0dae5047c9872250e36ee8a8",
}  # fmt: skip
FLOWS, COUNTS, MEASURES = 14, 41, 17  # columns of that commit
# of the commit before dealers and operators were actors (af388cf)
BEFORE_INSTITUTIONS = {
    "baseline_2015": "b6c03d9171f3bbdeede3e8bb75f80c0eff42959b849f5e4bf7d124a2e236eb75",
    "domestic_ban_enforced": "010f73841ec825950930347c84462101b09458dd2f4f1067eed9088fcda9ba14",
    "police_records": "b8900d2f64edae981414b0ca1f35648ba4bee0c3751f0ef911fc89085dd2789a",
}
COUNTS_BEFORE_INSTITUTIONS = 52


ALONE = {"upstream": "none", "institutions": "none"}


def digest_of(scenario: str, counts: int, endless: bool = False, **choices: str) -> str:
    """Return the checksum of the columns of a commit, of 300 traders and frequent seizures.

    Where the legal stock is `endless`, nothing is laundered either.
    """
    of = presets.named(population="survey", scenario=scenario, **choices)
    of.posterior, of.population.retailers = "none", 300
    of.police.capacity, of.delivery.intercepted = 5.0, 0.02
    if endless:
        of.legal.reuse, of.legal.stock = 0.0, 1e6
    state = initialize(of, 7)
    advance(state, 0, state.series.risk.size)
    series, retailers, records = state.series, state.retailers, state.trade.records
    digest = hashlib.sha256()
    for array in (
        *(series.flows[:, :FLOWS], series.stocks, series.risk, state.survey_log),
        *(records.counts[:, :counts], records.prices, records.enforcement[:, :MEASURES]),
        *(retailers.state, retailers.risk, state.trade.shops.sold),
    ):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize(("motive", "scenario"), list(BEFORE_PRICES))
def test_neutral_prices_give_the_bytes_of_before(motive, scenario):
    """Prices that do not look ahead are yesterday's numbers, to the last bit."""
    neutral = ALONE | {"motive": motive, "prices": "none", "buyers": "none"}
    assert digest_of(scenario, COUNTS, True, **neutral) == BEFORE_PRICES[motive, scenario]


@pytest.mark.parametrize("scenario", list(BEFORE_INSTITUTIONS))
def test_neutral_institutions_give_the_bytes_of_before(scenario):
    """Dealers who are alike and operators who watch Moments alone change no bit."""
    found = digest_of(scenario, COUNTS_BEFORE_INSTITUTIONS, **ALONE)
    assert found == BEFORE_INSTITUTIONS[scenario]


@pytest.mark.parametrize("layer", [{"prices": "expectations"}, {"buyers": "segmented"}], ids=str)
def test_layers_that_are_on_give_other_bytes(layer):
    """Negative control: the checksum notices the price level, and buyers who tire or compare."""
    neutral = ALONE | {"motive": "none", "prices": "none", "buyers": "none"} | layer
    found = digest_of("baseline_2015", COUNTS, True, **neutral)
    assert found != BEFORE_PRICES["none", "baseline_2015"]


@pytest.mark.parametrize("layer", [{"upstream": "hubs"}, {"institutions": "actors"}], ids=str)
def test_actors_give_other_bytes(layer):
    """Negative control: the checksum notices dealers of different size, and moderated places."""
    found = digest_of("baseline_2015", COUNTS_BEFORE_INSTITUTIONS, **ALONE | layer)
    assert found != BEFORE_INSTITUTIONS["baseline_2015"]


# ---------------------------------------------------------------- numbers stay numbers


def not_finite(value, path="state"):
    """Return the names of arrays and numbers of a market that hold inf or nan."""
    if isinstance(value, tuple):
        names = getattr(value, "_fields", range(len(value)))
        parts = (not_finite(one, f"{path}.{name}") for name, one in zip(names, value, strict=True))
        return [found for part in parts for found in part]
    return [] if np.isfinite(value).all() else [path]


@pytest.mark.parametrize("scenario", presets.names("scenario"))
def test_every_number_is_finite_to_the_end(scenario):
    """No kernel divides by zero: compiled code would not stop there."""
    of = presets.named(population="survey", scenario=scenario)
    of.posterior, of.population.retailers = "none", 100
    state = initialize(of, 7)
    advance(state, 0, state.series.risk.size)
    assert not_finite(state) == []


def test_a_number_that_is_not_finite_is_found():
    """Negative control: one nan in perceived risk is named, and the days after do not hide it."""
    state = initialize(presets.named(population="survey"), 7)
    state.retailers.risk[0] = np.nan
    advance(state, 0, 5)
    assert "state.retailers.risk" in not_finite(state)


# ---------------------------------------------------------------- the posting side alone


def test_in_a_market_of_posts_nobody_trades():
    """Where `market` is posts there are no goods, no money, no deals and no police."""
    state = initialize(
        settings(300, market=POSTING_ONLY, police__capacity=1000.0, police__inspected=1.0), 3
    )
    advance(state, 0, state.series.risk.size)
    trade = state.trade
    assert state.series.flows.any()
    assert not trade.books.balance[:, :PRODUCTS].any()
    assert not trade.records.counts.any()
    done = trade.records.enforcement.any(axis=(0, 2, 3))
    assert set(np.flatnonzero(done).tolist()) == {
        Enforcement.POSTS_REMOVED,
        Enforcement.ACCOUNTS_BANNED,
    }
    assert not (state.retailers.state == State.ARRESTED).any()


def test_trade_moves_no_post_of_a_market_of_posts():
    """Whatever is set about the chain leaves the posting series and the survey as they were."""
    trade = {key: low for key, (low, _) in RANGES.items() if not key.startswith("demand__taste")}
    other = {key: high for key, (_, high) in RANGES.items() if not key.startswith("resale__")}
    plain, *others = (
        simulation.simulate(settings(300, market=POSTING_ONLY, **changes), 5)
        for changes in ({}, trade, other)
    )
    for one in others:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(plain[0], one[0], strict=True))
        assert (one[2].seen == plain[2].seen).all()
    whole = simulation.simulate(trading(300), 5)
    assert whole[0].flows.tobytes() != plain[0].flows.tobytes()


def test_without_push_and_police_trade_moves_no_post():
    """Posts feel trade through stock, motives and police, and no other way."""
    apart = {"retail__stock_effect_on_posting": 0.0, "police__capacity": 0.0, "motive": "none",
             "institutions": "none"}  # fmt: skip
    whole = simulation.simulate(trading(300, **apart), 5)[0]
    posts = simulation.simulate(settings(300, market=POSTING_ONLY), 5)[0]
    assert (whole.flows == posts.flows).all() and (whole.risk == posts.risk).all()
    moved = simulation.simulate(
        trading(300, **apart | {"retail__stock_effect_on_posting": 0.5}), 5
    )[0]
    assert not (moved.flows == posts.flows).all()
    motivated = simulation.simulate(trading(300, **apart | {"motive": "learned"}), 5)[0]
    assert not (motivated.flows == posts.flows).all()
