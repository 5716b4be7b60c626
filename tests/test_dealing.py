"""Who buys of whom: the race among dealers that a buyer knows."""

import numpy as np
import pytest
from conftest import Standstill

from marketsim.model.dealers import KNOWN_DEALERS, choose_dealer
from marketsim.model.ledger import Account, Item
from marketsim.model.state import NOBODY
from marketsim.numerics.elementary import log
from marketsim.numerics.rng import Purpose, uniform


class Suppliers(Standstill):
    """Suppliers with raw ivory as a test gives it to them."""

    def __init__(self, number: int, stock: int = 1000):
        super().__init__(1000, supply__suppliers=float(number), workshop__processors=0.0)
        for supplier in range(number):
            self.set(Account.SUPPLIERS, Item.RAW, stock * (supplier + 1), supplier)

    def chosen(self, who: int, near: int = 0) -> int:
        keys = (self.seed, Purpose.SOURCE, self.day, who)
        return choose_dealer(*keys, Account.SUPPLIERS, near, True, self.params, self.trade)


@pytest.mark.parametrize("near", [0, 3, 9])
def test_the_race_is_weighted_by_stock(near):
    """Where all are known, the first in the race is chosen, wherever one begins to look."""
    market = Suppliers(10)
    for who in range(50):
        draws = [uniform(market.seed, Purpose.SOURCE, market.day, who, s) for s in range(10)]
        times = [-log(u) / (1000.0 * (s + 1)) for s, u in enumerate(draws)]
        assert market.chosen(who, near) == int(np.argmin(times))


def test_in_a_large_market_only_so_many_are_known():
    """Known are those from the near one on, around the end; all of them are chosen sometimes."""
    number = 2 * KNOWN_DEALERS + 10
    near = number - 20
    known = {(near + k) % number for k in range(KNOWN_DEALERS)}
    market = Suppliers(number)
    chosen = {market.chosen(who, near) for who in range(3000)}
    assert chosen <= known
    assert max(known - {number - 1}) in chosen and len(chosen) > 0.8 * KNOWN_DEALERS
    others = {market.chosen(who, near + 15) for who in range(3000)}  # negative control
    assert not others <= known


def test_closed_and_sold_out_dealers_are_not_chosen():
    """Nobody is found where all who are known are closed or have nothing."""
    market = Suppliers(2 * KNOWN_DEALERS)
    market.trade.dealers.closed_until[:KNOWN_DEALERS] = market.day + 1
    assert market.chosen(1, 0) == NOBODY
    assert market.chosen(1, 1) == KNOWN_DEALERS
    market.set(Account.SUPPLIERS, Item.RAW, 0, KNOWN_DEALERS)
    assert market.chosen(1, 1) == NOBODY
