"""Buyers who belong to segments, tire, hear of deliveries, compare, and go elsewhere."""

import numpy as np
import pytest
from conftest import levers
from scipy import stats
from test_trading import FALSE_ALARM, Counter

from marketsim.model import buyers
from marketsim.model.kernels.legal_market import sell_legal_ivory
from marketsim.model.ledger import Account, Item
from marketsim.model.state import AtRest, Channel, Heard, Parcel, Segment, TradeCounter
from marketsim.numerics import rng
from marketsim.numerics.elementary import LN_2
from marketsim.numerics.rng import Purpose

SHARES = {"buyers__collector": 0.25, "buyers__investor": 0.1, "buyers__traveller": 0.1}
STALL = {"retail__stall": 1.0, "demand__visits": 100.0, "retail__physical_premium": 0.0}
MANY = {"demand__inquiries_per_post": 0.01}


def segments(of: Counter) -> np.ndarray:
    """Return the segment of each buyer."""
    ids = np.arange(of.trade.buyers.risk.size)
    draws = rng.uniform_array(of.seed, Purpose.SEGMENT, 0, ids)
    return np.array([buyers.segment_of(u, of.params.buyers) for u in draws])


def parcels(of: Counter) -> np.ndarray:
    """Return the parcels that have been sent, in any order."""
    rows = of.trade.parcels.rows.reshape(-1, len(Parcel))
    return rows[rows[:, Parcel.MASS] > 0]


def deals(of: Counter) -> int:
    return int(of.count(TradeCounter.DEALS).sum())


# ---------------------------------------------------------------- segments


def test_segments_have_their_shares():
    """Each segment has its share of buyers; without shares all give ivory away."""
    found = segments(Counter(demand__buyers=10_000.0, **SHARES))
    for segment, share in zip(Segment, (0.55, 0.25, 0.1, 0.1), strict=True):
        assert stats.binomtest(int((found == segment).sum()), found.size, share).pvalue > 1e-6
    assert set(segments(Counter())) == {Segment.GIFT}


@pytest.mark.parametrize("segment", list(Segment))
def test_a_campaign_for_one_segment_leaves_the_others_alone(segment):
    """Where one segment buys nothing any more, all others buy what they did, deal by deal."""
    changes = {"buyers__collector": 0.3, "buyers__investor": 0.2, "buyers__traveller": 0.2}
    before = Counter(**changes, **MANY).posts(moments=5).days(3, carried=False)
    after = Counter(**changes, **MANY).posts(moments=5)
    after.days(3, carried=False, **{f"demand_{segment.name.lower()}": 0.0})
    of = segments(before)
    was, now = (rows[np.lexsort(rows.T)] for rows in (parcels(before), parcels(after)))
    kept = was[of[was[:, Parcel.BUYER]] != segment]
    assert 0 < len(kept) < len(was)
    assert (now == kept).all()


# ---------------------------------------------------------------- satiety


@pytest.mark.parametrize(("segment", "half"), [(0, 182.0), (1, 45.5), (2, None), (3, 182.0)])
def test_satiety_halves_in_its_time(segment, half):
    """A purchase of two fifths of the budget sates by as much; half of it fades in its time."""
    one = {0: {}, 1: {"collector": 1.0}, 2: {"investor": 1.0}, 3: {"traveller": 1.0}}[segment]
    changes = {f"buyers__{name}": share for name, share in one.items()}
    of = Counter(buyers__tires=26.0, buyers__budget=3000.0, **changes)
    of.trade.buyers.at_rest[:] = 0.0
    u_willing, favourite, *_ = buyers.buyer_traits(of.seed, 7, of.params.demand)
    z = float(stats.norm.ppf(u_willing))
    fen = int(0.4 * 300_000 * np.exp(of.params.demand.spread * z))
    buyers.buy(of.seed, 10, 7, fen, of.params, of.trade)
    assert of.trade.buyers.bought[7] == 10
    days = buyers.half_life(segment, of.params.buyers)
    for later in (0, 30, 182):
        traits = (10 + later, 7, u_willing, favourite, days)
        expected = 0.4 * 2.0 ** (-later / half) if half else 0.0
        assert buyers.satiety(*traits, of.params, of.trade) == pytest.approx(expected, abs=1e-4)
    buyers.buy(of.seed, 10, 7, 100 * fen, of.params, of.trade)
    assert of.trade.buyers.sated[7] == (1.0 if half else 0.0)


