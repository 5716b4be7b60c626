"""Retailers: full stocks, what they pay, profit taken home, and how stock moves posting."""

import numpy as np
import pytest
from conftest import NEUTRAL, Standstill, settings, trading
from scipy import stats

from marketsim.model.kernels.restocking import smooth_retail_sales, update_dealers
from marketsim.model.ledger import PRODUCTS, Account, Item
from marketsim.model.market import advance, initialize
from marketsim.model.state import Stage, State, TradeCounter

FALSE_ALARM = 1e-6


class Shop(Standstill):
    """Retailers whose turn it is every day, and dealers with plenty."""

    def __init__(self, n=1, **changes):
        super().__init__(n, **{"retail__restock_days": 1.0} | changes)
        first = self.books.start[Account.PROCESSORS + 1]
        for holder in range(first):
            kind = Account.SUPPLIERS if holder < self.books.start[1] else Account.PROCESSORS
            for item in range(PRODUCTS):
                only_raw = kind == Account.SUPPLIERS and item != Item.RAW
                self.set(kind, item, 0 if only_raw else 10**9, holder - self.books.start[kind])
        for i in range(n):
            self.empty(i)

    def empty(self, i=0, money=10**12):
        for item in range(PRODUCTS):
            self.set(Account.RETAILERS, item, 0, i)
        self.set(Account.RETAILERS, Item.MONEY, money, i)

    def reckons(self, milligrams):
        """Let everybody expect and have known sales of so much a day."""
        self.trade.shops.expected[:] = self.trade.shops.sold[:] = milligrams
        return self

    def full(self, i=0) -> float:
        shops = self.trade.shops
        return self.params.retail.cover * 0.5 * (shops.expected[i] + shops.sold[i])

    def stock(self, i=0) -> np.ndarray:
        return np.array([self.held(Account.RETAILERS, item, i) for item in range(PRODUCTS)])

    def restock(self, row=0):
        day = self.day + row
        shops = self.trade.shops
        update_dealers(day, self.params, self.books, self.trade.dealers)
        smooth_retail_sales(self.params, self.books, shops, 0, len(shops.sold))
        self.order_once(row)
        return self


def test_an_order_fills_the_stock():
    """An order brings stock up to `cover` days of what is expected, its share of it raw."""
    of = Shop(retail__raw_share=0.3)
    of.reckons(2_000.0).restock()
    full = of.full()
    assert of.stock().sum() == pytest.approx(full, abs=PRODUCTS)
    assert of.stock()[Item.RAW] == pytest.approx(0.3 * full, abs=1)
    before = of.stock().tolist()
    assert of.restock(1).stock().tolist() == before  # there is no need of more


@pytest.mark.parametrize(
    ("value", "share"), [(-3.0, 0.1), (0.1, 0.1), (0.6, 0.6), (1.0, 1.0), (1.4, 1.4), (9.0, 1.5)]
)
def test_a_full_stock_follows_the_value_of_the_trade(value, share):
    """Traders order for a tenth to three halves of the usual stock, by what the trade is worth."""
    of = Shop()
    of.motives.value[:] = value
    of.reckons(2_000.0).restock()
    assert of.stock().sum() == pytest.approx(share * of.full(), abs=PRODUCTS)


def test_an_order_is_paid_at_the_dealers_prices():
    """What a retailer pays is what the dealers get, at their prices, which are counted."""
    of = Shop(retail__raw_share=0.5)
    dealers = of.books.start[Account.PROCESSORS + 1]
    before = of.books.balance[:dealers, Item.MONEY].sum()
    spare = np.maximum(
        of.books.balance[:dealers, Item.MONEY] - of.trade.dealers.working_capital, 0
    ).sum()
    money = of.held(Account.RETAILERS, Item.MONEY)
    of.restock()
    mass, params = of.stock(), of.params
    holder = of.holder(Account.RETAILERS)
    cost = (of.trade.unit_cost[holder] * mass).sum() / 10.0
    got = of.books.balance[:dealers, Item.MONEY].sum() - before + spare
    owners = money - of.held(Account.RETAILERS, Item.MONEY) - got  # profit that was taken home
    assert got == pytest.approx(cost, abs=PRODUCTS)
    assert owners >= 0
    prices = of.trade.records.prices[0]
    raw = prices[Item.RAW, Stage.SUPPLIER].sum(axis=0)
    assert raw[0] / raw[2] == pytest.approx(100 * 5.5 * (1 + params.supply.margin), abs=0.5)
    assert (prices[1:, Stage.PROCESSOR].sum(axis=(1, 2)) > 0).all()


def test_who_has_little_money_buys_what_it_pays_for():
    """An order too dear is filled in part, and nobody owes."""
    of = Shop()
    of.reckons(1e6).empty(money=50_000)
    of.restock()
    assert 0 < of.stock().sum() < 0.01 * of.full()
    assert 0 <= of.held(Account.RETAILERS, Item.MONEY) < 1_000


def test_profit_is_taken_home():
    """Beyond working capital money goes to the owner when a retailer restocks."""
    of = Shop()
    of.empty(money=int(of.trade.shops.working_capital[0]) + 10**9)
    of.restock()
    assert of.held(Account.RETAILERS, Item.MONEY) <= of.trade.shops.working_capital[0]


