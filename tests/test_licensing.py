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
    of = LegalMarket(legal__reuse=0.0).days(50)
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
    """As many sales are of goods of processors, at their price, as leave a certificate behind."""
    of = LegalMarket(legal__reuse=share, supply__suppliers=0.0)
    first, end = of.books.start[Account.PROCESSORS], of.books.start[Account.PROCESSORS + 1]
    for k in range(end - first):
        for item in (Item.UNCARVED, Item.CARVED):
            of.set(Account.PROCESSORS, item, 10**9, k)
        of.set(Account.PROCESSORS, Item.MONEY, 0, k)
    before = of.total(Account.PROCESSORS, Item.UNCARVED) + of.total(Account.PROCESSORS, 3)
    of.days(50)
    laundered = of.all(TradeCounter.LAUNDERED)
    spare = of.total(Account.LICENSED, Item.CARD)
    left, deals = laundered // 30_000 + spare, of.all(TradeCounter.LEGAL_DEALS)
    assert stats.binomtest(left, deals, share).pvalue > FALSE_ALARM
    assert spare <= 1  # the next piece takes it
    after = of.total(Account.PROCESSORS, Item.UNCARVED) + of.total(Account.PROCESSORS, 3)
    assert before - after == laundered
    assert (of.total(Account.PROCESSORS, Item.MONEY) > 0) == (share > 0.0)


def test_without_workshops_nothing_is_laundered():
    """Where there is no illegal piece a legal one is sold instead."""
    of = LegalMarket(legal__reuse=1.0, workshop__processors=0.0).days(20)
    assert of.all(TradeCounter.LAUNDERED) == 0 < of.all(TradeCounter.LEGAL_SOLD)
    empty = LegalMarket(legal__reuse=1.0)
    for k in range(int(empty.books.start[2] - empty.books.start[1])):
        for item in (Item.UNCARVED, Item.CARVED):
            empty.set(Account.PROCESSORS, item, 0, k)
    assert empty.days(20).all(TradeCounter.LAUNDERED) == 0 < empty.all(TradeCounter.LEGAL_SOLD)


def test_a_certificate_serves_one_piece_or_is_left():
    """Each piece has a certificate; issued ones are with buyers, or spare in a shop."""
    of = LegalMarket(legal__reuse=0.6).days(100)
    issued = -of.total(Account.LEGAL_STOCK, Item.CARD)
    assert issued == of.all(TradeCounter.LEGAL_DEALS) - of.all(TradeCounter.LAUNDERED) // 30_000
    assert issued == of.total(Account.CONSUMED, Item.CARD) + of.total(Account.LICENSED, Item.CARD)


def test_without_legal_stock_nothing_is_sold_or_laundered():
    """No stock: no certificate, no legal sale and no laundering; customers leave unserved."""
    of = LegalMarket(legal__stock=0.0, legal__reuse=1.0).days(20)
    assert of.all(TradeCounter.LEGAL_DEALS) == of.all(TradeCounter.LAUNDERED) == 0
    assert of.all(TradeCounter.LEGAL_UNMET) > 0
    assert not of.total(Account.LICENSED, Item.CARD)


def test_stock_ends():
    """What is sold is what there was; certificates that are left serve on, and run out."""
    of = LegalMarket(legal__stock=0.05, legal__reuse=0.5)
    at_first = int(of.trade.legal_stock[0])
    of.days(200)
    sold = of.all(TradeCounter.LEGAL_SOLD) - of.all(TradeCounter.LAUNDERED)
    assert sold == at_first and of.trade.legal_stock[0] == 0
    assert of.counts[-1, TradeCounter.LEGAL_DEALS] == 0 == of.total(Account.LICENSED, Item.CARD)


def test_what_is_bought_out_and_what_leaks():
    """A buy-out destroys its share; of the rest a share goes to processors, no certificates."""
    of = LegalMarket(legal__customers=0.0)
    at_first = int(of.trade.legal_stock[0])
    held = of.total(Account.PROCESSORS, Item.UNCARVED) + of.total(Account.PROCESSORS, Item.CARVED)
    lever = levers(bought_out=0.25, leaked=0.5)
    founders = of.retailers.state.size
    sell_legal_ivory(of.seed, of.day, 0, lever, of.params, founders, of.trade)
    bought, leaked = of.all(TradeCounter.BOUGHT_OUT), of.all(TradeCounter.LEAKED)
    assert bought == int(at_first * 0.25)
    assert leaked == pytest.approx((at_first - bought) * 0.5, abs=20)  # divided by the piece
    assert of.trade.legal_stock[0] == at_first - bought - leaked
    after = of.total(Account.PROCESSORS, Item.UNCARVED) + of.total(Account.PROCESSORS, Item.CARVED)
    assert after - held == leaked
    assert of.total(Account.WASTED, Item.UNCARVED) + of.total(Account.WASTED, 3) == bought
    assert not of.total(Account.PROCESSORS, Item.CARD)


def test_who_expects_the_end_of_the_market_buys_before_it():
    """Customers rise with the lever rush, by the share `legal.rush` in all."""
    plain, rushed = (LegalMarket(legal__rush=0.5, legal__customers=20.0) for _ in range(2))
    plain.days(100)
    for row in range(100):
        day = (rushed.seed, rushed.day + row, row)
        founders, of_day = rushed.retailers.state.size, levers(rush=1.0)
        sell_legal_ivory(*day, of_day, rushed.params, founders, rushed.trade)
    assert rushed.all(TradeCounter.LEGAL_DEALS) == pytest.approx(
        1.5 * plain.all(TradeCounter.LEGAL_DEALS), rel=0.01
    )
