"""Parcels: seized, lost or handed over; what buyers learn; escrow released or given back."""

import numpy as np
import pytest
from conftest import Standstill, levers
from scipy import stats

from marketsim.model.kernels.delivery import deliver_parcels
from marketsim.model.ledger import Account, Item
from marketsim.model.state import (
    FILED,
    Channel,
    Enforcement,
    Learned,
    Outlet,
    Parcel,
    TradeCounter,
)

FALSE_ALARM = 1e-6
SURE = 65535
SAFE = {
    "delivery__intercepted": 0.0001,
    "delivery__lost": 0.0,
    "delivery__complaint": 0.0,
    "delivery__days": 1.0,
    "demand__friends": 100.0,
    "demand__room": 1.0,
}


class Courier(Standstill):
    """Retailers whose parcels a test hands to the courier."""

    def __init__(self, retailers=1, **changes):
        super().__init__(
            retailers,
            days=200,
            **SAFE | {"demand__max_inquiries_per_day": 1000.0, "resale__agents": 3000.0} | changes,
        )
        if "delivery__intercepted" not in changes:  # below its range: all that are sent arrive
            safe = self.params.delivery._replace(intercepted=0.0)
            self.params = self.params._replace(delivery=safe)
        self.row = 1

    def send(self, number=1, i=0, buyer=None, friend=0, mass=1000, fen=0, paid=0, cost=0):
        """Hand over parcels that are due on the next day of delivery.

        `fen` are in escrow, `paid` fen are with the trader, who bought the goods at `cost` fen.
        """
        parcels, friends = self.trade.parcels, self.trade.friends
        bucket = self.row % parcels.count.size
        for _ in range(number):
            place = int(parcels.count[bucket])
            at = int(friends.start[i]) + friend if friend >= 0 else -1
            who = int(friends.buyer[at]) if buyer is None else buyer
            parcels.rows[bucket, place] = [
                i, i, who, at, Item.CARVED, mass, fen, paid, cost, place, i
            ]  # fmt: skip
            parcels.count[bucket] = place + 1
            couriers, escrow = self.held(Account.COURIERS, Item.CARVED), self.fen(Account.ESCROW)
            self.set(Account.COURIERS, Item.CARVED, couriers + mass)
            self.set(Account.ESCROW, Item.MONEY, escrow + fen)
        return self

    def deliver(self, couriers=0.0, names=1.0, traces=0.0):
        day = (self.seed, self.day + self.row, self.row)
        of_day = levers(couriers=couriers, names=names, traces=traces)
        deliver_parcels(*day, of_day, self.params, self.counters, self.motives, self.trade)
        self.row += 1
        return self

    def fen(self, account, number=0):
        return self.held(account, Item.MONEY, number)

    def done(self, measure) -> list[int]:
        """Return how often enforcement did something, and the milligrams it took."""
        return self.trade.records.enforcement[:, measure, Channel.MOMENTS].sum(axis=0).tolist()

    def trust(self, friend=0) -> float:
        return self.trade.friends.trust[self.trade.friends.start[0] + friend] / SURE


def test_the_columns_of_a_parcel_are_those_written_here():
    """Whose, to whom, what, the sums in escrow, paid and of the cost, key of the inquiry, asked."""
    assert [item.name.lower() for item in Parcel] == [
        "retailer", "seller", "buyer", "friend", "product", "mass", "escrowed", "paid", "cost",
        "key", "asked",
    ]  # fmt: skip


# ---------------------------------------------------------------- where a parcel goes


@pytest.mark.parametrize("share", [0.01, 0.05])
@pytest.mark.parametrize("couriers", [0.0, 0.1, 1.0])
def test_couriers_intercept_their_share(share, couriers):
    """Of the parcels not seized anyway, the share of the lever is seized; the others arrive."""
    of = Courier(delivery__intercepted=share).send(3000).deliver(couriers)
    count, mass = of.done(Enforcement.PARCELS_SEIZED)
    chance = 1.0 - (1.0 - share) * (1.0 - couriers)
    assert stats.binomtest(count, 3000, chance).pvalue > FALSE_ALARM
    if chance < 1.0:
        assert stats.binomtest(count, 3000, 2.0 * chance if chance < 0.4 else 0.9).pvalue < 1e-4
    assert of.held(Account.SEIZED, Item.CARVED) == mass == 1000 * count
    assert of.held(Account.CONSUMED, Item.CARVED) == 3_000_000 - mass
    assert of.held(Account.COURIERS, Item.CARVED) == 0