def test_satiety_at_rest_balances_purchases_and_time():
    """At rest a day's purchases add what the day lets fade, for each buyer by traits."""
    of = Counter(buyers__tires=26.0, **SHARES)
    half = buyers.half_life(0, of.params.buyers)
    of.trade.buyers.at_rest[AtRest.LIMIT] = [0.0, -9.0, 9.0, -9.0]
    of.trade.buyers.at_rest[AtRest.BOUGHT] = [0.001, 0.002, 0.5, 0.003]
    of.trade.buyers.at_rest[AtRest.SPENT] = [1500.0, 600.0, 100.0, 1e9]
    likes = np.array([1.0, 1.0, 1.0, 1.0 / of.params.demand.second_choice_prob])
    likes *= of.params.demand.second_choice_prob
    bought, spent = of.trade.buyers.at_rest[AtRest.BOUGHT :]
    # only who would pay much buys the first product; a customer buys more of all
    for u, buys, regular in ((0.1, (0, 1, 0, 1), 0.0), (0.9, (1, 1, 0, 1), 0.0),
                             (0.9, (1, 1, 0, 1), 0.01)):  # fmt: skip
        of.trade.buyers.regular[7] = regular
        budget = 3000.0 * np.exp(of.params.demand.spread * float(stats.norm.ppf(u)))
        step = bought * likes * np.minimum(spent / budget, 1.0)
        added = (step * buys).sum() + regular * step.sum() / (bought * likes).sum()
        rest = buyers.satiety(0, 7, u, Item.CARVED, half, of.params, of.trade)
        assert (1 - rest) * added == pytest.approx(rest * LN_2 / half, rel=1e-6)


def test_a_market_at_rest_does_not_drift():
    """Sales stay as they are where buyers begin as sated as they are on average."""
    ends = {}
    for rate in (0.05, 0.0):  # purchases a day of a buyer who is not sated; negative control
        of = Counter(buyers__tires=10.0, buyers__budget=1500.0, days=400, **STALL)
        of.trade.buyers.at_rest[:], of.trade.buyers.regular[:] = 0.0, 0.0
        of.trade.buyers.at_rest[AtRest.LIMIT] = -9.0
        of.trade.buyers.at_rest[AtRest.BOUGHT, Item.CARVED] = rate
        of.trade.buyers.at_rest[AtRest.SPENT] = 300.0
        of.days(400)
        ends[rate] = [int(of.counts[rows, TradeCounter.DEALS].sum())
                      for rows in (slice(0, 60), slice(340, 400))]  # fmt: skip
    assert ends[0.05][0] == pytest.approx(ends[0.05][1], rel=0.07)
    assert ends[0.0][0] > 1.3 * ends[0.0][1]


@pytest.mark.parametrize(("tires", "least", "most"), [(26.0, 1.0, 1.8), (0.0, 1.93, 2.07)])
def test_twice_the_posts_are_less_than_twice_the_deals(tires, least, most):
    """Buyers tire: demand is not endless. Negative control: nobody tires, and deals double."""
    one, two = (
        Counter(buyers__tires=tires, buyers__budget=1000.0, **MANY).posts(moments=number).days(200)
        for number in (4, 8)
    )
    assert least < deals(two) / deals(one) < most


def test_who_is_sated_buys_nothing():
    """Where everybody is sated nothing is sold; who invests is never sated."""
    for name, sold in (("traveller", False), ("investor", True)):
        of = Counter(buyers__tires=520.0, **{f"buyers__{name}": 1.0}, **MANY).posts(moments=5)
        of.trade.buyers.bought[:], of.trade.buyers.sated[:] = 0, 1.0
        assert (deals(of.days(1)) > 0) == sold