@pytest.mark.parametrize("days", [1.0, 5.0, 20.0])
def test_orders_come_every_so_many_days(days):
    """Each trader restocks with a chance of one in `restock_days` a day."""
    of = Shop(2000, retail__restock_days=days)
    of.reckons(1_000.0)
    ordered = np.zeros(2000, int)
    for row in range(5):
        for i in range(2000):
            of.empty(i)
        of.restock(row)
        ordered += [of.stock(i).sum() > 0 for i in range(2000)]
    assert stats.binomtest(int(ordered.sum()), 10_000, 1.0 / days).pvalue > 1e-4
    if days > 1.0:
        assert stats.binomtest(int(ordered.sum()), 10_000, 1.4 / days).pvalue < FALSE_ALARM


@pytest.mark.parametrize("state", list(State))
def test_only_those_in_the_trade_restock(state):
    """The arrested and those who left or have not come buy nothing; a ban online stops nobody."""
    of = Shop(5)
    of.retailers.state[:] = state
    of.retailers.arrival[:] = 0
    of.restock()
    there = state in (State.ACTIVE, State.LYING_LOW, State.BANNED)
    assert (sum(of.stock(i).sum() for i in range(5)) > 0) == there


def test_a_closed_dealer_is_replaced_by_another():
    """Where the usual workshop is closed another one sells; where all are, nobody does."""
    of = Shop(6)
    dealers = of.trade.dealers
    usual = of.trade.shops.processor[0]
    dealers.closed_until[usual] = of.day + 9
    before = of.books.balance[usual, :PRODUCTS].sum()
    of.restock()
    assert of.stock()[1:].sum() > 0
    assert of.books.balance[usual, :PRODUCTS].sum() == before
    shut = Shop(6)
    shut.trade.dealers.closed_until[:] = shut.day + 9
    assert shut.restock().stock().sum() == 0


def test_stock_moves_posting():
    """Posts are more where stock piles up, fewer where nothing is left, as usual in between."""
    of = Shop(3, retail__stock_effect_on_posting=0.3, retail__restock_days=365.0)
    of.reckons(1_000.0)
    full = int(of.params.retail.cover * 1_000)
    for i, stock in enumerate((0, full, 3 * full)):
        of.set(Account.RETAILERS, Item.CARVED, stock, i)
    of.restock()
    assert of.trade.shops.stock_effect == pytest.approx([0.7, 1.0, 1.15], abs=0.001)


def test_newcomers_bring_working_capital():
    """On his day a newcomer has money and no goods; the owner's account gives it."""
    of = settings(200, turnover__entry=0.02)
    state = initialize(of, 3)
    advance(state, 0, 20)
    books, arrival = state.trade.books, state.retailers.arrival
    late = np.flatnonzero((arrival > 0) & (arrival < state.first_day + 20))
    waiting = np.flatnonzero(arrival >= state.first_day + 20)
    first = books.start[Account.RETAILERS]
    assert late.size and waiting.size
    assert not books.balance[first + waiting].any()
    assert books.balance[first + late, Item.MONEY].sum() > 0
    away = late[(state.retailers.state[late] == State.LEFT) & (arrival[late] > state.first_day)]
    assert away.size  # half of the candidates do not enter
    never = away[books.balance[first + away, Item.MONEY] == 0]
    assert never.size > 0.8 * away.size and not books.balance[first + never].any()


def test_stock_obeys_littles_law():
    """Mean stock is throughput times the mean time that a milligram stays, first in first out."""
    of = trading(1, retail__stall=1.0, demand__visits=20.0, horizon__end="2016-12-31",
                 turnover__leave=0.0, turnover__entry=0.0, retail__ivory_d=1.0,
                 police__capacity=0.0, population__type_d=1.0, **NEUTRAL)  # fmt: skip
    state = initialize(of, 11)
    days = state.series.risk.size
    books = state.trade.books
    shop = books.start[Account.RETAILERS]
    stock = np.zeros(days + 1)
    stock[0] = books.balance[shop, :PRODUCTS].sum()
    for row in range(days):
        advance(state, row, row + 1)
        stock[row + 1] = books.balance[shop, :PRODUCTS].sum()
    sold = state.trade.records.counts[:, TradeCounter.AGREED : TradeCounter.REVENUE].sum(axis=1)
    bought = np.diff(stock) + sold
    assert (bought >= 0).all() and sold.sum() > 10 * stock.mean()
    stay = time_inside(bought, sold, stock[0])
    throughput = sold[100:].mean()
    assert stock[100:].mean() == pytest.approx(throughput * stay, rel=0.1)
    assert stock[100:].mean() != pytest.approx(0.7 * throughput * stay, rel=0.1)


def time_inside(bought: np.ndarray, sold: np.ndarray, first: float) -> float:
    """Return the mean days inside of what was sold after day 100, oldest goods first."""
    inside = [[0, first]]
    total = weighed = 0.0
    for day, (more, less) in enumerate(zip(bought, sold, strict=True)):
        inside.append([day, more])
        while less > 0.5 and inside:
            part = min(less, inside[0][1])
            if day >= 100:
                total, weighed = total + part, weighed + part * (day - inside[0][0])
            less -= part
            inside[0][1] -= part
            if inside[0][1] <= 0.5:
                inside.pop(0)
    return weighed / total