@pytest.mark.parametrize("lost", [0.0, 0.3, 1.0])
def test_some_parcels_are_lost(lost):
    """A share is lost on the way and goes to nobody."""
    of = Courier(delivery__lost=lost).send(2000).deliver()
    gone = of.held(Account.LOST, Item.CARVED) // 1000
    assert stats.binomtest(gone, 2000 - of.done(Enforcement.PARCELS_SEIZED)[0], lost).pvalue > 1e-6


@pytest.mark.parametrize(
    ("traced", "hidden", "names"), [(0.7, 0.0, 1.0), (0.5, 0.6, 1.0), (0.7, 0.5, 0.5), (0.7, 1, 1)]
)
def test_seized_parcels_are_traced_unless_the_name_is_false(traced, hidden, names):
    """Of the parcels seized, traced x (1 - false names x multiplier) lead to the sender."""
    of = Courier(delivery__traced=traced, delivery__false_names=float(hidden))
    of.send(3000).deliver(1.0, names)
    assert of.done(Enforcement.PARCELS_SEIZED)[0] == 3000
    count = of.done(Enforcement.PARCELS_TRACED)[0]
    assert stats.binomtest(count, 3000, traced * (1.0 - hidden * names)).pvalue > FALSE_ALARM
    assert of.trade.cases.waiting[0] == (FILED if count > 0 else 0)


@pytest.mark.parametrize(("traces", "share"), [(0.0, 0.3), (0.5, 0.65), (1.0, 1.0)])
def test_better_records_trace_more_parcels(traces, share):
    """Of the parcels not traced anyway, the share of the lever is traced."""
    of = Courier(delivery__traced=0.3, delivery__false_names=0.0).send(2000)
    count = of.deliver(1.0, traces=traces).done(Enforcement.PARCELS_TRACED)[0]
    assert stats.binomtest(count, 2000, share).pvalue > FALSE_ALARM


def test_buyers_without_their_goods_may_complain():
    """A share of those whose parcel is lost or seized goes to the police, none of the others."""
    of = Courier(delivery__lost=1.0, delivery__complaint=0.2).send(2000, friend=-1, buyer=5)
    count = of.deliver().done(Enforcement.COMPLAINTS)[0]
    assert stats.binomtest(count, 2000, 0.2).pvalue > FALSE_ALARM
    assert of.trade.cases.waiting[0] == FILED
    served = Courier(delivery__complaint=1.0).send(50).deliver()
    assert served.done(Enforcement.COMPLAINTS)[0] == served.done(Enforcement.PARCELS_SEIZED)[0] == 0


# ---------------------------------------------------------------- what buyers learn


@pytest.mark.parametrize("gain", [0.0, 0.5, 1.0])
def test_trust_grows_with_each_delivery(gain):
    """A delivery wins `gain` of the trust still missing."""
    of = Courier(demand__trust=0.3, demand__trust_gain=gain)
    expected = 0.3
    for _ in range(4):
        of.send(friend=0).deliver()
        expected += gain * (1.0 - expected)
        assert of.trust(0) == pytest.approx(expected, abs=4 / SURE)
    assert of.trade.friends.customers[0] == 1


def test_who_bought_first_stands_first():
    """Those who have bought stand before those who have not, each with his trust."""
    of = Courier(demand__trust_gain=0.5)
    friends = of.trade.friends
    names = friends.buyer[friends.start[0] : friends.start[0] + 10].tolist()
    of.send(friend=7).deliver().send(friend=4).deliver()
    assert friends.customers[0] == 2
    now = friends.buyer[friends.start[0] : friends.start[0] + 10].tolist()
    assert now[:2] == [names[7], names[4]] and sorted(now) == sorted(names)
    assert of.trust(0) == of.trust(1) > of.trust(2)


def test_a_stranger_served_well_becomes_a_friend():
    """A stranger who gets his parcel is added as a customer, as long as there is room."""
    of = Courier(demand__room=0.5)
    friends = of.trade.friends
    count, room = int(friends.count[0]), int(friends.start[1] - friends.start[0])
    for buyer in range(10_000, 10_000 + room):
        of.send(friend=-1, buyer=buyer).deliver()
    assert count < room == friends.count[0]
    assert friends.customers[0] == room - count
    assert of.counts[:, TradeCounter.FRIENDS_ADDED].sum() == room - count