def test_buyers_of_twelve_months_are_counted_once():
    """The count of an evening is that of different people with a deal in the last 365 days."""
    of = Counter(days=450, demand__inquiries_per_post=0.0004, demand__buyers=80.0, **SHARES)
    of.posts(moments=5)
    last = {}
    for row in range(450):
        before = of.trade.parcels.count.sum()
        of.days(1, carried=False)
        count = of.trade.parcels.count[(row + 3) % 4]
        last |= {int(b): row for b in of.trade.parcels.rows[(row + 3) % 4, :count, Parcel.BUYER]}
        assert of.trade.parcels.count.sum() - before == of.counts[row, TradeCounter.DEALS]
        of.trade.parcels.count[(row + 3) % 4] = 0
        expected = sum(bought > row - 365 for bought in last.values())
        assert of.counts[row, TradeCounter.BUYERS_12_MONTHS] == expected
    assert expected < len(last)  # some bought more than a year ago


# ---------------------------------------------------------------- comparing

OFFERS = {"moments": Channel.MOMENTS, "elsewhere": Channel.SOCIAL, "stall": Channel.PHYSICAL}


def compared(place: str, compare: float = 1.0, **changes) -> Counter:
    """Return two traders, the second of whom asks a fifth more, with buyers who compare."""
    ways = {
        "demand__to_public": 0.0,
        "demand__to_websites": 0.0,
        "demand__inquiries_per_post": 0.02,
    }
    stall = STALL if place == "stall" else {}
    of = Counter(2, buyers__compare=compare, demand__trust=1.0, **ways | stall | changes)
    first = of.books.start[Account.RETAILERS]
    of.trade.unit_cost[first + 1, Item.CARVED] = 12.0
    return of if place == "stall" else of.posts(**{place: 4})


def by_seller(of: Counter) -> np.ndarray:
    """Return the pieces that each trader has sold, in mg."""
    return np.array([10**16 - of.held(Account.RETAILERS, Item.CARVED, i) for i in range(2)])


@pytest.mark.parametrize("place", list(OFFERS))
def test_who_compares_goes_to_the_cheaper_seller(place):
    """Of those who ask the dearer seller the half goes away whose other offer is the cheaper."""
    of = compared(place).days(20, carried=False)
    passed = int(of.count(TradeCounter.PASSED_ON).sum())
    asked = int(of.count(TradeCounter.INQUIRIES).sum())
    assert deals(of) == asked  # all are willing, whoever sells
    assert stats.binomtest(passed, asked, 0.25).pvalue > FALSE_ALARM
    dear = by_seller(of)[1] / by_seller(of).sum()
    assert dear == pytest.approx(0.25, abs=0.06)
    none = compared(place, 0.0).days(20, carried=False)  # negative control
    assert none.count(TradeCounter.PASSED_ON).sum() == 0 < by_seller(none)[1]
    assert by_seller(none)[1] / by_seller(none).sum() == pytest.approx(0.5, abs=0.06)


def test_an_inquiry_passed_on_is_of_a_stranger_and_keeps_its_key():
    """The parcel is the cheaper seller's, to a stranger, and keeps the key of who was asked."""
    rows = parcels(compared("moments").days(3, carried=False))
    passed = rows[rows[:, Parcel.ASKED] != rows[:, Parcel.SELLER]]
    assert 10 < len(passed) < len(rows) / 2
    assert (passed[:, Parcel.RETAILER] == 0).all() and (passed[:, Parcel.FRIEND] == -1).all()
    assert len(np.unique(rows[:, [Parcel.ASKED, Parcel.KEY, Parcel.BUYER]], axis=0)) == len(rows)


@pytest.mark.parametrize("why", ["no posts", "no stock", "quality", "groups"])
def test_there_is_nothing_to_compare_with(why):
    """Nobody goes to a seller who does not offer, has nothing, or is no cheaper for the quality."""
    of = compared("groups" if why == "groups" else "moments")
    if why == "no posts":
        of.counters.moments[0] = 0
    if why == "no stock":
        of.set(Account.RETAILERS, Item.CARVED, 0)
    if why == "quality":
        of.trade.shops.quality[1, Item.CARVED] = 1.25
        of.trade.unit_cost[of.books.start[Account.RETAILERS] + 1] = 9.0
        of.trade.shops.quality[0, Item.CARVED] = 0.9
        of.trade.unit_cost[of.books.start[Account.RETAILERS]] = 9.0
    of.days(10, carried=False)
    assert of.count(TradeCounter.PASSED_ON).sum() == 0 < deals(of)


