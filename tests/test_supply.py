"""Shipments of raw ivory: how many, how heavy, who bears what is seized."""

import numpy as np
import pytest
from conftest import Standstill, levers
from scipy import stats

from marketsim.model.kernels.supply import land_shipments
from marketsim.model.ledger import Account, Item
from marketsim.model.state import Channel, Enforcement, TradeCounter

FALSE_ALARM = 1e-6
CALM = {"supply__seized": 0.0, "retail__scarcity_pricing": 0.0, "supply__tusks": 1.0}


class Border(Standstill):
    """Suppliers with room and money for whatever comes."""

    def __init__(self, days=400, **changes):
        super().__init__(days=days, **CALM | changes)
        self.trade.dealers.least_sales[:] = 1e15
        self.suppliers = int(np.diff(self.books.start)[Account.SUPPLIERS])
        for k in range(self.suppliers):
            self.set(Account.SUPPLIERS, Item.RAW, 0, k)
            self.set(Account.SUPPLIERS, Item.MONEY, 10**17, k)

    def days(self, number, border=1.0):
        for row in range(number):
            of_day = levers(border=border)
            land_shipments(self.seed, self.day + row, row, of_day, self.params, self.trade)
        return self

    def seizures(self) -> np.ndarray:
        """Return number and milligrams of seizures."""
        measures = self.trade.records.enforcement
        return measures[:, Enforcement.BORDER_SEIZURES, Channel.PHYSICAL].sum(axis=0)


def test_raw_ivory_has_its_mean():
    """A supplier gets shipments a day x mean mass, when prices are at their reference."""
    of = Border(supply__shipments=2.0).days(400)
    expected = 400 * 2.0 * 12_000 * 1000 * of.suppliers
    # a Poisson number of exponential masses: variance 2 x number x mean squared
    spread = np.sqrt(2 * 400 * 2.0 * of.suppliers) * 12_000 * 1000
    landed = of.counts[:, TradeCounter.RAW_LANDED].sum()
    assert abs(landed - expected) < 5 * spread
    assert landed == of.total(Account.SUPPLIERS, Item.RAW)
    assert abs(landed - 1.5 * expected) > 5 * spread  # negative control


def test_segments_and_tusks_have_their_own_masses():
    """Shares of tusks and segments give the mean of the two masses."""
    for tusks in (0.0, 0.5, 1.0):
        of = Border(supply__shipments=3.0, supply__tusks=tusks).days(300)
        mean = tusks * 12_000 + (1.0 - tusks) * 6_000
        landed = of.counts[:, TradeCounter.RAW_LANDED].sum() / 1000.0
        number = 300 * 3.0 * of.suppliers
        assert abs(landed / number - mean) < 5 * 12_000 * np.sqrt(2.0 / number)


@pytest.mark.parametrize("elasticity", [0.2, 0.8])
def test_offers_respond_to_the_raw_price(elasticity):
    """Twice the price brings 2 to the power of elasticity x pass-through times as much."""
    landed = {}
    for cost in (5.5, 11.0):
        of = Border(supply__shipments=5.0, supply__elasticity=elasticity, supply__pass_through=0.9)
        for row in range(300):
            of.trade.unit_cost[: of.suppliers, Item.RAW] = cost
            land_shipments(of.seed, of.day + row, row, levers(), of.params, of.trade)
        landed[cost] = of.counts[:, TradeCounter.RAW_LANDED].sum()
    number = 300 * 5.0 * of.suppliers
    error = 5 * 2.0 * np.sqrt(1.0 / number)  # of the ratio, at its largest
    assert landed[11.0] / landed[5.5] == pytest.approx(2.0 ** (0.9 * elasticity), abs=error)


@pytest.mark.parametrize(("seized", "border"), [(0.1, 1.0), (0.1, 4.0), (0.3, 2.0)])
def test_the_border_seizes_its_share(seized, border):
    """A share x multiplier of the shipments is seized, and goes to the state, not to suppliers."""
    still = {"supply__shipments": 4.0, "supply__pass_through": 0.0}
    of = Border(supply__seized=seized, **still).days(300, border)
    offered = Border(**still).days(300)
    count, mass = of.seizures()
    number = 300 * 4.0 * of.suppliers
    assert abs(count - number * seized * border) < 5 * np.sqrt(number * seized * border)
    assert mass == of.held(Account.SEIZED, Item.RAW)
    assert of.counts[:, TradeCounter.RAW_SHIPPED].sum() == mass + of.total(
        Account.SUPPLIERS, Item.RAW
    )
    assert offered.seizures().tolist() == [0, 0]


def test_who_ships_bears_the_loss():
    """What lands costs (1 - usual share) / (1 - share seized) times as much, and nothing seized."""
    of = Border(supply__seized=0.1)
    of.days(60, 5.0)
    landed = of.counts[:, TradeCounter.RAW_LANDED].sum()
    paid = of.held(Account.POACHED, Item.MONEY)
    assert landed > 0
    assert paid / landed / 0.1 == pytest.approx(5.5 * 0.9 / 0.5, rel=1e-6)


def test_all_that_is_shipped_may_be_seized():
    """Where everything is seized nothing lands, and the chain goes on."""
    of = Border(supply__seized=0.5).days(100, 10.0)
    assert of.counts[:, TradeCounter.RAW_LANDED].sum() == 0 < of.seizures()[0]


def test_full_or_poor_or_closed_suppliers_buy_nothing():
    """Who has no room, no money or was raided takes no shipment."""
    full, poor, closed = Border(), Border(), Border()
    for k in range(full.suppliers):
        full.set(Account.SUPPLIERS, Item.RAW, 10**18 // 3, k)
        poor.set(Account.SUPPLIERS, Item.MONEY, 0, k)
    closed.trade.dealers.closed_until[:] = closed.day + 1000
    for of in (full, poor, closed):
        of.days(100)
        assert of.counts[:, TradeCounter.RAW_LANDED].sum() == 0
    assert Border().days(100).counts[:, TradeCounter.RAW_LANDED].sum() > 0  # negative control


def test_a_supplier_pays_what_he_has_at_most():
    """A shipment too dear is bought in part, to the last fen but one; crumbs below it are free."""
    of = Border(supply__shipments=10.0)
    for k in range(of.suppliers):
        of.set(Account.SUPPLIERS, Item.MONEY, 12_345, k)
    of.days(50)
    for k in range(of.suppliers):
        assert 0 <= of.held(Account.SUPPLIERS, Item.MONEY, k) <= 1
        assert of.held(Account.SUPPLIERS, Item.RAW, k) == pytest.approx(12_345 / 0.55, abs=1000)


def test_days_and_suppliers_have_luck_of_their_own():
    """Shipments of two suppliers, and of two days, do not follow each other."""
    of = Border(supply__shipments=2.0)
    landed = np.zeros((200, of.suppliers))
    for row in range(200):
        before = [of.held(Account.SUPPLIERS, Item.RAW, k) for k in range(of.suppliers)]
        land_shipments(of.seed, of.day + row, row, levers(), of.params, of.trade)
        landed[row] = [of.held(Account.SUPPLIERS, Item.RAW, k) for k in range(of.suppliers)]
        landed[row] -= before
    if of.suppliers > 1:
        assert stats.pearsonr(landed[:, 0], landed[:, 1]).pvalue > FALSE_ALARM
    assert stats.pearsonr(landed[1:, 0], landed[:-1, 0]).pvalue > FALSE_ALARM
