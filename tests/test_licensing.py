"""The legal market: its customers, its prices, and what is laundered through it."""

import pytest
from conftest import Standstill, levers
from scipy import stats

from marketsim.model.kernels.legal_market import sell_legal_ivory
from marketsim.model.ledger import Account, Item
from marketsim.model.state import Channel, Stage, TradeCounter

FALSE_ALARM = 1e-6


class LegalMarket(Standstill):
    def __init__(self, retailers=1000, **changes):
        super().__init__(retailers, days=400, demand__friends=0.0, **changes)
        self.row = 0

    def days(self, number, legal=1.0):
        for _ in range(number):
            day = (self.seed, self.day + self.row, self.row)
            founders, of_day = self.retailers.state.size, levers(legal=legal)
            sell_legal_ivory(*day, of_day, self.params, founders, self.trade)
            self.row += 1
        return self

    def all(self, tally: int) -> int:
        return int(self.counts[:, tally].sum())


@pytest.mark.parametrize(("legal", "share"), [(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)])
def test_customers_come_by_the_thousand_retailers(legal, share):
    """Customers a day are in proportion to the retailers and to what of the market is open."""
    for retailers in (500, 1000):
        of = LegalMarket(retailers, legal__customers=20.3).days(200, legal)
        expected = 20.3 * retailers / 1000 * share * 200
        assert of.all(TradeCounter.LEGAL_DEALS) == pytest.approx(expected, abs=5 * expected**0.5)


def test_a_sale_is_paid_and_consumed():
    """Goods come from the legal stock, money from buyers to the owners; shops keep neither."""
    of = LegalMarket(legal__laundered=0.0).days(50)
    sold = of.all(TradeCounter.LEGAL_SOLD)
    assert sold > 0 == of.all(TradeCounter.LAUNDERED)
    for item in (Item.UNCARVED, Item.CARVED):
        assert of.held(Account.LEGAL_STOCK, item) == -of.held(Account.CONSUMED, item) < 0
    assert sold == of.all(TradeCounter.LEGAL_DEALS) * 30_000
    assert of.held(Account.LICENSED, Item.MONEY) == 0 > of.held(Account.INCOME, Item.MONEY)


def test_legal_ivory_has_its_premium():
    """A legal piece costs its worth and the premium, and tastes say which piece it is."""
    of = LegalMarket(legal__premium=0.5).days(100)
    prices = of.trade.records.prices[:, :, Stage.LICENSED, Channel.PHYSICAL].sum(axis=0)
    demand = of.params.demand
    for item, worth in ((2, demand.worth_uncarved), (3, demand.worth_carved)):
        assert prices[item, 0] / prices[item, 2] / 100 == pytest.approx(1.5 * worth, abs=0.01)
    number = int(prices[2:, 2].sum())
    share = demand.taste_uncarved / (demand.taste_uncarved + demand.taste_carved)
    assert stats.binomtest(int(prices[2, 2]), number, share).pvalue > FALSE_ALARM


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_illegal_goods_are_laundered(share):
    """A share of the sales is of goods of processors, who are paid their price."""
    of = LegalMarket(legal__laundered=share, supply__suppliers=0.0)
    first, end = of.books.start[Account.PROCESSORS], of.books.start[Account.PROCESSORS + 1]
    for k in range(end - first):
        for item in (Item.UNCARVED, Item.CARVED):
            of.set(Account.PROCESSORS, item, 10**9, k)
        of.set(Account.PROCESSORS, Item.MONEY, 0, k)
    before = of.total(Account.PROCESSORS, Item.UNCARVED) + of.total(Account.PROCESSORS, 3)
    of.days(50)
    laundered = of.all(TradeCounter.LAUNDERED)
    assert (
        stats.binomtest(laundered // 30_000, of.all(TradeCounter.LEGAL_DEALS), share).pvalue > 1e-6
    )
    after = of.total(Account.PROCESSORS, Item.UNCARVED) + of.total(Account.PROCESSORS, 3)
    assert before - after == laundered
    assert (of.total(Account.PROCESSORS, Item.MONEY) > 0) == (share > 0.0)


def test_without_workshops_nothing_is_laundered():
    """Where there is no illegal piece a legal one is sold instead."""
    of = LegalMarket(legal__laundered=1.0, workshop__processors=0.0).days(20)
    assert of.all(TradeCounter.LAUNDERED) == 0 < of.all(TradeCounter.LEGAL_SOLD)
    empty = LegalMarket(legal__laundered=1.0)
    for k in range(int(empty.books.start[2] - empty.books.start[1])):
        for item in (Item.UNCARVED, Item.CARVED):
            empty.set(Account.PROCESSORS, item, 0, k)
    assert empty.days(20).all(TradeCounter.LAUNDERED) == 0 < empty.all(TradeCounter.LEGAL_SOLD)