@pytest.mark.parametrize("compare", [1.0, 0.0])
def test_the_customers_of_a_closed_seller_go_to_others(compare):
    """Who compared and went to the cheaper seller stays where that one is closed."""
    open_, closed = compared("moments", compare), compared("moments", compare)
    closed.counters.moments[0] = 0
    sold = [by_seller(of.days(10, carried=False))[1] for of in (open_, closed)]
    assert sold[1] > 1.3 * sold[0] if compare else sold[1] == sold[0]


# ---------------------------------------------------------------- word of mouth


@pytest.mark.parametrize(("arrived", "mouth", "share"),
                         [(50.0, 1.0, 0.5), (50.0, 0.5, 0.75), (0.0, 1.0, 0.0), (120.0, 1.0, 1.0),
                          (0.0, 0.0, 1.0)])  # fmt: skip
def test_buyers_hear_whether_parcels_arrive(arrived, mouth, share):
    """As far as fewer parcels arrive than in the first weeks, fewer ask online, but at stalls."""
    of = Counter(buyers__mouth=mouth, **MANY, **STALL).posts(moments=5)
    of.row = 60
    heard = of.trade.buyers.heard
    heard[[Heard.ARRIVED, Heard.SETTLED]] = arrived, 100.0
    heard[[Heard.FIRST_ARRIVED, Heard.FIRST_SETTLED]] = 100.0, 100.0
    of.days(20, carried=False)
    at_stall = int(of.trade.records.prices[:, :, 3, Channel.PHYSICAL, 2].sum())
    online, asked = deals(of) - at_stall, int(of.count(TradeCounter.INQUIRIES).sum())
    expected = asked - at_stall
    assert stats.binomtest(online, expected, share).pvalue > FALSE_ALARM
    assert at_stall > 1000


def test_before_the_first_weeks_are_over_nothing_is_compared_with_them():
    """Up to row 55, and without any parcel, all inquiries are made."""
    of = Counter(buyers__mouth=1.0, **MANY).posts(moments=5)
    of.row = 55
    of.trade.buyers.heard[:] = [0.0, 100.0, 100.0, 100.0]
    assert deals(of.days(1, carried=False)) > 0
    assert deals(of.days(1, carried=False)) == of.counts[55, TradeCounter.DEALS]
    of.trade.buyers.heard[Heard.SETTLED] = 0.0
    of.days(1, carried=False)
    assert of.counts[57, TradeCounter.DEALS] > 0


def test_what_is_heard_fades():
    """A parcel is half forgotten after 28 days; what arrived is a part of what was settled."""
    of = Counter(delivery__lost=0.3, **MANY).posts(moments=5).days(10)
    heard = of.trade.buyers.heard
    settled = of.count(TradeCounter.PARCELS)[:7] @ 2.0 ** (-np.arange(6, -1, -1) / 28.0)
    assert heard[Heard.SETTLED] == pytest.approx(settled)
    assert heard[Heard.ARRIVED] / settled == pytest.approx(0.7, abs=0.1)
    assert heard[Heard.FIRST_SETTLED] == of.count(TradeCounter.PARCELS)[:7].sum()
    of.posts(moments=0).days(3)
    full = heard[Heard.SETTLED]
    of.days(28)
    assert heard[Heard.SETTLED] == pytest.approx(full / 2.0)
    of.row = 60
    first = heard[Heard.FIRST_SETTLED]
    of.posts(moments=5).days(5)
    assert heard[Heard.FIRST_SETTLED] == first  # of the first weeks alone


# ---------------------------------------------------------------- elsewhere