@pytest.mark.parametrize(("loss", "stays"), [(0.2, True), (0.49, True), (0.7, False)])
def test_a_disappointed_friend_trusts_less_or_goes(loss, stays):
    """A parcel that does not come costs `loss` of trust; below half the first trust he goes."""
    of = Courier(demand__trust=0.4, demand__trust_loss=loss, delivery__lost=1.0)
    friends = of.trade.friends
    count, name = int(friends.count[0]), int(friends.buyer[friends.start[0]])
    of.send(friend=0).deliver()
    inside = friends.buyer[friends.start[0] : friends.start[0] + friends.count[0]].tolist()
    assert friends.count[0] == count - (not stays)
    assert of.counts[:, TradeCounter.FRIENDS_LOST].sum() == (not stays)
    if stays:
        assert of.trust(0) == pytest.approx(0.4 * (1.0 - loss), abs=3 / SURE)
        assert inside[0] == name


def test_a_seizure_frightens_its_buyer():
    """Each seized parcel is a step of fear of what is left to one; a lost one frightens nobody."""
    of = Courier(demand__risk_step=0.3, delivery__lost=1.0)
    of.send(2, friend=-1, buyer=7).deliver(1.0)
    assert of.trade.buyers.risk[7] == pytest.approx(1.0 - 0.7**2, abs=1e-6)
    of.send(friend=-1, buyer=8).deliver()
    assert of.trade.buyers.risk[8] == 0.0
    assert (of.trade.buyers.risk > 0).sum() == 1


def test_fear_has_its_half_life():
    """Between two seizures fear halves in so many weeks."""
    of = Courier(demand__risk_step=0.4, demand__half_life=2.0)
    of.send(friend=-1, buyer=7).deliver(1.0)
    of.row += 13  # the second seizure comes 14 days after the first
    of.send(friend=-1, buyer=7).deliver(1.0)
    assert of.trade.buyers.risk[7] == pytest.approx(0.2 + 0.4 * 0.8, abs=1e-6)


# ---------------------------------------------------------------- escrow


@pytest.mark.parametrize(("fen", "share", "fee"), [(999, 0.01, 9), (1000, 0.01, 10), (1, 0.1, 0),
                                                   (12_345, 0.037, 456)])  # fmt: skip
def test_the_fee_is_rounded_down_and_the_seller_takes_the_rest(fen, share, fee):
    """At delivery the service keeps whole fen of its share, the retailer gets what is left."""
    of = Courier(payment__fee=share)
    before = of.fen(Account.RETAILERS)
    of.send(fen=fen).deliver()
    assert of.fen(Account.COSTS) == fee
    assert of.fen(Account.RETAILERS) - before == fen - fee
    assert of.fen(Account.ESCROW) == 0


@pytest.mark.parametrize("couriers", [0.0, 1.0])
def test_a_payment_is_given_back_where_nothing_arrives(couriers):
    """For a parcel lost or seized the buyer gets his money back, without a fee."""
    of = Courier(delivery__lost=1.0)
    before = of.fen(Account.RETAILERS)
    of.send(fen=5_000).deliver(couriers)
    assert of.fen(Account.INCOME) == 5_000
    assert (of.fen(Account.RETAILERS), of.fen(Account.COSTS)) == (before, 0)


# ---------------------------------------------------------------- what the trader keeps

CARVED_COST, PRICE = 300, 1_000
FATES = {
    # share intercepted, share lost, refund, money of the trader, escrowed: fen kept
    "arrived": (0.0, 0.0, 1.0, 0, False, PRICE),
    "seized and paid back": (1.0, 0.0, 1.0, 5_000, False, 0),
    "seized and kept": (1.0, 0.0, 0.0, 5_000, False, PRICE),
    "lost and paid back": (0.0, 1.0, 1.0, 5_000, False, 0),
    "lost and kept": (0.0, 1.0, 0.0, 5_000, False, PRICE),
    "paid back as far as there is money": (1.0, 0.0, 1.0, 400, False, PRICE - 400),
    "escrow released": (0.0, 0.0, 1.0, 0, True, PRICE - 20),
    "escrow repaid": (1.0, 0.0, 0.0, 5_000, True, 0),
}