@pytest.mark.parametrize("place", ["moments", "groups"])
@pytest.mark.parametrize("surplus", [0.0, 0.5, 10.0])
def test_substitutes_take_sales(surplus, place):
    """Who would not pay the price and the surplus has the substitute; what is lost is counted."""
    spread, worth = 0.5, 30.0
    strangers = float(place == "moments")  # drawn evenly, other than friends
    of = Counter(demand__spread=spread, demand__willingness=20.0 / worth,
                 demand__strangers=strangers, **MANY)  # fmt: skip
    of.posts(**{place: 5}).days(30, substitutes=surplus)
    lost = int(of.count(TradeCounter.SUBSTITUTED).sum())
    asked = int(of.count(TradeCounter.INQUIRIES).sum())
    if place == "moments":
        # a label of 10 CNY a gram, and a median willingness of 20
        buys, rest = (stats.norm.sf(np.log(0.5 * (1 + s)) / spread) for s in (surplus, 0.0))
        assert stats.binomtest(deals(of), asked, buys).pvalue > FALSE_ALARM
        assert stats.binomtest(lost, asked, rest - buys).pvalue > FALSE_ALARM
    if surplus == 10.0:
        assert deals(of) <= 0.001 * asked and lost > 0.5 * asked


@pytest.mark.parametrize(("legal", "abroad", "share"), [(0.0, 0.4, 0.4), (0.5, 0.4, 0.2),
                                                        (1.0, 1.0, 0.0), (2.0, 1.0, 0.0),
                                                        (0.0, 1.0, 1.0)])  # fmt: skip
def test_travellers_buy_abroad(legal, abroad, share):
    """What is no longer sold at home is bought abroad by travellers alone."""
    for traveller in (1.0, 0.0):
        of = Counter(buyers__traveller=traveller, legal__stigma=0.0, **MANY).posts(moments=5)
        of.days(20, carried=False, legal=legal, abroad=abroad)
        gone = int(of.count(TradeCounter.BOUGHT_ABROAD).sum())
        asked = int(of.count(TradeCounter.INQUIRIES).sum())
        assert gone + deals(of) == asked
        assert stats.binomtest(gone, asked, share * traveller).pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    ("legal", "abroad", "travellers"),
    [(0.0, 0.5, 0.5), (0.0, 1.0, 0.0), (1.0, 1.0, 1.0), (0.0, 0.0, 1.0)],
)
def test_travellers_abroad_do_not_turn_to_stalls(legal, abroad, travellers):
    """Of the legal customers who turn to stalls the travellers' part falls by those abroad."""
    of = Counter(buyers__traveller=0.4, legal__customers=2e4, legal__switch_to_illegal=0.5,
                 legal__stigma=0.0, **STALL | {"demand__visits": 0.0})  # fmt: skip
    of.days(50, legal=legal, abroad=abroad)
    asked = int(of.count(TradeCounter.INQUIRIES).sum())
    mean = 50 * 20.0 * 0.5 * (1.0 - legal) * (0.6 + 0.4 * travellers)
    assert asked == pytest.approx(mean, abs=5 * mean**0.5)


def test_stigma_is_not_felt_by_all():
    """With the ban gift buyers and travellers would pay less, others do not change."""
    sold = {}
    for name in ("collector", "investor", "traveller", "nobody"):
        one = {f"buyers__{name}": 1.0} if name != "nobody" else {}
        of = Counter(legal__stigma=0.9, demand__willingness=1.0, **one, **MANY).posts(moments=5)
        sold[name] = deals(of.days(10, carried=False, legal=0.0))
    assert sold["traveller"] == sold["nobody"] == 0 < sold["collector"] == sold["investor"]


@pytest.mark.parametrize("segment", list(Segment))
def test_a_campaign_for_one_segment_reaches_its_legal_customers(segment):
    """Of the customers of the legal market those of the segment stay away."""
    name, share = segment.name.lower(), (0.55, 0.25, 0.1, 0.1)[segment]
    of = Counter(legal__customers=1e5, legal__stock=1e6, **SHARES)
    for row in range(20):
        of_day = levers(**{f"demand_{name}": 0.0})
        sell_legal_ivory(of.seed, of.day + row, row, of_day, of.params, 1, of.trade)
    customers = of.counts[:20, TradeCounter.LEGAL_DEALS].sum()
    assert customers == pytest.approx(20 * 100 * (1.0 - share), abs=20)