def settled(intercepted, lost, refund, money, escrowed, **changes) -> tuple[Courier, int]:
    """Return a courier after one parcel of a known fate, and the change of the trader's money."""
    of = Courier(delivery__lost=lost, motive__refund=refund, payment__fee=0.02, **changes)
    of.set(Account.RETAILERS, Item.MONEY, money)
    sums = {"fen": PRICE} if escrowed else {"paid": PRICE}
    of.send(friend=-1, buyer=7, cost=CARVED_COST, **sums).deliver(intercepted)
    return of, of.fen(Account.RETAILERS) - money


@pytest.mark.parametrize(("fate", "kept"), [(f[:5], f[5]) for f in FATES.values()], ids=FATES)
def test_the_margin_of_each_fate_is_what_is_kept_less_cost(fate, kept):
    """Earned less cost, once: released, kept or paid back; the rest of the books says the same."""
    of, change = settled(*fate)
    margin = kept - CARVED_COST
    assert of.motives.gain[0].tolist() == [margin, 0, 0]
    assert of.motives.today.tolist() == [margin, 0, 0, 0, 0, 0]
    assert of.motives.market[Learned.DEALS] == 1.0
    assert of.counts[1, TradeCounter.EARNED + Channel.MOMENTS] == kept
    arrived = fate[0] == fate[1] == 0.0
    assert of.counts[1, TradeCounter.DELIVERED + Channel.MOMENTS] == 1_000 * arrived
    assert change == (kept if fate[4] else kept - PRICE)  # paid before, or now from escrow
    assert of.fen(Account.INCOME) == (0 if arrived else PRICE - kept)
    assert (of.books.balance.sum(axis=0) == 0).all()


def test_margins_belong_to_the_outlet_of_their_channel():
    """Moments and groups are the trader's own outlets; places elsewhere are the market's."""
    outlets = {Channel.MOMENTS: Outlet.FEED, Channel.GROUPS: Outlet.PRIVATE,
               Channel.PUBLIC: Outlet.PUBLIC, Channel.SOCIAL: Outlet.SOCIAL,
               Channel.WEBSITES: Outlet.WEBSITES}  # fmt: skip
    for channel, outlet in outlets.items():
        of = Courier()
        of.send(friend=-1, buyer=7, paid=900, cost=200)
        of.trade.parcels.rows[1, 0, Parcel.KEY] = channel << 20
        of.deliver()
        assert np.flatnonzero(of.motives.today).tolist() == [outlet]
        own = [outlet] if outlet <= Outlet.STALL else []
        assert np.flatnonzero(of.motives.gain[0]).tolist() == own


def test_deals_are_counted_before_the_reference_only():
    """The number of deals is that of the first 56 rows; margins are settled after them too."""
    for row, number in ((55, 1.0), (56, 0.0)):
        of = Courier()
        of.row = row
        of.send(friend=-1, buyer=7, paid=500).deliver()
        assert of.motives.market[Learned.DEALS] == number
        assert of.motives.today[Outlet.FEED] == 500


@pytest.mark.parametrize("refund", [0.0, 0.4, 1.0])
def test_payments_are_returned_for_their_share(refund):
    """Of the payments for parcels that do not arrive the share is returned, of the others none."""
    of = Courier(delivery__lost=1.0, motive__refund=refund)
    of.set(Account.RETAILERS, Item.MONEY, 10**9)
    of.send(2000, friend=-1, buyer=7, paid=100).deliver()
    returned = of.fen(Account.INCOME) // 100
    assert stats.binomtest(returned, 2000, refund).pvalue > FALSE_ALARM
    assert stats.binomtest(returned, 2000, abs(refund - 0.1)).pvalue < FALSE_ALARM
    assert of.motives.gain[0, Outlet.FEED] == 100 * (2000 - returned)


@pytest.mark.parametrize("seizure", [0.0, 0.3, 1.0])
def test_a_seized_parcel_is_a_loss_to_the_trader(seizure):
    """The loss of the day is `seizure`, once; a lost parcel is none, and a larger one stays."""
    of = Courier(2, motive__seizure=seizure, delivery__lost=1.0)
    of.send(2).deliver(1.0)
    assert of.counters.loss.tolist() == [seizure, 0.0]
    of.counters.loss[:] = [0.0, 0.5]
    of.send(2, i=1).deliver(1.0).send(1).deliver(0.0)
    assert of.counters.loss.tolist() == [0.0, max(0.5, seizure)]
